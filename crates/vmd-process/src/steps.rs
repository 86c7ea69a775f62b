//! Times and reveal counts of a chain of `T` steps.

/// Returns the times `t_T = 1, …, t_0 = 0` of a chain of `T = n_steps` steps, `t_k = k/T`, in
/// sampling order.
///
/// # Panics
/// If `n_steps` is 0.
///
/// ```
/// assert_eq!(vmd_process::step_times(4), [1.0, 0.75, 0.5, 0.25, 0.0]);
/// ```
#[must_use]
pub fn step_times(n_steps: usize) -> Vec<f64> {
    assert!(n_steps > 0, "a chain has at least one step");
    (0..=n_steps).map(|step| (n_steps - step) as f64 / n_steps as f64).collect()
}

/// Returns the number of tokens that each of `n_steps` steps reveals: `n_masked` in total, spread
/// as evenly as possible.
///
/// With `n_masked ≥ n_steps` every step reveals at least one token.
///
/// # Panics
/// If `n_steps` is 0.
///
/// ```
/// assert_eq!(vmd_process::reveal_counts(7, 3), [3, 2, 2]);
/// ```
#[must_use]
pub fn reveal_counts(n_masked: usize, n_steps: usize) -> Vec<usize> {
    assert!(n_steps > 0, "a chain has at least one step");
    // Integer arithmetic, so that the counts do not depend on rounding; 128 bits cannot overflow.
    let masked_after = |step: usize| (n_masked as u128 * (n_steps - step) as u128 / n_steps as u128) as usize;
    let mut left = n_masked;
    let reveal_in_step = |step: usize| {
        let next = if n_masked >= n_steps {
            // Reveal at least one token now and leave at least one for each later step.
            masked_after(step).clamp(n_steps - step, left - 1)
        } else {
            masked_after(step).min(left)
        };
        let count = left - next;
        left = next;
        count
    };
    (1..=n_steps).map(reveal_in_step).collect()
}
