//! The open branches of the search for one row.

use std::cmp::{Ordering, Reverse};
use std::collections::BTreeSet;

use vmd_core::{gumbel, open_uniform};
use vmd_kernels::keep_top;

use crate::probabilities::{argmax, choose, softmax};
use crate::row::Row;
use crate::{Checker, SearchConfig, ValueRule};

/// Values with a smaller probability are not tried.
const LEAST_PROBABILITY: f64 = 1e-6;

/// Branches of one row that have not been evaluated yet.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    open: BTreeSet<Node>,
    /// Number of branches opened so far.
    opened: usize,
    /// Log-probability of the row's tokens.
    score: f64,
}

/// A branch: a partially filled row.
#[derive(Debug)]
struct Node {
    /// The branch with the largest priority is evaluated first.
    priority: f64,
    /// Among equal priorities the oldest branch is first, so that the order is deterministic.
    age: Reverse<usize>,
    score: f64,
    tokens: Vec<u32>,
}

impl Tree {
    /// Advances `row` by one network output, `logits` (`[seq, vocab]`). Reveals all tokens whose
    /// top probability reaches the threshold, or the most probable one if none does. The other
    /// values of these tokens become branches, and the row continues with the branch of the highest
    /// priority. At most `left` branches are kept; if `left` is 0, all tokens of the row are
    /// revealed.
    ///
    /// The priority of a branch is the log-probability of its tokens, minus the checker's penalty
    /// for the evaluation that it comes from. The tokens of one evaluation are treated as right or
    /// wrong together: their joint probability is that of the least probable one.
    pub(crate) fn advance(
        &mut self,
        row: &mut Row,
        logits: &[f32],
        config: &SearchConfig,
        left: usize,
        checker: &dyn Checker,
    ) {
        if left == 0 {
            return fill(row, logits, config.value);
        }
        let probabilities = probabilities(row, logits);
        let penalty = checker.penalty(row.index, &probabilities);
        let ranked = ranked(row, &probabilities, config.threshold);
        let found = self.branches(row, logits, &ranked, config.value, checker);
        let finished = found.iter().filter(|(_, tokens)| !tokens.contains(&row.mask_token()));
        if let Some((_, tokens)) = finished.reduce(|best, next| if next.0 > best.0 { next } else { best }) {
            row.tokens.clone_from(tokens);
            self.open.clear();
            return;
        }
        for (score, tokens) in found {
            self.opened += 1;
            self.open.insert(Node { priority: score - penalty, age: Reverse(self.opened), score, tokens });
        }
        while self.open.len() > left {
            self.open.pop_first();
        }
        match self.open.pop_last() {
            Some(node) => (row.tokens, self.score) = (node.tokens, node.score),
            // All branches were tried.
            None => fill(row, logits, config.value),
        }
    }

    /// Returns the branch with the top values at all `ranked` positions, unless it breaks a rule,
    /// and the branches in which one position has another value and the positions after it stay
    /// masked. Each with its log-probability.
    fn branches(
        &self,
        row: &mut Row,
        logits: &[f32],
        ranked: &[usize],
        value: ValueRule,
        checker: &dyn Checker,
    ) -> Vec<(f64, Vec<u32>)> {
        let vocab = row.mask_token() as usize;
        let (mut tokens, mut least, mut found) = (row.tokens.clone(), self.score, Vec::new());
        for &position in ranked {
            let scores = scores(&logits[position * vocab..(position + 1) * vocab], value, row);
            let best = argmax(&scores);
            for (token, score) in scores.iter().enumerate().filter(|(_, score)| score.is_finite()) {
                tokens[position] = token as u32;
                if token != best && checker.accepts(row.index, &tokens) {
                    found.push((least + score, tokens.clone()));
                }
            }
            tokens[position] = best as u32;
            if !checker.accepts(row.index, &tokens) {
                return found;
            }
            least = least.min(self.score + scores[best]);
        }
        found.insert(0, (least, tokens));
        found
    }
}

/// Masked positions whose top probability reaches `threshold`, or the most probable one, in
/// descending order.
fn ranked(row: &Row, probabilities: &[f64], threshold: f64) -> Vec<usize> {
    let vocab = row.mask_token() as usize;
    let surety = |i: usize| probabilities[i * vocab..(i + 1) * vocab].iter().copied().fold(0.0, f64::max);
    let mut ranked: Vec<(f64, usize)> = row.masked().map(|i| (surety(i), i)).collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    let sure = ranked.iter().take_while(|(surety, _)| *surety >= threshold).count();
    ranked.into_iter().take(sure.max(1)).map(|(_, i)| i).collect()
}

/// Reveals all masked tokens.
fn fill(row: &mut Row, logits: &[f32], value: ValueRule) {
    let vocab = row.mask_token() as usize;
    for position in row.masked().collect::<Vec<_>>() {
        let logits = &logits[position * vocab..(position + 1) * vocab];
        row.tokens[position] = choose(value, logits, &mut row.rng) as u32;
    }
}

/// Probabilities of all tokens (`[seq, vocab]`); revealed tokens have probability 1.
fn probabilities(row: &Row, logits: &[f32]) -> Vec<f64> {
    let vocab = row.mask_token() as usize;
    let of_token = |(i, logits)| match row.is_masked(i) {
        true => softmax(logits, 1.0),
        false => (0..vocab).map(|token| if row.tokens[i] == token as u32 { 1.0 } else { 0.0 }).collect(),
    };
    logits.chunks_exact(vocab).enumerate().flat_map(of_token).collect()
}

/// Log-probability of each value of a token, `-∞` for values that are not tried. For a value rule
/// that draws, Gumbel noise is added and the scores are shifted such that the largest one, the
/// draw, has its log-probability.
fn scores(logits: &[f32], value: ValueRule, row: &mut Row) -> Vec<f64> {
    let possible: Vec<bool> = softmax(logits, 1.0).into_iter().map(|p| p >= LEAST_PROBABILITY).collect();
    let (temperature, top_p) = match value {
        ValueRule::Argmax => (1.0, 1.0),
        ValueRule::Categorical { temperature, top_p } => (temperature, top_p),
    };
    let mut scores = softmax(logits, temperature);
    if top_p < 1.0 {
        keep_top(&mut scores, top_p);
    }
    for (score, possible) in scores.iter_mut().zip(possible) {
        *score = if possible { score.ln() } else { f64::NEG_INFINITY };
    }
    if value != ValueRule::Argmax {
        // The largest of log-probabilities with Gumbel noise is a draw (Gumbel-max).
        let noisy: Vec<f64> = scores.iter().map(|score| score + gumbel(open_uniform(&mut row.rng))).collect();
        let drawn = argmax(&noisy);
        let shift = scores[drawn] - noisy[drawn];
        scores = noisy.into_iter().map(|score| score + shift).collect();
    }
    scores
}

impl Ord for Node {
    fn cmp(&self, other: &Self) -> Ordering {
        self.priority.total_cmp(&other.priority).then(self.age.cmp(&other.age))
    }
}

impl PartialOrd for Node {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Node {}
