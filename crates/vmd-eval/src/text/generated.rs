//! Metrics of a set of samples: diversity, repetition, and known words.

mod bleu;

use std::collections::BTreeSet;

pub use bleu::{MAX_BLEU_REFERENCES, bleu, self_bleu};

use crate::{Figure, mean_interval};

/// Plug-in entropy `−Σ p ln p` of the tokens of one sequence, in nats per token; 0 for an empty
/// one.
///
/// At most `ln` of the length, so compare sequences of one length. Values below those of real text
/// indicate repetition.
pub fn unigram_entropy<T: Ord>(tokens: &[T]) -> f64 {
    let mut sorted: Vec<&T> = tokens.iter().collect();
    sorted.sort_unstable();
    let n = tokens.len() as f64;
    let terms = sorted.chunk_by(|a, b| a == b).map(|run| run.len() as f64 / n);
    // Start at 0, because an empty sum is −0.
    terms.fold(0.0, |sum, p| sum - p * p.ln())
}

/// Mean [`unigram_entropy`] of samples, in nats per token.
pub fn mean_unigram_entropy<T: Ord, S: AsRef<[T]>>(samples: &[S]) -> Figure {
    let entropies: Vec<f64> = samples.iter().map(|sample| unigram_entropy(sample.as_ref())).collect();
    mean_interval(&entropies)
}

/// Share of distinct n-grams among all n-grams of all samples, in `0..=1`; NaN without n-grams.
///
/// The value falls with the number of tokens, so compare sets of one size.
///
/// # Source
///
/// J. Li et al., A diversity-promoting objective function for neural conversation models,
/// arXiv:1510.03055.
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

/// The distinct words of a text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WordSet {
    words: BTreeSet<Box<str>>,
}

impl WordSet {
    /// The words of `text`, separated by white space.
    pub fn of(text: &str) -> Self {
        Self { words: text.split_whitespace().map(Box::from).collect() }
    }

    /// Whether the text contained this word.
    pub fn contains(&self, word: &str) -> bool {
        self.words.contains(word)
    }

    /// Number of distinct words.
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// Whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }
}

/// Share of the complete words of all samples that are in `known`; NaN without words.
///
/// The first and last word of a sample are dropped, because they may be cut. The interval is that
/// of a ratio estimate over samples (linearised), because the words of a sample are dependent. The
/// reference is held-out real text, not 1.
pub fn word_share<S: AsRef<str>>(samples: &[S], known: &WordSet) -> Figure {
    let of_sample = |sample: &S| {
        let words = complete_words(sample.as_ref());
        (words.iter().filter(|word| known.contains(word)).count() as f64, words.len() as f64)
    };
    let counts: Vec<(f64, f64)> = samples.iter().map(of_sample).collect();
    let (hits, words) = counts.iter().fold((0.0, 0.0), |sum, c| (sum.0 + c.0, sum.1 + c.1));
    let share = hits / words;
    let mean_words = words / samples.len() as f64;
    // Linearised values: their mean is the share, and their spread gives its interval.
    let linear: Vec<f64> = counts.iter().map(|(h, w)| share + (h - share * w) / mean_words).collect();
    let Figure { ci95: [low, high], n, .. } = mean_interval(&linear);
    Figure { ci95: [low.max(0.0), high.min(1.0)], n, ..Figure::exact(share) }.share()
}

/// Words separated by white space, without the first and the last.
pub(super) fn complete_words(text: &str) -> Vec<&str> {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.get(1..words.len().saturating_sub(1)).map(<[&str]>::to_vec).unwrap_or_default()
}
