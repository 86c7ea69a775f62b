//! Tasks: data, rules, recipe and evaluation for each kind of data.
//!
//! A [`Task`] opens its data, defines their rules, suggests a training recipe and measures a model.
//! Each kind of data has a folder and a variant of [`TaskConfig`].
//!
//! Invariant: nothing here prints, chooses a device or depends on the command line, and no task
//! depends on another one. Without the feature `train` nothing here depends on the trainer or
//! automatic differentiation.

mod config;
mod error;
mod evaluation;
mod files;
pub mod lines;
pub mod molecules;
mod observer;
#[cfg(feature = "train")]
mod recipe;
mod sampling;
mod settings;
mod subject;
pub mod sudoku;
pub mod synthetic;
pub mod table;
mod task;
pub mod text;

pub use config::{TaskConfig, TaskSettings};
pub use error::TaskError;
pub use evaluation::{Evaluation, Given, Options};
pub use observer::{Observer, Recorder};
#[cfg(feature = "train")]
pub use recipe::{Recipe, merge};
pub use sampling::{block_sampler, check_method, sequence_sampler};
pub use settings::{EvaluateConfig, samplers};
pub use subject::{Stamp, Subject};
pub use task::{Sizes, Sources, Task};

/// Runs the examples in the README as doctests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
