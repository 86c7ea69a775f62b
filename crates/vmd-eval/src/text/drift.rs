//! Whether the end of a sample is about what its beginning is about, without a judge.

use std::collections::BTreeMap;

use super::generated::complete_words;
use crate::{Figure, mean_interval};

/// Other samples that each sample is compared with, at most.
const PARTNERS: usize = 8;

/// Classes of words: each of the most frequent ones of a text, and one for all others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrequentWords {
    classes: BTreeMap<Box<str>, usize>,
}

impl FrequentWords {
    /// The `k` most frequent words of `text` between white space, as many as there are; of equally frequent ones the first in the
    /// order of strings.
    pub fn of(text: &str, k: usize) -> Self {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        text.split_whitespace().for_each(|word| *counts.entry(word).or_default() += 1);
        let mut ranked: Vec<(&str, usize)> = counts.into_iter().collect();
        ranked.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
        let ranked = ranked.iter().take(k).enumerate();
        Self { classes: ranked.map(|(class, &(word, _))| (word.into(), class)).collect() }
    }

    /// Classes, of which the last is all other words.
    pub fn n_classes(&self) -> usize {
        self.classes.len() + 1
    }

    fn distribution(&self, words: &[&str]) -> Vec<f64> {
        let mut shares = vec![0.0; self.n_classes()];
        let class = |word: &&str| self.classes.get(*word).copied().unwrap_or(self.classes.len());
        words.iter().for_each(|word| shares[class(word)] += 1.0 / words.len() as f64);
        shares
    }
}

/// How far words drift within samples, and between samples that have nothing to do with each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Drift {
    /// Mean divergence of a sample's halves, in nats; at most `ln 2`.
    pub within: Figure,
    /// Mean divergence of a sample's first half and other samples' second halves, in nats.
    pub between: Figure,
    /// `between − within`, paired by sample, in nats: 0 where halves have no more in common than different samples have.
    pub coherence: Figure,
}

/// Drift of the words of long samples, in [`FrequentWords`]' classes; `None` of fewer than two samples with two complete words.
///
/// The divergence is Jensen and Shannon's, `JS(p, q) = H((p + q)/2) − (H(p) + H(q))/2`, of the shares of words in two halves (the
/// same number of words each; an odd one in the middle, and the first and last of a sample, which may be cut, do not count). It is
/// compared with up to 8 other samples, evenly spread over the list, so that neighbours do not matter in a list of windows of one
/// text. The estimate is plug-in: shares from few words put JS too high, for `n` words a half by about a quarter of the number of
/// classes seen over `n`. This is alike in `within` and `between` if samples are equally long, and `coherence` is free of it to
/// first order. The reference is the same function on windows of real text of that length. Intervals are 1.96 standard errors of
/// means over samples that count as independent, although `between` uses every sample several times.
///
/// # Source
///
/// J. Lin, Divergence measures based on the Shannon entropy, IEEE Trans. Inf. Theory 37 (1991).
pub fn word_drift<S: AsRef<str>>(samples: &[S], frequent: &FrequentWords) -> Option<Drift> {
    let halves: Vec<[Vec<f64>; 2]> =
        samples.iter().filter_map(|sample| halves(sample.as_ref(), frequent)).collect();
    let m = halves.len();
    if m < 2 {
        return None;
    }
    let mut strides: Vec<usize> = (1..=PARTNERS).map(|i| (i * m / (PARTNERS + 1)).max(1)).collect();
    strides.dedup();
    let within: Vec<f64> = halves.iter().map(|[first, second]| divergence(first, second)).collect();
    let between = |i: usize| {
        let others = strides.iter().map(|stride| divergence(&halves[i][0], &halves[(i + stride) % m][1]));
        others.sum::<f64>() / strides.len() as f64
    };
    let between: Vec<f64> = (0..m).map(between).collect();
    let coherence: Vec<f64> = between.iter().zip(&within).map(|(b, w)| b - w).collect();
    Some(Drift {
        within: mean_interval(&within),
        between: mean_interval(&between),
        coherence: mean_interval(&coherence),
    })
}

fn halves(sample: &str, frequent: &FrequentWords) -> Option<[Vec<f64>; 2]> {
    let words = complete_words(sample);
    let half = words.len() / 2;
    let halves = [&words[..half], &words[words.len() - half..]];
    (half > 0).then(|| halves.map(|words| frequent.distribution(words)))
}

/// Jensen–Shannon divergence in nats.
fn divergence(p: &[f64], q: &[f64]) -> f64 {
    let relative = |p: f64, middle: f64| if p > 0.0 { 0.5 * p * (p / middle).ln() } else { 0.0 };
    let term = |(&p, &q): (&f64, &f64)| relative(p, 0.5 * (p + q)) + relative(q, 0.5 * (p + q));
    p.iter().zip(q).map(term).sum::<f64>().max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn divergence_has_its_known_values() {
        assert_eq!(divergence(&[0.5, 0.5], &[0.5, 0.5]), 0.0);
        assert!((divergence(&[1.0, 0.0], &[0.0, 1.0]) - 2.0_f64.ln()).abs() < 1e-15);
        // H(3/4, 1/4) − H(1/2, 1/2)/2 = 0.562335 − 0.346574.
        assert!((divergence(&[1.0, 0.0], &[0.5, 0.5]) - 0.215_762).abs() < 1e-6);
    }
}
