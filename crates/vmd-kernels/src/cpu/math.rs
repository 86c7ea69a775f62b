//! Elementary functions in `f32` without branches, so that loops over them vectorise.

/// `eˣ`, with a relative error below 2e-7; 0 below −86.6, `∞` above 88.7, NaN for NaN.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    // Adding 1.5·2²³ rounds to an integer, which the low bits of the sum then hold.
    const ROUND: f32 = 12_582_912.0;
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = (x - n * LN2_HIGH) - n * LN2_LOW;
    // The error of the Taylor polynomial on |r| ≤ ½ ln 2 is below 2e-8.
    let p = 1.0 / 5040.0;
    let p = p * r + 1.0 / 720.0;
    let p = p * r + 1.0 / 120.0;
    let p = p * r + 1.0 / 24.0;
    let p = p * r + 1.0 / 6.0;
    let p = p * r + 0.5;
    let p = p * r + 1.0;
    let p = p * r + 1.0;
    // 2ⁿ⁻¹, as 2¹²⁸ has no representation.
    let exponent = shifted.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(126) << 23;
    let y = p * f32::from_bits(exponent) * 2.0;
    let y = if x < -86.6 { 0.0 } else { y };
    let y = if x > 88.7 { f32::INFINITY } else { y };
    if x.is_nan() { x } else { y }
}

/// `σ(x) = 1/(1 + e⁻ˣ)`.
#[inline(always)]
pub(crate) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// `Φ(x)`, the distribution function of a standard normal, with an absolute error below 3e-7.
///
/// `½(1 + erf(x/√2))`, with erf as a rational function on (−4, 4); outside, it is ±1 in single
/// precision.
#[inline(always)]
pub(crate) fn normal_distribution(x: f32) -> f32 {
    let y = x * std::f32::consts::FRAC_1_SQRT_2;
    let y = if y > 4.0 { 4.0 } else { y };
    let y = if y < -4.0 { -4.0 } else { y };
    let s = y * y;
    let p = -2.726_142_3e-10;
    let p = p * s + 2.770_681_4e-8;
    let p = p * s - 2.101_024e-6;
    let p = p * s - 5.692_506_5e-5;
    let p = p * s - 7.349_906e-4;
    let p = p * s - 2.954_6e-3;
    let p = p * s - 1.609_603_3e-2;
    let q = -1.456_607_2e-5;
    let q = q * s - 2.133_740_6e-4;
    let q = q * s - 1.682_827e-3;
    let q = q * s - 7.373_329_3e-3;
    let q = q * s - 1.426_473_9e-2;
    0.5 + 0.5 * y * p / q
}

/// `φ(x)`, the density of a standard normal.
#[inline(always)]
pub(crate) fn normal_density(x: f32) -> f32 {
    0.398_942_3 * exp(-0.5 * x * x)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `Φ(x)` from the series of erf or the continued fraction of erfc, in double precision.
    fn distribution(x: f64) -> f64 {
        let density = (-x * x / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
        if x.abs() < 4.0 {
            let (mut term, mut sum) = (x, x);
            for n in 1..200 {
                term *= x * x / f64::from(2 * n + 1);
                sum += term;
            }
            return 0.5 + density * sum;
        }
        let fraction = (1..60).rev().fold(x.abs(), |below, n| x.abs() + f64::from(n) / below);
        let tail = density / fraction;
        if x > 0.0 { 1.0 - tail } else { tail }
    }

    fn range(from: f32, to: f32) -> impl Iterator<Item = f32> {
        (0..=200_000).map(move |i| from + (to - from) * i as f32 / 200_000.0)
    }

    #[test]
    fn exp_is_right_to_2e_7() {
        let worst = range(-86.5, 88.7)
            .chain(range(-1.0, 1.0))
            .map(|x| (f64::from(exp(x)) / f64::from(x).exp() - 1.0).abs())
            .fold(0.0, f64::max);
        assert!(worst < 2e-7, "{worst}");
    }

    #[test]
    fn exp_keeps_its_limits() {
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(f32::NEG_INFINITY), 0.0);
        assert_eq!(exp(-1e30), 0.0);
        assert_eq!(exp(f32::INFINITY), f32::INFINITY);
        assert_eq!(exp(1e30), f32::INFINITY);
        assert!(exp(f32::NAN).is_nan());
        assert!((0.0..1e-37).contains(&exp(-86.7)));
    }

    #[test]
    fn the_normal_distribution_is_right_to_3e_7() {
        for x in range(-12.0, 12.0) {
            let (found, density) = (normal_distribution(x), normal_density(x));
            let wanted = distribution(f64::from(x));
            assert!((f64::from(found) - wanted).abs() < 3e-7, "Φ({x}) = {found}, not {wanted}");
            let wanted = (-f64::from(x) * f64::from(x) / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
            assert!((f64::from(density) - wanted).abs() < 3e-7, "φ({x}) = {density}, not {wanted}");
        }
        assert!(normal_distribution(f32::NAN).is_nan() && normal_density(f32::NAN).is_nan());
        assert_eq!((sigmoid(f32::NEG_INFINITY), sigmoid(0.0), sigmoid(f32::INFINITY)), (0.0, 0.5, 1.0));
    }
}
