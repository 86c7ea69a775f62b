//! The n-grams of one order.

/// Default discounts, as in `KenLM`, if the counts are too few to estimate them.
const FALLBACK: [f64; 3] = [0.5, 1.0, 1.5];

/// Counts of one order: contexts, and the tokens seen after each.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Level {
    discounts: [f64; 3],
    /// Packed contexts, ascending.
    contexts: Vec<u128>,
    /// Start of each context's tokens, and the end of the last.
    starts: Vec<u32>,
    /// `γ` of each context.
    backoffs: Vec<f64>,
    /// Tokens after each context, ascending within it.
    tokens: Vec<u32>,
    /// `(c − D(c)) / c(h)` of each token.
    shares: Vec<f64>,
}

impl Level {
    /// Creates a level from distinct ascending n-grams and their counts.
    pub(super) fn new(grams: &[u128], counts: &[u32], bits: u32) -> Self {
        let discounts = discounts(counts);
        let mut level = Self {
            discounts,
            contexts: Vec::new(),
            starts: vec![0],
            backoffs: Vec::new(),
            tokens: grams.iter().map(|&gram| (gram & ((1_u128 << bits) - 1)) as u32).collect(),
            shares: Vec::with_capacity(grams.len()),
        };
        let mut end = 0;
        let context_of = |gram: &u128| gram >> bits;
        for group in grams.chunk_by(|a, b| context_of(a) == context_of(b)) {
            let counts = &counts[end..end + group.len()];
            let total = counts.iter().map(|&count| u64::from(count)).sum::<u64>() as f64;
            let taken = counts.iter().map(|&count| discount(&discounts, count)).sum::<f64>();
            let kept = counts.iter().map(|&c| (f64::from(c) - discount(&discounts, c)) / total);
            level.shares.extend(kept);
            level.contexts.push(context_of(&group[0]));
            level.backoffs.push(taken / total);
            end += group.len();
            level.starts.push(end as u32);
        }
        level
    }

    pub(super) fn discounts(&self) -> [f64; 3] {
        self.discounts
    }

    /// Index of a context, if it was seen.
    pub(super) fn find(&self, context: u128) -> Option<usize> {
        self.contexts.binary_search(&context).ok()
    }

    /// `max(c − D, 0) / c(h) + γ(h) lower` of a token after the context at an index.
    pub(super) fn interpolate(&self, context: usize, token: u32, lower: f64) -> f64 {
        let (start, end) = (self.starts[context] as usize, self.starts[context + 1] as usize);
        let found = self.tokens[start..end].binary_search(&token);
        found.map_or(0.0, |i| self.shares[start + i]) + self.backoffs[context] * lower
    }
}

/// Distinct values of an ascending list, with counts.
pub(super) fn count_runs(sorted: &[u128]) -> (Vec<u128>, Vec<u32>) {
    sorted.chunk_by(|a, b| a == b).map(|run| (run[0], run.len() as u32)).unzip()
}

fn discount(discounts: &[f64; 3], count: u32) -> f64 {
    discounts[count.clamp(1, 3) as usize - 1]
}

/// `D_j = j − (j + 1) Y n_{j+1} / n_j` with `Y = n₁ / (n₁ + 2 n₂)`, where `n_j` n-grams have count
/// `j`.
fn discounts(counts: &[u32]) -> [f64; 3] {
    let mut n = [0.0_f64; 5];
    counts.iter().filter(|&&count| count <= 4).for_each(|&count| n[count as usize] += 1.0);
    let y = n[1] / (n[1] + 2.0 * n[2]);
    let estimate = [1_usize, 2, 3].map(|j| j as f64 - (j + 1) as f64 * y * n[j + 1] / n[j]);
    // A discount of 0 would ignore the lower orders; NaN fails the test as well.
    let sound = (1..=3).all(|j| n[j] > 0.0 && estimate[j - 1] > 0.0 && estimate[j - 1] <= j as f64);
    if sound { estimate } else { FALLBACK }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn discounts_follow_the_formula() {
        // n = 4, 2, 1, 1: Y = 4/8; D₁ = 1 − 2·½·2/4, D₂ = 2 − 3·½·1/2, D₃ = 3 − 4·½·1/1.
        assert_eq!(discounts(&[1, 1, 1, 1, 2, 2, 3, 4, 9]), [0.5, 1.25, 1.0]);
    }

    #[test]
    fn discounts_that_counts_do_not_give_fall_back() {
        // No count of 3, so D₃ = 3 − 4·(1/3)·3/1 < 0.
        assert_eq!(discounts(&[1, 1, 2, 4]), FALLBACK);
        assert_eq!(discounts(&[1, 2, 3, 4, 4, 4]), FALLBACK);
        assert_eq!(discounts(&[]), FALLBACK);
    }
}
