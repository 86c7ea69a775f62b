//! Metrics of a set of samples: variety, repetition, and known words.

mod bleu;

use std::collections::BTreeSet;

pub use bleu::{MAX_BLEU_REFERENCES, bleu, self_bleu};

use crate::{Figure, mean_interval};

/// Plug-in entropy `−Σ p ln p` of the tokens of one sequence, in nats per token; 0 of an empty one.
///
/// It is at most `ln` of the length, so compare sequences of one length: repetition shows as a value below that of real text.
pub fn unigram_entropy<T: Ord>(tokens: &[T]) -> f64 {
    let mut sorted: Vec<&T> = tokens.iter().collect();
    sorted.sort_unstable();
    let n = tokens.len() as f64;
    let terms = sorted.chunk_by(|a, b| a == b).map(|run| run.len() as f64 / n);
    // Starts at zero: a sum of no terms would be −0.
    terms.fold(0.0, |sum, p| sum - p * p.ln())
}

/// Mean [`unigram_entropy`] of samples, in nats per token.
pub fn mean_unigram_entropy<T: Ord, S: AsRef<[T]>>(samples: &[S]) -> Figure {
    let entropies: Vec<f64> = samples.iter().map(|sample| unigram_entropy(sample.as_ref())).collect();
    mean_interval(&entropies)
}

/// Different n-grams among all n-grams of all samples, in `0..=1`; NaN where there are none.
///
/// It falls with the number of tokens, so compare sets of one size.
///
/// # Source
///
/// J. Li et al., A diversity-promoting objective function for neural conversation models, arXiv:1510.03055.
pub fn distinct_n<T: Ord, S: AsRef<[T]>>(samples: &[S], n: usize) -> f64 {
    if n == 0 {
        return f64::NAN;
    }
    let mut grams: Vec<&[T]> = samples.iter().flat_map(|sample| sample.as_ref().windows(n)).collect();
    let all = grams.len() as f64;
    grams.sort_unstable();
    grams.dedup();
    grams.len() as f64 / all
}

/// The different words of a text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WordSet {
    words: BTreeSet<Box<str>>,
}

impl WordSet {
    /// Everything in `text` between white space.
    pub fn of(text: &str) -> Self {
        Self { words: text.split_whitespace().map(Box::from).collect() }
    }

    /// Whether the text had this word.
    pub fn contains(&self, word: &str) -> bool {
        self.words.contains(word)
    }

    /// Different words.
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// Whether there is no word.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }
}

/// Share of the complete words of all samples that are among `known`; NaN where there are none.
///
/// A sample's first and last word do not count, since its ends may have cut them. The interval is that of a ratio over samples
/// (linearised): the words of a sample hang together. Real text that was not trained on is the reference, not 1.
pub fn word_share<S: AsRef<str>>(samples: &[S], known: &WordSet) -> Figure {
    let of_sample = |sample: &S| {
        let words = complete_words(sample.as_ref());
        (words.iter().filter(|word| known.contains(word)).count() as f64, words.len() as f64)
    };
    let counts: Vec<(f64, f64)> = samples.iter().map(of_sample).collect();
    let (hits, words) = counts.iter().fold((0.0, 0.0), |sum, c| (sum.0 + c.0, sum.1 + c.1));
    let share = hits / words;
    let mean_words = words / samples.len() as f64;
    // The mean of these is the share, and their spread is its own.
    let linear: Vec<f64> = counts.iter().map(|(h, w)| share + (h - share * w) / mean_words).collect();
    let Figure { ci95: [low, high], n, .. } = mean_interval(&linear);
    Figure { ci95: [low.max(0.0), high.min(1.0)], n, ..Figure::exact(share) }.share()
}

/// Words between white space without the first and the last.
pub(super) fn complete_words(text: &str) -> Vec<&str> {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.get(1..words.len().saturating_sub(1)).map(<[&str]>::to_vec).unwrap_or_default()
}
