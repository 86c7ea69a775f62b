//! The forward masking process of masked diffusion, on the host and in `f64`.
//!
//! Invariant: functions of tokens and times on the host, in `f64`. The crate does not depend on
//! networks, latents or tensors, and draws no random numbers: uniform draws are arguments.
//!
//! A clean token survives until time `t` with probability `α(t)` ([`NoiseSchedule`]); otherwise it
//! is replaced by the mask token ([`corrupt`]). A reverse step from `t` to `s < t` reveals a
//! masked token with probability `r(s, t) = (α(s) − α(t)) / (1 − α(t))` ([`reveal_probability`]).
//! A chain of `T` steps uses the times of [`step_times`].
//!
//! ```
//! use vmd_core::{Purpose, keyed_rng, uniform};
//! use vmd_process::{NoiseSchedule, corrupt};
//!
//! let mut rng = keyed_rng(7, 0, Purpose::Mask);
//! let u: Vec<f64> = (0..4).map(|_| uniform(&mut rng)).collect();
//! let xt = corrupt(&[3, 1, 4, 1], 1.0, &u, None, 10, &NoiseSchedule::default());
//! assert_eq!(xt, [10, 10, 10, 10]); // α(1) = 0: nothing survives
//! ```

mod corrupt;
mod reveal;
mod schedule;
mod steps;
mod times;

pub use corrupt::corrupt;
pub use reveal::{kl_multiplier, reveal_probability};
pub use schedule::NoiseSchedule;
pub use steps::{reveal_counts, step_times};
pub use times::low_discrepancy_times;

/// Compiles the examples of the README as doctests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
