//! Network blocks that the denoiser and the posterior share.
//!
//! Attention and messages with heads restricted to the edge types of a dependency graph, adaLN conditioning, embeddings,
//! weight-tied loops, and named access to a module's parameters.
//!
//! Invariant: nothing here knows the masking process, what a latent means, or where a device comes from.
//! Parameters are drawn on the host from a stream that the caller seeds, so the same seed gives the same
//! network on every backend.

mod attention;
mod gates;
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
