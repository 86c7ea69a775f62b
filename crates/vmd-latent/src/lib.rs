//! Priors and posteriors over the latent `z`, their divergences and diagnostics.
//!
//! Invariant: a latent is a row of numbers per sequence, with a prior, a posterior and a divergence. The crate does
//! not depend on the denoiser or the masking process. Noise comes from the caller, so that draws can be repeated.

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

/// The examples of the README are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
