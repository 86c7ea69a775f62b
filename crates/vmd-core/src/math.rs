//! Arithmetic on log-probabilities, in double precision.

/// Computes `ln Σ exp`, with the maximum factored out.
///
/// ```
/// assert_eq!(vmd_core::log_sum_exp(&[1000.0, f64::NEG_INFINITY]), 1000.0);
/// ```
#[must_use]
pub fn log_sum_exp(values: &[f64]) -> f64 {
    let (largest, sum) = largest_and_sum(values);
    largest + sum.ln()
}

/// Computes `ln (1/n) Σ exp` of `n` values, with the maximum factored out.
#[must_use]
pub fn log_mean_exp(values: &[f64]) -> f64 {
    let (largest, sum) = largest_and_sum(values);
    largest + (sum / values.len() as f64).ln()
}

/// Subtracts [`log_sum_exp`] from every logit, in place.
pub fn log_softmax(logits: &mut [f64]) {
    let total = log_sum_exp(logits);
    logits.iter_mut().for_each(|logit| *logit -= total);
}

/// Returns the maximum and `Σ exp(value − maximum)`.
fn largest_and_sum(values: &[f64]) -> (f64, f64) {
    let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    (largest, values.iter().map(|value| (value - largest).exp()).sum())
}
