//! Samplers that fill masked tokens in a few network evaluations, and a search for data with rules.
//!
//! A [`Sampler`] is a reveal rule, a value rule and a remask rule, each a choice of its own. A [`Search`] takes back what turns
//! out wrong. Both drive any [`Predictor`], compute probabilities in double precision, and count network evaluations per row.
//!
//! Invariant: nothing here knows networks, tensors or data sets. A sampler asks a [`Predictor`] for logits on the host, a
//! [`Checker`] for the rules of the data, and reports to an [`Observer`]. Random numbers come from streams keyed by seed, row
//! and attempt.

mod checker;
mod config;
mod evaluate;
mod method;
mod observer;
mod plan;
mod prediction;
mod predictor;
mod probabilities;
mod request;
mod row;
mod rules;
mod sampler;
mod search;
mod text;
mod tree;

pub use checker::Checker;
pub use config::SamplerConfig;
pub use method::Method;
pub use observer::Observer;
pub use prediction::{Prediction, RowPrediction, StepTies};
pub use predictor::{Predictor, Query, Scope};
pub use request::{Request, SampleOutput};
pub use rules::{RemaskRule, RevealRule, ValueRule};
pub use sampler::Sampler;
pub use search::{Search, SearchConfig};
pub use text::ParseRuleError;

/// The examples of the README are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
