//! Probabilities of one token, in double precision.

use rand::Rng;
use vmd_core::uniform;
use vmd_kernels::{draw, keep_top, softmax_f64};

use crate::ValueRule;

/// `softmax(logits / temperature)`.
pub(crate) fn softmax(logits: &[f32], temperature: f64) -> Vec<f64> {
    let mut probabilities = Vec::new();
    softmax_f64(logits, temperature, &mut probabilities);
    probabilities
}

/// Index of the largest value, the first one if there are several.
pub(crate) fn argmax(probabilities: &[f64]) -> usize {
    let mut best = 0;
    for (i, p) in probabilities.iter().enumerate() {
        if *p > probabilities[best] {
            best = i;
        }
    }
    best
}

/// The two largest values; the second is 0 if there is only one.
pub(crate) fn two_largest(probabilities: &[f64]) -> (f64, f64) {
    probabilities.iter().fold(
        (0.0, 0.0),
        |(first, second), &p| {
            if p > first { (p, first) } else { (first, second.max(p)) }
        },
    )
}

/// Entropy in nats.
pub(crate) fn entropy(probabilities: &[f64]) -> f64 {
    -probabilities.iter().filter(|&&p| p > 0.0).map(|p| p * p.ln()).sum::<f64>()
}

/// Chooses a value for a token.
pub(crate) fn choose(rule: ValueRule, logits: &[f32], rng: &mut impl Rng) -> usize {
    match rule {
        ValueRule::Argmax => argmax(&softmax(logits, 1.0)),
        ValueRule::Categorical { temperature, top_p } => {
            let mut probabilities = softmax(logits, temperature);
            if top_p < 1.0 {
                keep_top(&mut probabilities, top_p);
            }
            draw(&probabilities, uniform(rng))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vmd_core::{Purpose, keyed_rng};

    #[test]
    fn softmax_sums_to_one_and_survives_extremes() {
        let p = softmax(&[1000.0, 0.0, f32::NEG_INFINITY], 1.0);
        assert_eq!(p, [1.0, 0.0, 0.0]);
        let p = softmax(&[0.3, -1.0, 2.0], 0.7);
        assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-15);
    }

    #[test]
    fn draws_follow_the_probabilities() {
        let logits = [0.2f32.ln(), 0.5f32.ln(), 0.3f32.ln()];
        let mut rng = keyed_rng(1, 0, Purpose::Sample);
        let mut counts = [0; 3];
        (0..30_000).for_each(|_| counts[choose(ValueRule::default(), &logits, &mut rng)] += 1);
        // Five standard errors of a share of 0.5 over 30,000 draws.
        for (count, expected) in counts.iter().zip([0.2, 0.5, 0.3]) {
            assert!((f64::from(*count) / 30_000.0 - expected).abs() < 0.015, "{counts:?}");
        }
    }

    #[test]
    fn top_p_keeps_the_smallest_sufficient_set() {
        let logits = [0.2f32.ln(), 0.5f32.ln(), 0.3f32.ln()];
        let rule = ValueRule::Categorical { temperature: 1.0, top_p: 0.6 };
        let mut rng = keyed_rng(2, 0, Purpose::Sample);
        let drawn: Vec<usize> = (0..1000).map(|_| choose(rule, &logits, &mut rng)).collect();
        assert!(drawn.contains(&1) && drawn.contains(&2) && !drawn.contains(&0));
    }

    #[test]
    fn two_largest_and_entropy() {
        assert_eq!(two_largest(&[0.1, 0.6, 0.3]), (0.6, 0.3));
        assert_eq!(two_largest(&[1.0]), (1.0, 0.0));
        assert!((entropy(&[0.5, 0.5]) - 2f64.ln()).abs() < 1e-15);
    }
}
