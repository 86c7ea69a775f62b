//! Where process, latent and denoiser meet: objectives and samplers.
//!
//! Invariant: nothing here knows data sets or optimisers, and only [`load_model_dir`] reads files. An objective maps a batch to named loss parts
//! in nats; a sampler drives any [`TokenPredictor`] and never learns which network it is.

mod batch;
mod bound;
mod conditioned;
mod config;
mod folder;
mod importance;
mod loss;
mod model;
mod objective;
pub mod sampler;
mod session;

pub use batch::{Difficulty, TrainingBatch};
pub use bound::{BoundEstimate, LatentFree, estimate_bounds};
pub use conditioned::Conditioned;
pub use config::{ModelConfig, Scope};
pub use folder::{CONFIG, LoadError, LoadOptions, WEIGHTS, load_model, load_model_dir, model_folder};
pub use importance::importance_bound;
pub use loss::{LatentSource, Loss, LossOptions, TrainedLoops, loss};
pub use model::{TrainableDenoiser, VmdModel};
pub use objective::{Budgets, ObjectiveConfig};
pub use sampler::{
    Checker, Prediction, Query, RemaskRule, RevealRule, RowPrediction, SampleOutput, Sampler, SamplerConfig,
    TokenPredictor, ValueRule,
};
pub use session::{Session, Writing};
pub use vmd_denoiser::Network;
