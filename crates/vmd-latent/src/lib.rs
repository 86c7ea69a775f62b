//! Priors and posteriors over the latent `z`, their divergences, and how alive a latent is.
//!
//! Invariant: nothing here knows the denoiser or the masking process. A latent is a row of numbers per
//! sequence; noise comes from the caller, so that a draw can be repeated.

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
