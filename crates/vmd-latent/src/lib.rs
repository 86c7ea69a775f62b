//! Priors and posteriors of the latent `z`, their divergences and diagnostics.
//!
//! Invariant: a latent is a row of numbers per sequence, with a prior, a posterior and a
//! divergence. The crate does not depend on the denoiser or the masking process. Callers pass
//! noise as an argument, so that draws are reproducible.

mod config;
mod distribution;
mod health;
mod posterior;
mod prior;

pub use config::{DrawGradient, LatentConfig, LatentFamily, LatentStructure, PosteriorConfig, PriorKind};
pub use distribution::LatentDistribution;
pub use health::{HostPosterior, LatentHealth};
pub use posterior::Posterior;
pub use prior::{LatentRows, Prior, PriorNetwork};

/// Compiles the examples of the README as doctests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
