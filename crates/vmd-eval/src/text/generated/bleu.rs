//! BLEU and self-BLEU.

use std::collections::BTreeMap;

use rayon::prelude::*;

/// Maximum number of references of [`self_bleu`]. Values grow with the number of references.
pub const MAX_BLEU_REFERENCES: usize = 100;

/// Number of matches used for orders without matches, so that the product is not zero.
const EPSILON: f64 = 0.1;

/// BLEU of one candidate: `BP · exp((1/N) Σ ln p_n)` for `n = 1..=N`, in `0..=1`.
///
/// `p_n` are the clipped precisions. `BP = exp(min(0, 1 − r/c))` is the brevity penalty with the
/// reference length `r` closest to the candidate's `c`; the shorter one of two. Smoothing: an order
/// without matches counts 0.1, out of at least one n-gram (method 1 of Chen and Cherry). 0 if no
/// token matches, and without candidate, references or orders.
///
/// # Source
///
/// K. Papineni et al., BLEU, ACL 2002; B. Chen and C. Cherry, A systematic comparison of smoothing
/// techniques for sentence-level BLEU, WMT 2014.
pub fn bleu<T: Ord, S: AsRef<[T]>>(candidate: &[T], references: &[S], max_n: usize) -> f64 {
    let references: Vec<(usize, &[T])> = references.iter().map(|r| (0, r.as_ref())).collect();
    Pool::new(&references, max_n).score(1, candidate)
}

/// Mean [`bleu`] of each sample against the others. High values mean low diversity. NaN for fewer
/// than two samples.
///
/// With more than [`MAX_BLEU_REFERENCES`] samples, as many, evenly spread over the list, are the
/// references of all; a sample is never its own reference. Tokens may be of any kind, such as
/// characters or words. `max_n` is usually 4.
///
/// # Source
///
/// Y. Zhu et al., Texygen, arXiv:1802.01886.
pub fn self_bleu<T: Ord + Sync, S: AsRef<[T]> + Sync>(samples: &[S], max_n: usize) -> f64 {
    if samples.len() < 2 {
        return f64::NAN;
    }
    let n = samples.len().min(MAX_BLEU_REFERENCES);
    let references: Vec<(usize, &[T])> =
        (0..n).map(|i| i * samples.len() / n).map(|owner| (owner, samples[owner].as_ref())).collect();
    let pool = Pool::new(&references, max_n);
    let score = |(owner, sample): (usize, &S)| pool.score(owner, sample.as_ref());
    let scores: Vec<f64> = samples.par_iter().enumerate().map(score).collect();
    scores.iter().sum::<f64>() / samples.len() as f64
}

/// The largest count of an n-gram in one reference, and the largest in a reference of another
/// owner.
#[derive(Debug, Clone, Copy, Default)]
struct Most {
    owner: usize,
    count: usize,
    of_others: usize,
}

/// References, which can be excluded by their owner.
struct Pool<'a, T> {
    /// Owner and length of each.
    lengths: Vec<(usize, usize)>,
    /// Counts for each order from 1.
    most: Vec<BTreeMap<&'a [T], Most>>,
}

impl<'a, T: Ord> Pool<'a, T> {
    fn new(references: &[(usize, &'a [T])], max_n: usize) -> Self {
        let mut most: Vec<BTreeMap<&[T], Most>> = (0..max_n).map(|_| BTreeMap::new()).collect();
        for (n, most) in (1..).zip(&mut most) {
            for &(owner, reference) in references {
                for (gram, count) in counts(reference, n) {
                    add(most.entry(gram).or_default(), owner, count);
                }
            }
        }
        Self { lengths: references.iter().map(|(owner, r)| (*owner, r.len())).collect(), most }
    }

    /// BLEU against the references of other owners.
    fn score(&self, owner: usize, candidate: &[T]) -> f64 {
        let length = candidate.len();
        let others = self.lengths.iter().filter(|other| other.0 != owner).map(|other| other.1);
        let Some(closest) = others.min_by_key(|&other| (other.abs_diff(length), other)) else { return 0.0 };
        let mut sum = 0.0;
        for (n, most) in (1..).zip(&self.most) {
            let matches = matches(candidate, n, owner, most);
            if n == 1 && matches == 0 {
                return 0.0;
            }
            let matches = if matches == 0 { EPSILON } else { matches as f64 };
            let all = (length + 1).saturating_sub(n).max(1);
            sum += (matches / all as f64).ln();
        }
        if self.most.is_empty() {
            return 0.0;
        }
        let brevity = (1.0 - closest as f64 / length as f64).min(0.0);
        (brevity + sum / self.most.len() as f64).exp()
    }
}

fn add(most: &mut Most, owner: usize, count: usize) {
    if count > most.count {
        // The maximum count in the references of other owners.
        let others = if most.owner == owner { most.of_others } else { most.count };
        *most = Most { owner, count, of_others: others };
    } else if most.owner != owner {
        most.of_others = most.of_others.max(count);
    }
}

/// Clipped matches of the candidate's n-grams.
fn matches<T: Ord>(candidate: &[T], n: usize, owner: usize, most: &BTreeMap<&[T], Most>) -> usize {
    let clipped = |(gram, count): (&[T], usize)| {
        let limit = most.get(gram).map_or(0, |m| if m.owner == owner { m.of_others } else { m.count });
        count.min(limit)
    };
    counts(candidate, n).map(clipped).sum()
}

/// Every distinct n-gram and its count.
fn counts<T: Ord>(tokens: &[T], n: usize) -> impl Iterator<Item = (&[T], usize)> {
    let mut grams: Vec<&[T]> = tokens.windows(n).collect();
    grams.sort_unstable();
    let runs: Vec<(&[T], usize)> = grams.chunk_by(|a, b| a == b).map(|run| (run[0], run.len())).collect();
    runs.into_iter()
}
