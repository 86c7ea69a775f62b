//! The model: process, latent and denoiser combined, with objectives and bounds.
//!
//! Invariant: nothing here depends on data sets or optimisers. An objective maps a batch to named
//! loss terms in nats, and a model is a [`Predictor`](vmd_sampler::Predictor) for samplers.

mod batch;
mod bound;
mod conditioned;
mod config;
pub mod files;
mod folder;
mod importance;
mod loss;
mod model;
mod objective;
mod session;

pub use batch::TrainingBatch;
pub use bound::{BoundEstimate, LatentFree, estimate_bounds};
pub use conditioned::Conditioned;
pub use config::ModelConfig;
pub use folder::{
    CONFIG, LoadError, LoadOptions, WEIGHTS, load_model, load_model_dir, model_folder, save_model_dir,
};
pub use importance::importance_bound;
pub use loss::{LatentSource, Loss, LossOptions, TrainedLoops, loss};
pub use model::{TrainableDenoiser, VmdModel};
pub use objective::{Budgets, ObjectiveConfig};
pub use session::{Session, Writing};
pub use vmd_denoiser::Network;
pub use vmd_sampler::Scope;

/// The examples of the README are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
