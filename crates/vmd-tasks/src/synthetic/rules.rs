//! A small set of mixed constraints with many solutions.

use std::sync::OnceLock;

use super::distribution::sequences;

/// Tokens of a solution.
pub(super) const SEQ_LEN: usize = 6;
/// Token values.
pub(super) const VOCAB: u32 = 6;

/// Name of a rule, the position pairs that it couples, and its test.
type Rule = (&'static str, &'static [(usize, usize)], fn(&[u32]) -> bool);

const RULES: [Rule; 5] = [
    ("first-three-differ", &[(0, 1), (0, 2), (1, 2)], |x| x[0] != x[1] && x[0] != x[2] && x[1] != x[2]),
    ("rising", &[(0, 3)], |x| x[0] < x[3]),
    ("last-three-sum-to-eight", &[(3, 4), (3, 5), (4, 5)], |x| x[3] + x[4] + x[5] == 8),
    ("apart", &[(2, 4)], |x| x[2].abs_diff(x[4]) >= 2),
    ("ends-differ", &[(0, 5)], |x| x[0] != x[5]),
];

/// Position pairs that each rule couples.
pub(super) fn ties() -> Vec<(&'static str, Vec<(usize, usize)>)> {
    RULES.iter().map(|(name, ties, _)| (*name, ties.to_vec())).collect()
}

/// Names of the rules that a sequence of the set `rules` violates; empty for a solution.
///
/// A sequence is six tokens `x0 … x5` of 0..=5; otherwise it violates "shape". The rules:
///
/// - `first-three-differ`: `x0`, `x1`, `x2` are all different;
/// - `rising`: `x0 < x3`;
/// - `last-three-sum-to-eight`: `x3 + x4 + x5 = 8`;
/// - `apart`: `|x2 − x4| ≥ 2`;
/// - `ends-differ`: `x0 ≠ x5`.
///
/// ```
/// use vmd_tasks::synthetic::broken_rules;
/// assert!(broken_rules(&[0, 1, 2, 3, 0, 5]).is_empty());
/// assert_eq!(broken_rules(&[0, 1, 1, 3, 0, 5]), ["first-three-differ", "apart"]);
/// ```
#[must_use]
pub fn broken_rules(tokens: &[u32]) -> Vec<&'static str> {
    if tokens.len() != SEQ_LEN || tokens.iter().any(|&token| token >= VOCAB) {
        return vec!["shape"];
    }
    RULES.iter().filter(|(_, _, holds)| !holds(tokens)).map(|(name, ..)| *name).collect()
}

/// All solutions in lexical order.
pub(super) fn solutions() -> &'static [Vec<u32>] {
    static SOLUTIONS: OnceLock<Vec<Vec<u32>>> = OnceLock::new();
    SOLUTIONS.get_or_init(|| {
        let mut all = sequences(VOCAB, SEQ_LEN).expect("6^6 sequences are below the limit");
        all.retain(|tokens| broken_rules(tokens).is_empty());
        all
    })
}

/// Marginal probabilities of each position under the uniform distribution over solutions.
pub(super) fn marginals() -> impl Iterator<Item = Vec<f64>> {
    let share = |place: usize, value: u32| {
        let count = solutions().iter().filter(|tokens| tokens[place] == value).count();
        count as f64 / solutions().len() as f64
    };
    (0..SEQ_LEN).map(move |place| (0..VOCAB).map(|value| share(place, value)).collect())
}
