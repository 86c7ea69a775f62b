//! Statistics of samples of a synthetic set.

use std::collections::{HashMap, HashSet};

use super::SyntheticSet;

/// Counts over samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SampleCounts {
    /// Number of samples.
    pub n: usize,
    /// Samples in the support.
    pub right: usize,
    /// Distinct samples in the support.
    pub distinct: usize,
    /// Plug-in entropy of the samples in nats; biased downwards by about `(support − 1)/2n`.
    pub entropy: f64,
    /// Samples that are held out of training.
    pub held_out: usize,
    /// Distinct held-out samples.
    pub held_out_distinct: usize,
}

impl SampleCounts {
    /// Counts `tokens`, `[n, seq]`.
    #[must_use]
    pub fn count(tokens: &[u32], set: &SyntheticSet, held_out: &HashSet<Vec<u32>>) -> Self {
        let mut counts: HashMap<&[u32], usize> = HashMap::new();
        tokens.chunks_exact(set.seq_len()).for_each(|row| *counts.entry(row).or_default() += 1);
        let n = tokens.len() / set.seq_len();
        let mut found = Self { n, right: 0, distinct: 0, entropy: 0.0, held_out: 0, held_out_distinct: 0 };
        let mut counts: Vec<(&[u32], usize)> = counts.into_iter().collect();
        // Sorted, for a deterministic sum.
        counts.sort_unstable();
        for (row, count) in counts {
            let share = count as f64 / n as f64;
            found.entropy -= share * share.ln();
            if set.contains(row) {
                found.right += count;
                found.distinct += 1;
            }
            if held_out.contains(row) {
                found.held_out += count;
                found.held_out_distinct += 1;
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_counted() {
        let set = SyntheticSet::PairsUniform;
        let tokens = [0, 1, 0, 1, 3, 4, 3, 5];
        let held_out = HashSet::from([vec![3, 4], vec![8, 9]]);
        let counts = SampleCounts::count(&tokens, &set, &held_out);
        let entropy = 0.5 * 2f64.ln() + 0.5 * 4f64.ln();
        assert!((counts.entropy - entropy).abs() < 1e-12);
        assert_eq!((counts.n, counts.right, counts.distinct), (4, 3, 2));
        assert_eq!((counts.held_out, counts.held_out_distinct), (1, 1));
    }
}
