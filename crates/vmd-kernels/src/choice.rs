//! Draws from categorical distributions, in double precision and on the host.
//!
//! Single precision lowers the effective temperature of a draw (arXiv 2409.02908).

/// Writes `softmax(logits / temperature)` to `out`, which is resized to the length of `logits`.
///
/// Logits of −∞ get 0; a single NaN makes all of them NaN. Errors are those of rounding alone.
///
/// ```
/// let mut p = Vec::new();
/// vmd_kernels::softmax_f64(&[0.0, f32::NEG_INFINITY, 0.0], 1.0, &mut p);
/// assert_eq!(p, [0.5, 0.0, 0.5]);
/// ```
pub fn softmax_f64(logits: &[f32], temperature: f64, out: &mut Vec<f64>) {
    out.clear();
    out.resize(logits.len(), 0.0);
    let softmax = Softmax { logits, temperature, out };
    #[cfg(feature = "flex")]
    crate::cpu::dispatch(softmax);
    #[cfg(not(feature = "flex"))]
    softmax.run();
}

/// Zeroes all but the smallest set of most probable values that holds at least `top_p` of the mass.
///
/// Of equal values the first are kept.
///
/// ```
/// let mut p = [0.2, 0.5, 0.3];
/// vmd_kernels::keep_top(&mut p, 0.6);
/// assert_eq!(p, [0.0, 0.5, 0.3]);
/// ```
pub fn keep_top(probabilities: &mut [f64], top_p: f64) {
    let by_rank = |p: &[f64], a: usize, b: usize| p[b].total_cmp(&p[a]).then(a.cmp(&b));
    let mut order: Vec<usize> = (0..probabilities.len()).collect();
    // The set is usually small, so sort growing prefixes of the most probable values instead of all
    // values.
    let (mut sorted, mut mass, mut kept) = (0, 0.0, 0);
    while mass < top_p && sorted < order.len() {
        let n = (4 * sorted).max(32).min(order.len() - sorted);
        let rest = &mut order[sorted..];
        if n < rest.len() {
            rest.select_nth_unstable_by(n, |&a, &b| by_rank(probabilities, a, b));
        }
        rest[..n].sort_unstable_by(|&a, &b| by_rank(probabilities, a, b));
        for &i in &rest[..n] {
            if mass < top_p {
                mass += probabilities[i];
                kept += 1;
            }
        }
        sorted += n;
    }
    order[kept..].iter().for_each(|&i| probabilities[i] = 0.0);
}

/// Draws an index with probability proportional to its weight, given `u`, uniform on [0, 1).
///
/// ```
/// assert_eq!(vmd_kernels::draw(&[1.0, 0.0, 3.0], 0.3), 2);
/// ```
pub fn draw(weights: &[f64], u: f64) -> usize {
    let mut rest = u * weights.iter().sum::<f64>();
    let mut last = 0;
    for (i, weight) in weights.iter().enumerate().filter(|(_, weight)| **weight > 0.0) {
        last = i;
        if rest < *weight {
            break;
        }
        rest -= weight;
    }
    last
}

/// Draws an index from `softmax(logits / temperature)` with the Gumbel-max trick:
/// `argmax(logits / temperature + g)` with standard Gumbel noise `g = −ln(−ln u)`.
///
/// A logit of −∞ is never drawn.
///
/// ```
/// // The same noise for all: the largest logit.
/// assert_eq!(vmd_kernels::gumbel_argmax(&[0.1, 0.7, 0.2], 1.0, || 0.5), 1);
/// ```
pub fn gumbel_argmax(logits: &[f32], temperature: f64, mut uniform: impl FnMut() -> f64) -> usize {
    let mut best = (0, f64::NEG_INFINITY);
    for (i, &logit) in logits.iter().enumerate() {
        let score = f64::from(logit) / temperature - (-uniform().max(f64::MIN_POSITIVE).ln()).ln();
        if score > best.1 {
            best = (i, score);
        }
    }
    best.0
}

struct Softmax<'a> {
    logits: &'a [f32],
    temperature: f64,
    out: &'a mut [f64],
}

#[cfg(feature = "flex")]
impl pulp::WithSimd for Softmax<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) {
        self.run();
    }
}

/// Number of partial sums, for vectorisation; fixed, so that results have the same bits on every
/// machine.
const LANES: usize = 8;

impl Softmax<'_> {
    #[inline(always)]
    fn run(self) {
        let Self { logits, temperature, out } = self;
        let mut largest = f32::NEG_INFINITY;
        for &logit in logits {
            largest = if logit > largest { logit } else { largest };
        }
        let (largest, inverse) = (f64::from(largest), 1.0 / temperature);
        for (out, &logit) in out.iter_mut().zip(logits) {
            *out = exp((f64::from(logit) - largest) * inverse);
        }
        let mut lanes = [0.0; LANES];
        let whole = out.len() / LANES * LANES;
        for chunk in out[..whole].chunks_exact(LANES) {
            for lane in 0..LANES {
                lanes[lane] += chunk[lane];
            }
        }
        let mut sum = 0.0;
        for lane in lanes {
            sum += lane;
        }
        for value in &out[whole..] {
            sum += value;
        }
        let scale = 1.0 / sum;
        for out in out.iter_mut() {
            *out *= scale;
        }
    }
}

/// `eˣ` for `x ≤ 0`, without branches; 0 below −700, NaN for NaN.
#[inline(always)]
fn exp(x: f64) -> f64 {
    // Adding 1.5·2⁵² rounds to an integer, which the low bits of the sum then hold.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    const LN2_HIGH: f64 = 0.693_147_180_369_123_8;
    const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    let shifted = x * std::f64::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = (x - n * LN2_HIGH) - n * LN2_LOW;
    // Taylor polynomial on |r| ≤ ½ ln 2: the next term is below 5e-18.
    let mut p = 1.0 / 6_227_020_800.0;
    let factorials = [
        479_001_600.0,
        39_916_800.0,
        3_628_800.0,
        362_880.0,
        40_320.0,
        5_040.0,
        720.0,
        120.0,
        24.0,
        6.0,
        2.0,
        1.0,
        1.0,
    ];
    for factorial in factorials {
        p = p * r + 1.0 / factorial;
    }
    let exponent = shifted.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(1023) << 52;
    let y = p * f64::from_bits(exponent);
    let y = if x < -700.0 { 0.0 } else { y };
    if x.is_nan() { x } else { y }
}

#[cfg(test)]
mod tests {
    use rand::rngs::ChaCha8Rng;
    use rand::{RngExt, SeedableRng};

    use super::*;

    #[test]
    fn exp_is_right_to_1e_15() {
        let worst = (0..400_000)
            .map(|i| -690.0 * f64::from(i) / 400_000.0)
            .chain((0..1000).map(|i| -f64::from(i) / 1000.0))
            .map(|x| (exp(x) / x.exp() - 1.0).abs())
            .fold(0.0, f64::max);
        assert!(worst < 1e-15, "{worst}");
        assert_eq!((exp(0.0), exp(f64::NEG_INFINITY)), (1.0, 0.0));
        assert!(exp(f64::NAN).is_nan());
    }

    #[test]
    fn softmax_is_that_of_the_definition() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut p = Vec::new();
        for n in [1, 2, 7, 8, 9, 27, 30_001] {
            let logits: Vec<f32> = (0..n).map(|_| 40.0 * rng.random::<f32>() - 20.0).collect();
            softmax_f64(&logits, 0.7, &mut p);
            let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let of = |x: f32| ((f64::from(x) - f64::from(largest)) / 0.7).exp();
            let sum: f64 = logits.iter().map(|&x| of(x)).sum();
            for (p, &logit) in p.iter().zip(&logits) {
                // The two sums add 30,001 numbers in different orders.
                assert!((p * sum / of(logit) - 1.0).abs() < 1e-12, "{logit}");
            }
            assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        }
        softmax_f64(&[1e30, 0.0, f32::NEG_INFINITY], 1.0, &mut p);
        assert_eq!(p, [1.0, 0.0, 0.0]);
        softmax_f64(&[1.0, f32::NAN], 1.0, &mut p);
        assert!(p.iter().all(|p| p.is_nan()));
        softmax_f64(&[], 1.0, &mut p);
        assert!(p.is_empty());
    }

    #[test]
    fn the_top_is_that_of_a_sort() {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        for n in [1, 5, 31, 32, 33, 200, 5000] {
            for top_p in [0.0, 0.1, 0.5, 0.9, 0.999, 1.0] {
                // Few different values, so that there are ties.
                let all: Vec<f64> =
                    (0..n).map(|_| f64::from(rng.random_range(0..50)) / (25.0 * f64::from(n))).collect();
                let mut order: Vec<usize> = (0..all.len()).collect();
                order.sort_by(|&a, &b| all[b].total_cmp(&all[a]));
                let (mut wanted, mut mass) = (vec![0.0; all.len()], 0.0);
                for i in order {
                    if mass < top_p {
                        mass += all[i];
                        wanted[i] = all[i];
                    }
                }
                let mut found = all;
                keep_top(&mut found, top_p);
                assert_eq!(found, wanted, "{n}, {top_p}");
            }
        }
    }

    #[test]
    fn both_ways_of_drawing_follow_the_softmax() {
        let logits = [0.2f32.ln(), 0.5f32.ln(), f32::NEG_INFINITY, 0.3f32.ln()];
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let mut p = Vec::new();
        softmax_f64(&logits, 1.0, &mut p);
        let (mut by_sum, mut by_noise) = ([0; 4], [0; 4]);
        for _ in 0..40_000 {
            by_sum[draw(&p, rng.random())] += 1;
            by_noise[gumbel_argmax(&logits, 1.0, || rng.random())] += 1;
        }
        for counts in [by_sum, by_noise] {
            // Five standard errors of a share of 0.5 over 40,000 draws.
            for (count, p) in counts.iter().zip(&p) {
                assert!((f64::from(*count) / 40_000.0 - p).abs() < 0.0125, "{counts:?}");
            }
            assert_eq!(counts[2], 0);
        }
    }
}
