//! Guesses that can be taken back.

use super::probabilities::{argmax, choose, softmax};
use super::{Row, ValueRule};

/// Doubt below which none is tolerated.
const LEAST_DOUBT: f64 = 1e-4;

/// What `remask = backtrack` does to one row.
#[derive(Debug, Default)]
pub(super) struct Search {
    guesses: Vec<Guess>,
    /// Values that contradict the guesses that stand, and where.
    excluded: Vec<(usize, u32)>,
    /// How often no guess was left to take back.
    restarts: i32,
}

#[derive(Debug)]
struct Guess {
    position: usize,
    /// Tokens before it was made.
    before: Vec<u32>,
    /// What the network said then, `[seq, vocab]`.
    logits: Vec<f32>,
    /// Values that were excluded then.
    n_excluded: usize,
}

impl Search {
    /// Whether this round would be the last one again, which took nothing for sure and found nothing.
    pub(super) fn is_exhausted(&self, tau: f64) -> bool {
        self.restarts > 0 && threshold(tau, self.restarts - 1) >= 1.0
    }

    /// Does what can be done to `row` with one answer of the network, `logits` (`[seq, vocab]`): reveals what is sure, and if
    /// nothing is, guesses. Where `fits` says no, it goes back to the last guess and does the same with the answer that the
    /// network gave there.
    pub(super) fn advance(
        &mut self,
        row: &mut Row,
        logits: &[f32],
        (tau, value): (f64, ValueRule),
        fits: impl Fn(&[u32]) -> bool,
    ) {
        let mut logits = logits.to_vec();
        loop {
            let n_masked = row.n_masked();
            let surest = self.reveal(row, &logits, threshold(tau, self.restarts), value);
            let mut is_open = fits(&row.tokens);
            if let Some(position) = surest.filter(|_| is_open) {
                if row.n_masked() < n_masked {
                    return;
                }
                let (before, n_excluded) = (row.tokens.clone(), self.excluded.len());
                row.tokens[position] = self.value(row, position, &logits, value);
                self.guesses.push(Guess { position, before, logits: logits.clone(), n_excluded });
                is_open = fits(&row.tokens);
            }
            if is_open || !self.go_back(row, &mut logits) {
                return;
            }
        }
    }

    /// Reveals all masked tokens of `row` of which a value has at least this probability; the surest of the others.
    pub(super) fn reveal(
        &self,
        row: &mut Row,
        logits: &[f32],
        threshold: f64,
        value: ValueRule,
    ) -> Option<usize> {
        let mut surest = None;
        for position in row.masked().collect::<Vec<_>>() {
            let probabilities = softmax(&self.remaining(row, position, logits), 1.0);
            let probability = probabilities[argmax(&probabilities)];
            if probability >= threshold {
                row.tokens[position] = self.value(row, position, logits, value);
            } else if surest.is_none_or(|(largest, _)| probability > largest) {
                surest = Some((probability, position));
            }
        }
        surest.map(|(_, position)| position)
    }

    fn value(&self, row: &mut Row, position: usize, logits: &[f32], value: ValueRule) -> u32 {
        choose(value, &self.remaining(row, position, logits), &mut row.rng) as u32
    }

    /// The logits at `position` without the values that are excluded there.
    fn remaining(&self, row: &Row, position: usize, logits: &[f32]) -> Vec<f32> {
        let vocab = row.mask_token() as usize;
        let mut logits = logits[position * vocab..(position + 1) * vocab].to_vec();
        for &(_, value) in self.excluded.iter().filter(|(at, _)| *at == position) {
            logits[value as usize] = f32::NEG_INFINITY;
        }
        logits
    }

    /// Takes back what followed the last guess, whose value is excluded from now on, and what the network had said; or
    /// everything if there is no guess, and then the network is asked again (`false`). A guess leaves another value: the last
    /// one of a position would be certain, and no guess.
    ///
    /// An error among the sure tokens cannot be found: the next round, after all guesses turned out wrong, takes half the risk.
    fn go_back(&mut self, row: &mut Row, logits: &mut Vec<f32>) -> bool {
        let Some(guess) = self.guesses.pop() else {
            let mask = row.mask_token();
            row.free.iter().for_each(|&i| row.tokens[i] = mask);
            self.excluded.clear();
            self.restarts += 1;
            return false;
        };
        let wrong = row.tokens[guess.position];
        self.excluded.truncate(guess.n_excluded);
        self.excluded.push((guess.position, wrong));
        (row.tokens, *logits) = (guess.before, guess.logits);
        true
    }
}

/// The probability above which a token is no guess.
fn threshold(tau: f64, restarts: i32) -> f64 {
    let doubt = (1.0 - tau) * 0.5_f64.powi(restarts);
    if doubt < LEAST_DOUBT { 1.0 } else { 1.0 - doubt }
}
