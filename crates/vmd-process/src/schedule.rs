//! Noise schedules: the survival probability `α(t)` of a clean token.

use std::f64::consts::{FRAC_PI_2, FRAC_PI_4};

use serde::{Deserialize, Serialize};

/// Survival probability `α(t)` of a clean token at time `t ∈ [0, 1]`.
///
/// Every schedule has exactly `α(0) = 1` and `α(1) = 0` and is strictly decreasing. With
/// `α(1) = 0` the reverse chain starts from the fully masked sequence; otherwise the bound would
/// need a term for tokens that are still clean at `t = 1`. Times outside `[0, 1]` are clamped.
///
/// Variants are written `Linear {}` because serde cannot reject unknown keys of unit variants.
///
/// ```
/// use vmd_process::NoiseSchedule;
/// let cosine = NoiseSchedule::Cosine {};
/// assert_eq!((cosine.alpha(0.0), cosine.alpha(1.0)), (1.0, 0.0));
/// assert!((NoiseSchedule::default().elbo_weight(0.25) - 4.0).abs() < 1e-12); // linear: 1/t
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum NoiseSchedule {
    /// `α = 1 − t`, ELBO weight `1/t`. The default.
    ///
    /// # Source
    /// MD4, arXiv 2406.04329: table of masking schedules.
    Linear {},
    /// `α = 1 − cos(π/2·(1−t))`, ELBO weight `π/2·tan(π/2·(1−t))`.
    ///
    /// # Source
    /// `MaskGIT`, arXiv 2202.04200: cosine scheduling (mask ratio `cos(π/2·r)`, `r = 1 − t`); MD4,
    /// arXiv 2406.04329: table of masking schedules.
    Cosine {},
}

impl Default for NoiseSchedule {
    fn default() -> Self {
        Self::Linear {}
    }
}

impl NoiseSchedule {
    /// Returns the survival probability `α(t)`.
    #[must_use]
    pub fn alpha(&self, t: f64) -> f64 {
        let t = t.clamp(0.0, 1.0);
        match self {
            Self::Linear {} => 1.0 - t,
            // Exactly 1; the formula below has a rounding error at `t = 0`.
            Self::Cosine {} if t == 0.0 => 1.0,
            // 1 − cos x = 2 sin²(x/2) avoids cancellation near t = 1.
            Self::Cosine {} => 2.0 * (FRAC_PI_4 * (1.0 - t)).sin().powi(2),
        }
    }

    /// Returns the expected share of masked tokens `1 − α(t)`, without cancellation near `t = 0`.
    #[must_use]
    pub fn mask_ratio(&self, t: f64) -> f64 {
        let t = t.clamp(0.0, 1.0);
        match self {
            Self::Linear {} => t,
            Self::Cosine {} => (FRAC_PI_2 * t).sin(),
        }
    }

    /// Returns the weight `−α'(t)/(1 − α(t)) ≥ 0` of the cross-entropy at time `t` in the
    /// continuous-time bound; `+∞` at `t = 0`.
    ///
    /// # Source
    /// MDLM, arXiv 2406.07524: continuous-time NELBO; MD4, arXiv 2406.04329: continuous-time
    /// objective.
    #[must_use]
    pub fn elbo_weight(&self, t: f64) -> f64 {
        let t = t.clamp(0.0, 1.0);
        match self {
            Self::Linear {} => 1.0 / t,
            Self::Cosine {} => FRAC_PI_2 / (FRAC_PI_2 * t).tan(),
        }
    }

    /// Returns the time at which the survival probability is `alpha` (clamped to `[0, 1]`).
    #[must_use]
    pub fn inverse(&self, alpha: f64) -> f64 {
        let alpha = alpha.clamp(0.0, 1.0);
        match self {
            Self::Linear {} => 1.0 - alpha,
            Self::Cosine {} => (1.0 - (0.5 * alpha).sqrt().asin() / FRAC_PI_4).clamp(0.0, 1.0),
        }
    }
}
