//! The forward process: replaces clean tokens by mask tokens.

use crate::NoiseSchedule;

/// Masks tokens for time `t`: token `i` is masked iff `u[i] ≥ α(t)` and it is not clamped.
///
/// With the same `u`, a later time masks a superset, so one draw per token defines a whole
/// trajectory of the process.
///
/// # Shapes
/// `x0`, `u`, `clamped` and the result have one entry per token; `u` holds uniform draws from
/// `[0, 1)`.
///
/// # Panics
/// If the lengths differ.
///
/// # Source
/// MDLM, arXiv 2406.07524: interpolating forward process with the mask as absorbing state.
///
/// ```
/// use vmd_process::{NoiseSchedule, corrupt};
/// let xt = corrupt(&[5, 6, 7], 0.5, &[0.1, 0.9, 0.9], Some(&[false, false, true]), 9, &NoiseSchedule::default());
/// assert_eq!(xt, [5, 9, 7]); // the first survives, the second does not, the third is a clue
/// ```
#[must_use]
pub fn corrupt(
    x0: &[u32],
    t: f64,
    u: &[f64],
    clamped: Option<&[bool]>,
    mask_token: u32,
    schedule: &NoiseSchedule,
) -> Vec<u32> {
    assert_eq!(x0.len(), u.len(), "one uniform draw per token");
    assert!(clamped.is_none_or(|clamped| clamped.len() == x0.len()), "one clamp flag per token");
    let alpha = schedule.alpha(t);
    let masked = |i: usize| u[i] >= alpha && !clamped.is_some_and(|clamped| clamped[i]);
    x0.iter().enumerate().map(|(i, &token)| if masked(i) { mask_token } else { token }).collect()
}
