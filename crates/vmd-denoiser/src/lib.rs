//! Denoising networks, which map partly masked tokens (and a latent) to logits of the clean tokens.
//!
//! Invariant: a denoiser maps `(xt, z, t)` to logits and counts its evaluations. It does not depend
//! on the masking process or on the source of `z`.

mod denoiser;
mod network;
mod nfe;
mod parents;

pub use denoiser::{Context, Denoiser, DenoiserInput};
pub use network::{DenoiserConfig, LatentShape, Network, NetworkShape};
pub use nfe::NfeCounter;
pub use parents::{HostParentHead, ParentHead, ParentsConfig};

/// The examples of the README are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
