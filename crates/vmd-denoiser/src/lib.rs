//! Denoising networks: from partly masked tokens (and a latent) to logits over clean tokens.
//!
//! Invariant: a denoiser knows neither the masking process nor the posterior. It maps
//! `(xt, z, t)` to logits and counts how often it was asked.

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
