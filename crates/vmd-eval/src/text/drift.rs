//! Topic drift of samples, measured by word frequencies.

use std::collections::BTreeMap;

use super::generated::complete_words;
use crate::{Figure, mean_interval};

/// Maximum number of other samples for each comparison.
const PARTNERS: usize = 8;

/// Word classes: one for each of the most frequent words of a text, and one for all others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrequentWords {
    classes: BTreeMap<Box<str>, usize>,
}

impl FrequentWords {
    /// The `k` most frequent words of `text`, separated by white space, or all if there are fewer.
    /// Ties are resolved in string order.
    pub fn of(text: &str, k: usize) -> Self {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        text.split_whitespace().for_each(|word| *counts.entry(word).or_default() += 1);
        let mut ranked: Vec<(&str, usize)> = counts.into_iter().collect();
        ranked.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
        let ranked = ranked.iter().take(k).enumerate();
        Self { classes: ranked.map(|(class, &(word, _))| (word.into(), class)).collect() }
    }

    /// Number of classes, with the last one for all other words.
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

/// Divergence of word frequencies within and between samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Drift {
    /// Mean divergence between the halves of a sample, in nats; at most `ln 2`.
    pub within: Figure,
    /// Mean divergence between a sample's first half and other samples' second halves, in nats.
    pub between: Figure,
    /// `between − within`, paired by sample, in nats; 0 if the halves have no more in common than
    /// different samples.
    pub coherence: Figure,
}

/// Drift of long samples over the classes of [`FrequentWords`]; `None` for fewer than two samples
/// with at least two complete words.
///
/// The divergence is the Jensen–Shannon divergence `JS(p, q) = H((p + q)/2) − (H(p) + H(q))/2` of
/// the word shares of two halves. Halves have equally many words; an odd word in the middle is
/// dropped, and so are the first and last word of a sample, which may be cut. Each sample is
/// compared with up to 8 others, evenly spread over the list, so that neighbouring windows of one
/// text do not affect the result.
///
/// The plug-in estimate is biased upwards: with `n` words per half, by about a quarter of the
/// number of observed classes over `n`. For samples of equal length the bias is the same in
/// `within` and `between` and cancels in `coherence` to first order. As a reference, use windows of
/// real text of the same length. Intervals are those of means over samples treated
/// as independent, although `between` uses each sample several times.
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
