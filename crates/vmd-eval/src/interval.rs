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

/// 97.5 % quantiles of Student's t distribution with 1 to 9 degrees of freedom.
const STUDENT: [f64; 9] =
    [12.706_205, 4.302_653, 3.182_446, 2.776_445, 2.570_582, 2.446_912, 2.364_624, 2.306_004, 2.262_157];

/// Half of the 95 % interval of the mean of `n` values: its `standard_error` times the quantile of
/// Student's t distribution with `n − 1` degrees of freedom. 0 for a single value, of which the
/// spread is unknown.
///
/// From 10 degrees of freedom the quantile is the Cornish–Fisher expansion around the normal one,
/// with a relative error below 1e-4.
///
/// ```
/// assert!((vmd_eval::half_width(1.0, 9) - 2.306).abs() < 1e-3);
/// assert!((vmd_eval::half_width(1.0, 1_000_000) - 1.96).abs() < 1e-3);
/// ```
pub fn half_width(standard_error: f64, n: usize) -> f64 {
    let Some(freedom) = n.checked_sub(1).filter(|&freedom| freedom > 0) else { return 0.0 };
    let quantile = STUDENT.get(freedom - 1).copied().unwrap_or_else(|| {
        let d = freedom as f64;
        let [z3, z5, z7] = [3, 5, 7].map(|power| Z.powi(power));
        Z + (z3 + Z) / (4.0 * d)
            + (5.0 * z5 + 16.0 * z3 + 3.0 * Z) / (96.0 * d * d)
            + (3.0 * z7 + 19.0 * z5 + 17.0 * z3 - 15.0 * Z) / (384.0 * d * d * d)
    });
    quantile * standard_error
}

/// A mean with its 95 % interval, for values that are nearly normal; see [`half_width`].
pub fn mean_interval(values: &[f64]) -> Figure {
    let n = values.len();
    let mean = values.iter().sum::<f64>() / n.max(1) as f64;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n.max(2) - 1) as f64;
    let half = half_width((variance / n.max(1) as f64).sqrt(), n);
    Figure { value: mean, ci95: [mean - half, mean + half], n, unit: Unit::Plain }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mass of Student's t between −t and t, by Simpson's rule, up to the density's constant.
    fn mass(freedom: f64, t: f64) -> f64 {
        const PARTS: usize = 200_000;
        let density = |x: f64| (1.0 + x * x / freedom).powf(-(freedom + 1.0) / 2.0);
        let width = 2.0 * t / PARTS as f64;
        let weight = |i: usize| {
            if i == 0 || i == PARTS {
                1.0
            } else if i % 2 == 1 {
                4.0
            } else {
                2.0
            }
        };
        (0..=PARTS).map(|i| weight(i) * density(-t + i as f64 * width)).sum::<f64>() * width / 3.0
    }

    #[test]
    fn intervals_of_few_values_hold_95_percent_of_students_distribution() {
        // Beyond 2,000 a distribution with 4 or more degrees of freedom has less than 1e-9 of its mass.
        for n in [5, 8, 10, 11, 14, 20, 50, 400] {
            let freedom = (n - 1) as f64;
            let share = mass(freedom, half_width(1.0, n)) / mass(freedom, 2000.0);
            assert!((share - 0.95).abs() < 2e-5, "{n}: {share}");
        }
        // One and two degrees of freedom have closed forms.
        assert!((half_width(1.0, 2) - (0.475 * std::f64::consts::PI).tan()).abs() < 1e-5);
        assert!((half_width(1.0, 3) - 0.95 / (2.0 * 0.975 * 0.025_f64).sqrt()).abs() < 1e-5);
        assert_eq!((half_width(1.0, 1), half_width(1.0, 0)), (0.0, 0.0));
    }
}
