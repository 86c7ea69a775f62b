//! Guesses that can be taken back.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use vmd_process::gumbel;

use super::probabilities::{argmax, choose, softmax};
use super::{Row, ValueRule};

/// Doubt below which none is tolerated.
const LEAST_DOUBT: f64 = 1e-4;

/// What `remask = backtrack` does to one row.
#[derive(Debug, Default)]
pub(super) struct Search {
    /// What was not looked at yet.
    open: BinaryHeap<Node>,
    /// Log-probability of the guesses that stand.
    score: f64,
    /// How often nothing was left to look at.
    restarts: i32,
}

/// Tokens with one guess more than those that the network was asked about.
#[derive(Debug)]
struct Node {
    score: f64,
    tokens: Vec<u32>,
}

impl Search {
    /// Whether this round would be the last one again, which took nothing for sure and found nothing.
    pub(super) fn is_exhausted(&self, tau: f64) -> bool {
        self.restarts > 0 && threshold(tau, self.restarts - 1) >= 1.0
    }

    /// Does what can be done to `row` with one answer of the network, `logits` (`[seq, vocab]`): reveals what is sure. If nothing
    /// is, every value of the surest position is a guess, and the search goes on with the guesses that are the most probable together,
    /// here or elsewhere; so it does where `fits` says no.
    ///
    /// An error among the sure tokens cannot be found: the next round, after all guesses turned out wrong, takes half the risk.
    pub(super) fn advance(
        &mut self,
        row: &mut Row,
        logits: &[f32],
        (tau, value): (f64, ValueRule),
        fits: impl Fn(&[u32]) -> bool,
    ) {
        let n_masked = row.n_masked();
        let surest = reveal(row, logits, threshold(tau, self.restarts), value);
        if fits(&row.tokens) {
            let Some(position) = surest.filter(|_| row.n_masked() == n_masked) else { return };
            self.guess(row, position, logits, value, fits);
        }
        match self.open.pop() {
            Some(node) => (row.tokens, self.score) = (node.tokens, node.score),
            None => {
                let mask = row.mask_token();
                row.free.iter().for_each(|&i| row.tokens[i] = mask);
                self.score = 0.0;
                self.restarts += 1;
            }
        }
    }

    /// Reveals everything.
    pub(super) fn finish(row: &mut Row, logits: &[f32], value: ValueRule) {
        reveal(row, logits, 0.0, value);
    }

    /// Opens every value of `position` that fits.
    fn guess(
        &mut self,
        row: &mut Row,
        position: usize,
        logits: &[f32],
        value: ValueRule,
        fits: impl Fn(&[u32]) -> bool,
    ) {
        let temperature = match value {
            ValueRule::Argmax => 1.0,
            ValueRule::Categorical { temperature, .. } => temperature,
        };
        let probabilities = softmax(of_position(row, logits, position), temperature);
        for (token, probability) in probabilities.into_iter().enumerate().filter(|(_, p)| *p > 0.0) {
            let mut tokens = row.tokens.clone();
            tokens[position] = token as u32;
            if fits(&tokens) {
                // The largest of scores with this noise is a draw (Gumbel-max).
                let noise = if value == ValueRule::Argmax { 0.0 } else { gumbel(&mut row.rng) };
                self.open.push(Node { score: self.score + probability.ln() + noise, tokens });
            }
        }
    }
}

/// Reveals all masked tokens of `row` of which a value has at least this probability; the surest of the others.
fn reveal(row: &mut Row, logits: &[f32], threshold: f64, value: ValueRule) -> Option<usize> {
    let mut surest = None;
    for position in row.masked().collect::<Vec<_>>() {
        let probabilities = softmax(of_position(row, logits, position), 1.0);
        let probability = probabilities[argmax(&probabilities)];
        if probability >= threshold {
            row.tokens[position] = choose(value, of_position(row, logits, position), &mut row.rng) as u32;
        } else if surest.is_none_or(|(largest, _)| probability > largest) {
            surest = Some((probability, position));
        }
    }
    surest.map(|(_, position)| position)
}

fn of_position<'l>(row: &Row, logits: &'l [f32], position: usize) -> &'l [f32] {
    let vocab = row.mask_token() as usize;
    &logits[position * vocab..(position + 1) * vocab]
}

/// The probability above which a token is no guess.
fn threshold(tau: f64, restarts: i32) -> f64 {
    let doubt = (1.0 - tau) * 0.5_f64.powi(restarts);
    if doubt < LEAST_DOUBT { 1.0 } else { 1.0 - doubt }
}

impl Ord for Node {
    fn cmp(&self, other: &Self) -> Ordering {
        // Of two that are as probable the one with the smaller tokens, so that the order is the same everywhere.
        self.score.total_cmp(&other.score).then_with(|| other.tokens.cmp(&self.tokens))
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
