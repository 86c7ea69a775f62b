//! Samplers that fill masked tokens in a few network evaluations, and a search for data with rules.
//!
//! A [`Sampler`] combines a reveal rule, a value rule and a remask rule. A [`Search`] can revise
//! revealed tokens. Both work with any [`Predictor`], compute probabilities in double precision,
//! and count network evaluations per row.
//!
//! Invariant: nothing here depends on networks, tensors or data sets. A sampler gets logits on the
//! host from a [`Predictor`] and the rules of the data from a [`Checker`], and reports to an
//! [`Observer`]. Random numbers come from streams keyed by seed, row and attempt.

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
pub use config::{MAX_STEPS, SamplerConfig};
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
