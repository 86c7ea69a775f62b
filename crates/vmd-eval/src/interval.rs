//! 95 % intervals.

use crate::{Figure, Unit};

/// 97.5 % quantile of the normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// The proportion of `hits` among `n` with Wilson's score interval, which is inside `0..=1` and has
/// positive width even at the ends.
///
/// # Source
///
/// E. B. Wilson, J. Am. Stat. Assoc. 22 (1927).
///
/// ```
/// let figure = vmd_eval::wilson_interval(500, 500);
/// assert_eq!(figure.value, 1.0);
/// assert!((figure.ci95[0] - 0.99238).abs() < 1e-5);
/// ```
pub fn wilson_interval(hits: usize, n: usize) -> Figure {
    if n == 0 {
        return Figure { value: f64::NAN, ci95: [0.0, 1.0], n, unit: Unit::Share };
    }
    let (share, count) = (hits as f64 / n as f64, n as f64);
    let centre = share + Z * Z / (2.0 * count);
    let half = Z * (share * (1.0 - share) / count + Z * Z / (4.0 * count * count)).sqrt();
    let scale = 1.0 + Z * Z / count;
    let ci95 = [((centre - half) / scale).max(0.0), ((centre + half) / scale).min(1.0)];
    Figure { value: share, ci95, n, unit: Unit::Share }
}

/// A mean with its normal-approximation interval.
pub fn mean_interval(values: &[f64]) -> Figure {
    let n = values.len();
    let mean = values.iter().sum::<f64>() / n.max(1) as f64;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n.max(2) - 1) as f64;
    let half = Z * (variance / n.max(1) as f64).sqrt();
    Figure { value: mean, ci95: [mean - half, mean + half], n, unit: Unit::Plain }
}
