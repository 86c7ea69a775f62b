//! Stratified training times.

/// Returns `n` stratified training times in `(0, 1]`: one per interval of length `1/n`, all
/// shifted by `u ∈ [0, 1)`.
///
/// `t_i = (u + i)/n`, with 1 in place of 0. For uniform `u`, `t_i` is uniform on its interval, and
/// the mean of the times has a much smaller variance than that of independent draws.
///
/// # Source
/// VDM, arXiv 2107.00630: appendix on the low-discrepancy sampler; also used by MDLM, arXiv
/// 2406.07524.
///
/// ```
/// assert_eq!(vmd_process::low_discrepancy_times(2, 0.5), [0.25, 0.75]);
/// ```
#[must_use]
pub fn low_discrepancy_times(n: usize, u: f64) -> Vec<f64> {
    let wrapped = |t: f64| if t > 0.0 { t.min(1.0) } else { 1.0 };
    (0..n).map(|i| wrapped((u + i as f64) / n as f64)).collect()
}
