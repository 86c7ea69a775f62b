//! Metrics, intervals and [`Record`]s: figures with their full provenance.
//!
//! Invariant: nothing here trains a network, prints or depends on a task, and every figure carries
//! its settings.

mod interval;
mod record;
pub mod text;

pub use interval::{half_width, mean_interval, wilson_interval};
pub use record::{Figure, Provenance, Record, SamplerLabel, Unit};

/// Runs the examples in the README as doctests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
