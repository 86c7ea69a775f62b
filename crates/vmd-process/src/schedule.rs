//! Noise schedules: the survival probability `α(t)` of a clean token.

use std::f64::consts::{FRAC_PI_2, FRAC_PI_4};

use serde::{Deserialize, Serialize};

use crate::ScheduleError;
use crate::segment::{Segment, validate_knots};

/// Survival probability `α(t)` of a clean token at time `t ∈ [0, 1]`.
///
/// Every kind keeps one contract: `α(0) = 1`, `α(1) = 0` exactly, `α` continuous and strictly decreasing. `α(1) = 0` is
/// what makes "everything is masked" the start of the reverse chain; with a remainder the bound would need one more
/// term for the clean tokens that the sampler never starts from. Times outside `[0, 1]` are clamped.
///
/// Variants without parameters are written `Linear {}`, because serde cannot reject unknown keys on unit variants.
///
/// ```
/// use vmd_process::NoiseSchedule;
/// let cosine = NoiseSchedule::Cosine {};
/// assert_eq!((cosine.alpha(0.0), cosine.alpha(1.0)), (1.0, 0.0));
/// assert!((NoiseSchedule::default().elbo_weight(0.25) - 4.0).abs() < 1e-12); // linear: 1/t
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum NoiseSchedule {
    /// `α = 1 − t`, ELBO weight `1/t`. The default.
    ///
    /// # Source
    /// MD4, arXiv 2406.04329, table of masking schedules.
    Linear {},
    /// `α = 1 − cos(π/2·(1−t))`, ELBO weight `π/2·tan(π/2·(1−t))`.
    ///
    /// # Source
    /// `MaskGIT`, arXiv 2202.04200, cosine scheduling (mask ratio `cos(π/2·r)`, `r = 1 − t`); MD4, arXiv 2406.04329,
    /// table of masking schedules.
    Cosine {},
    /// `α = 1 − t^exponent`, ELBO weight `exponent/t`.
    ///
    /// # Source
    /// MD4, arXiv 2406.04329, table of masking schedules.
    Polynomial {
        /// Positive; 1 is the linear schedule.
        exponent: f64,
    },
    /// `σ(t) = −log(1 − (1−ε)t)`, so `α = exp(−σ) = 1 − (1−ε)t`, up to `t = 1 − ε`; from there straight to `α(1) = 0`.
    ///
    /// The literature stops at `α(1) = ε`, which leaves a share ε of the tokens clean at the time at which the sampler
    /// assumes that all are masked. Spending the last ε of time on the descent from `α(1−ε) = ε(2−ε)` to 0 keeps the
    /// schedule unchanged elsewhere and the contract (hence the bound) exact.
    ///
    /// # Source
    /// MDLM, arXiv 2406.07524 (there ε = 1e-3).
    LogLinear {
        /// Inside (0, 1), usually 1e-3.
        epsilon: f64,
    },
    /// Straight lines between knots `(t, alpha)`: a measured or learned schedule.
    PiecewiseLinear {
        /// From `(0, 1)` to `(1, 0)`, `t` strictly rising, `alpha` strictly falling.
        knots: Vec<(f64, f64)>,
    },
}

impl Default for NoiseSchedule {
    fn default() -> Self {
        Self::Linear {}
    }
}

impl NoiseSchedule {
    /// Checks the parameters; every other method assumes that this succeeded, and may panic if it did not.
    ///
    /// # Errors
    /// [`ScheduleError`] names the parameter that breaks the contract.
    pub fn validate(&self) -> Result<(), ScheduleError> {
        match self {
            Self::Linear {} | Self::Cosine {} => Ok(()),
            Self::Polynomial { exponent } if exponent.is_finite() && *exponent > 0.0 => Ok(()),
            Self::Polynomial { exponent } => Err(ScheduleError::Exponent { exponent: *exponent }),
            Self::LogLinear { epsilon } if *epsilon > 0.0 && *epsilon < 1.0 => Ok(()),
            Self::LogLinear { epsilon } => Err(ScheduleError::Epsilon { epsilon: *epsilon }),
            Self::PiecewiseLinear { knots } => validate_knots(knots),
        }
    }

    /// Survival probability `α(t)`.
    #[must_use]
    pub fn alpha(&self, t: f64) -> f64 {
        let t = t.clamp(0.0, 1.0);
        match self {
            // The end points are exact in every other form; here they would be off by a rounding error.
            Self::Cosine {} if t == 0.0 => 1.0,
            // 1 − cos x = 2 sin²(x/2), which keeps its digits near t = 1.
            Self::Cosine {} => 2.0 * (FRAC_PI_4 * (1.0 - t)).sin().powi(2),
            Self::Linear {} | Self::Polynomial { .. } => 1.0 - self.mask_ratio(t),
            Self::LogLinear { .. } | Self::PiecewiseLinear { .. } => self.segment(t).alpha(t),
        }
    }

    /// Expected share of masked tokens `1 − α(t)`, computed without the cancellation near `t = 0`.
    #[must_use]
    pub fn mask_ratio(&self, t: f64) -> f64 {
        let t = t.clamp(0.0, 1.0);
        match self {
            Self::Linear {} => t,
            Self::Cosine {} => (FRAC_PI_2 * t).sin(),
            Self::Polynomial { exponent } => t.powf(*exponent),
            Self::LogLinear { .. } | Self::PiecewiseLinear { .. } => self.segment(t).mask_ratio(t),
        }
    }

    /// Slope `α'(t) ≤ 0`; at a kink the slope to the right of it (at `t = 1`, to the left).
    #[must_use]
    pub fn d_alpha(&self, t: f64) -> f64 {
        let t = t.clamp(0.0, 1.0);
        match self {
            Self::Linear {} => -1.0,
            Self::Cosine {} => -FRAC_PI_2 * (FRAC_PI_2 * t).cos(),
            Self::Polynomial { exponent } => -exponent * t.powf(exponent - 1.0),
            Self::LogLinear { .. } | Self::PiecewiseLinear { .. } => self.segment(t).slope(),
        }
    }

    /// Weight `−α'(t)/(1 − α(t)) ≥ 0` of the cross-entropy at time `t` in the continuous-time bound; `+∞` at `t = 0`.
    ///
    /// # Source
    /// MDLM, arXiv 2406.07524, continuous-time NELBO; MD4, arXiv 2406.04329, continuous-time objective.
    #[must_use]
    pub fn elbo_weight(&self, t: f64) -> f64 {
        let t = t.clamp(0.0, 1.0);
        match self {
            // Written out, because numerator and denominator may both underflow near t = 0.
            Self::Linear {} => 1.0 / t,
            Self::Polynomial { exponent } => exponent / t,
            Self::Cosine {} => FRAC_PI_2 / (FRAC_PI_2 * t).tan(),
            Self::LogLinear { .. } | Self::PiecewiseLinear { .. } => -self.d_alpha(t) / self.mask_ratio(t),
        }
    }

    /// The time at which the survival probability is `alpha` (clamped to `[0, 1]`).
    #[must_use]
    pub fn inverse(&self, alpha: f64) -> f64 {
        let alpha = alpha.clamp(0.0, 1.0);
        match self {
            Self::Linear {} => 1.0 - alpha,
            Self::Cosine {} => (1.0 - (0.5 * alpha).sqrt().asin() / FRAC_PI_4).clamp(0.0, 1.0),
            Self::Polynomial { exponent } => (1.0 - alpha).powf(exponent.recip()),
            Self::LogLinear { .. } | Self::PiecewiseLinear { .. } => {
                self.find_segment(|segment| alpha > segment.end.1).time(alpha)
            }
        }
    }

    fn segment(&self, t: f64) -> Segment {
        self.find_segment(|segment| t < segment.end.0)
    }

    /// The first straight piece that `wanted` accepts, the last one if it accepts none.
    fn find_segment(&self, wanted: impl Fn(&Segment) -> bool) -> Segment {
        let log_linear;
        let knots: &[(f64, f64)] = match self {
            Self::PiecewiseLinear { knots } => knots,
            Self::LogLinear { epsilon } => {
                log_linear = [(0.0, 1.0), (1.0 - epsilon, epsilon * (2.0 - epsilon)), (1.0, 0.0)];
                &log_linear
            }
            Self::Linear {} | Self::Cosine {} | Self::Polynomial { .. } => &[(0.0, 1.0), (1.0, 0.0)],
        };
        let mut segments = knots.windows(2).map(|pair| Segment { start: pair[0], end: pair[1] });
        let last = Segment { start: knots[knots.len() - 2], end: knots[knots.len() - 1] };
        segments.find(wanted).unwrap_or(last)
    }
}
