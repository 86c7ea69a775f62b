//! Variational masked diffusion: few-step generation of discrete data that is globally consistent.
//!
//! This crate re-exports the libraries and adds the shortest way to use a trained model:
//!
//! ```no_run
//! use vmd::VariationalMaskedDiffusion;
//! use vmd::model::SamplerConfig;
//!
//! # fn device() -> vmd::Device { unimplemented!() }
//! let model = VariationalMaskedDiffusion::from_dir("runs/d1-001/model", &device())?;
//! let sampler = SamplerConfig { nfe: 1, ..Default::default() };
//! let samples = model.sample(8, &sampler, 1);
//! println!("{:?} at {} evaluations each", samples.tokens, samples.mean_nfe());
//! # Ok::<(), vmd::train::TrainError>(())
//! ```
//!
//! Invariant: nothing here knows the command line.

mod pipeline;

pub use burn::tensor::Device;
pub use pipeline::{CompleteError, VariationalMaskedDiffusion};
pub use vmd_data as data;
pub use vmd_denoiser as denoiser;
pub use vmd_eval as eval;
pub use vmd_graph as graph;
pub use vmd_kernels as kernels;
pub use vmd_latent as latent;
pub use vmd_model as model;
pub use vmd_nn as nn;
pub use vmd_process as process;
pub use vmd_tasks as tasks;
pub use vmd_train as train;
