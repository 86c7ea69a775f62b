//! Metrics, intervals and [`Record`]s: one figure with everything needed to know what it is.
//!
//! Invariant: nothing here trains a network, prints or knows a task, and no figure leaves without its settings.

mod interval;
mod record;
pub mod text;

pub use interval::{mean_interval, wilson_interval};
pub use record::{Figure, Provenance, Record, SamplerLabel, Unit};

/// The examples of the README are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
