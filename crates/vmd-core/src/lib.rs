//! Shared foundations: keyed random streams, log-probability arithmetic, data sources, and
//! validation of configurations.
//!
//! Invariant: plain Rust numbers only. The crate does not depend on tensors, networks, files or
//! tasks.
//!
//! [`keyed_rng`] is the only source of randomness in the project: equal `(seed, step, purpose)`
//! give equal bits, whether or not a run was interrupted.

mod math;
mod random;
mod source;
mod validate;

pub use math::{log_mean_exp, log_softmax, log_sum_exp};
pub use random::{Purpose, gumbel, index_below, keyed_rng, open_uniform, standard_normal, uniform};
pub use source::DataSource;
pub use validate::{Problem, Validate};

/// Compiles the examples of the README as doctests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
