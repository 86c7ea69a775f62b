//! Reveal probabilities, and the multiplier of the KL when the latent is drawn anew in every step.

use crate::NoiseSchedule;

/// Returns the probability `r(s, t) = (α(s) − α(t)) / (1 − α(t))` that a masked token is revealed
/// in a step from `t` to `s ≤ t`.
///
/// Steps compose: `1 − r(s, t) = (1 − r(s, u))·(1 − r(u, t))`. At `s = t` the value is 0.
///
/// # Panics
/// If `s > t`.
///
/// # Source
/// MDLM, arXiv 2406.07524: posterior of the absorbing state.
///
/// ```
/// use vmd_process::{NoiseSchedule, reveal_probability};
/// // Linear schedule, from 3/4 to 1/2: a third of the masked tokens is revealed.
/// assert!((reveal_probability(&NoiseSchedule::default(), 0.5, 0.75) - 1.0 / 3.0).abs() < 1e-12);
/// ```
#[must_use]
pub fn reveal_probability(schedule: &NoiseSchedule, s: f64, t: f64) -> f64 {
    assert!(s <= t, "the reverse process goes from t = {t} to an earlier time, not to s = {s}");
    if s == t {
        return 0.0;
    }
    // 1 − m(s)/m(t) with the mask ratio m = 1 − α avoids cancellation near t = 0.
    let (masked_at_s, masked_at_t) = (schedule.mask_ratio(s), schedule.mask_ratio(t));
    if masked_at_t == 0.0 {
        return 1.0;
    }
    ((masked_at_t - masked_at_s) / masked_at_t).clamp(0.0, 1.0)
}

/// Returns the multiplier `c(n, r) = (1 − (1−r)^n) / r ∈ [1, n]` of the KL when the latent is
/// drawn anew in every step.
///
/// With `n` masked tokens, the term of one step is `r·(reconstruction + c·KL)`: a step that
/// reveals no token, with probability `(1−r)^n`, has no KL. The limits are `c(0, r) = 0`,
/// `c(n, 0) = n` and `c(n, 1) = 1`.
///
/// # Panics
/// If `r` is outside `[0, 1]`.
///
/// ```
/// use vmd_process::kl_multiplier;
/// assert!((kl_multiplier(3, 0.5) - 1.75).abs() < 1e-12);
/// assert!((kl_multiplier(1000, 1e-12) - 1000.0).abs() < 1e-5);
/// ```
#[must_use]
pub fn kl_multiplier(n_masked: usize, reveal_probability: f64) -> f64 {
    let r = reveal_probability;
    assert!((0.0..=1.0).contains(&r), "a reveal probability lies in [0, 1], got {r}");
    if n_masked == 0 {
        return 0.0;
    }
    let n = n_masked as f64;
    if r == 0.0 {
        return n;
    }
    // 1 − (1−r)^n = −expm1(n·log1p(−r)) is accurate for tiny r, where the direct form returns 0.
    let multiplier = -(n * (-r).ln_1p()).exp_m1() / r;
    multiplier.clamp(1.0, n)
}
