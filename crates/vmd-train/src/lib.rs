//! The training loop: optimiser, schedules, EMA, metrics and checkpoints.
//!
//! Training is a pure function of the configuration: all random numbers are keyed by seed and step,
//! so a run that was killed and resumed ends with the same bits as an uninterrupted one.
//!
//! Invariant: nothing here depends on a particular data set or task. It reads examples by index
//! from any [`DataSource`](vmd_core::DataSource), prints nothing, and reports to an [`Observer`].

mod checkpoint;
mod config;
mod config_builder;
mod distill;
mod error;
mod examples;
mod gates;
mod metrics;
mod observer;
mod optimizer;
mod pretrained;
mod recurrence;
mod run_folder;
mod schedule;
mod trainer;

pub use checkpoint::{Checkpoint, TrainerState};
pub use config::{Curriculum, KlSchedule, LearningRateDecay, TrainConfig};
pub use distill::Distill;
pub use error::TrainError;
pub use metrics::{MetricRecord, read_metrics};
pub use observer::{Observer, Outcome};
pub use optimizer::AdamW;
pub use pretrained::Pretrained;
pub use recurrence::Recurrence;
pub use run_folder::RunFolder;
pub use schedule::learning_rate;
pub use trainer::{Trainer, TrainerParts};

/// Runs the examples in the README as doctests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
