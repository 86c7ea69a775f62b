//! Variational masked diffusion: few-step generation of discrete data that is globally consistent.
//!
//! This crate re-exports the libraries and adds the shortest ways to use a trained model
//!
//! ```no_run
//! use vmd::VariationalMaskedDiffusion;
//! use vmd::sampler::SamplerConfig;
//!
//! let device = vmd::device::open("auto")?.device;
//! let model = VariationalMaskedDiffusion::from_dir("runs/d1-001", &device)?;
//! let samples = model.sample(8, &SamplerConfig::new(1), 1);
//! println!("{:?} at {} evaluations each", samples.tokens, samples.mean_nfe());
//! # Ok::<(), vmd::Error>(())
//! ```
//!
//! and to train one on rows of tokens:
//!
//! ```no_run
//! use vmd::latent::LatentConfig;
//! use vmd::model::{ModelConfig, ObjectiveConfig};
//! use vmd::train::TrainConfig;
//!
//! let device = vmd::device::open("auto")?.device;
//! let rows: Vec<Vec<u32>> = (0..1000).map(|i| (i..i + 4).map(|token| token % 10).collect()).collect();
//! let model = ModelConfig::new(10, 4).with_latent(LatentConfig::categorical(6, 8));
//! let model = vmd::fit(&rows, &model, &ObjectiveConfig::new([1, 2]), &TrainConfig::new(1000), 1, &device)?;
//! model.save("my-model")?;
//! # Ok::<(), vmd::Error>(())
//! ```
//!
//! # Features
//!
//! `flex` (default) is the CPU backend; `wgpu`, `vulkan`, `metal` and `cuda` are others. [`device`]
//! opens their devices by name. `train` (default) adds training: the modules `train`, `training`,
//! `run`, `presets` and `models`. With `default-features = false` and a backend, models can be
//! loaded and sampled from without autodiff, plots or downloads.
//!
//! Invariant: nothing here depends on the command line, and nothing here prints.

pub mod device;
mod error;
#[cfg(feature = "train")]
mod fit;
#[cfg(feature = "train")]
pub mod models;
mod pipeline;
#[cfg(feature = "train")]
pub mod presets;
#[cfg(feature = "train")]
pub mod provenance;
#[cfg(feature = "train")]
pub mod run;
mod shipped;
#[cfg(feature = "train")]
pub mod training;

pub use burn::tensor::Device;
pub use error::Error;
#[cfg(feature = "train")]
pub use fit::{fit, fit_observed};
pub use pipeline::VariationalMaskedDiffusion;
pub use shipped::SHIPPED;
pub use vmd_core as core;
pub use vmd_data as data;
pub use vmd_denoiser as denoiser;
pub use vmd_eval as eval;
pub use vmd_graph as graph;
pub use vmd_kernels as kernels;
pub use vmd_latent as latent;
pub use vmd_model as model;
pub use vmd_nn as nn;
pub use vmd_process as process;
pub use vmd_sampler as sampler;
pub use vmd_tasks as tasks;
#[cfg(feature = "train")]
pub use vmd_train as train;

/// Runs the examples in the README as doctests.
#[cfg(all(doctest, feature = "train"))]
#[doc = include_str!("../README.md")]
struct Readme;
