//! Network blocks shared by the denoiser and the posterior.
//!
//! Attention and messages with heads restricted to the edge types of a dependency graph, adaLN
//! conditioning, embeddings, weight-tied loops, and named access to a module's parameters.
//!
//! Invariant: a block works on tensors and, at most, a graph. The crate does not depend on the
//! masking process, the meaning of a latent, or the choice of device. Parameters are drawn on the
//! host from a stream that the caller seeds, so the same seed gives the same network on every
//! backend.

mod attention;
mod gates;
#[cfg(feature = "autodiff")]
mod gradients;
mod init;
mod kv_cache;
mod linear;
mod messages;
mod norm;
mod parameters;
mod position;
mod trunk;
mod trunk_builder;

pub use attention::{Attention, head_edges};
pub use gates::{EdgeGates, GatesConfig};
#[cfg(feature = "autodiff")]
pub use gradients::{NamedGradients, named_gradients};
pub use init::ParameterInit;
pub use kv_cache::{BlockMask, KeysValues};
pub use linear::{Linear, Weights};
pub use messages::Messages;
pub use norm::{LayerNorm, Modulation};
pub use parameters::{
    ParameterError, load_parameters, named_parameters, parameters_from_safetensors, parameters_to_safetensors,
};
pub use position::{Embedding, PositionEncoding, PositionTable};
pub use trunk::{Loops, Mixing, Trunk, TrunkConfig};
pub use vmd_kernels::{Activation, Precision};

/// The examples of the README are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
