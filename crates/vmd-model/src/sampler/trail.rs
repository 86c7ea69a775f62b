//! Guesses that can be taken back.

use std::borrow::Cow;

/// What `remask = backtrack` goes back to.
#[derive(Debug, Default)]
pub(super) struct Trail {
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
    /// Values that were excluded then.
    n_excluded: usize,
}

impl Trail {
    /// The token at `position` of `tokens` is about to be guessed.
    pub(super) fn guess(&mut self, position: usize, tokens: &[u32]) {
        let n_excluded = self.excluded.len();
        self.guesses.push(Guess { position, before: tokens.to_vec(), n_excluded });
    }

    /// `logits` (`[vocab]`) at `position` without the values that are excluded there.
    pub(super) fn without_excluded<'l>(&self, position: usize, logits: Cow<'l, [f32]>) -> Cow<'l, [f32]> {
        let mut logits = logits;
        for &(_, value) in self.excluded.iter().filter(|(at, _)| *at == position) {
            logits.to_mut()[value as usize] = f32::NEG_INFINITY;
        }
        logits
    }

    /// The probability above which a token is no guess: an error among the sure ones cannot be found, so that the next
    /// round, after all guesses turned out wrong, takes a quarter of the risk.
    pub(super) fn threshold(&self, tau: f64) -> f64 {
        threshold(tau, self.restarts)
    }

    /// Whether this round would be the last one again, which took nothing for sure and found nothing.
    pub(super) fn is_exhausted(&self, tau: f64) -> bool {
        self.restarts > 0 && threshold(tau, self.restarts - 1) >= 1.0
    }

    /// Takes back what followed the last guess, whose value is excluded from now on, or everything that is `free` if there is
    /// none. A guess leaves another value: the last one of a position would be certain, and no guess.
    pub(super) fn go_back(&mut self, tokens: &mut [u32], free: &[usize], mask_token: u32) {
        if let Some(Guess { position, before, n_excluded }) = self.guesses.pop() {
            let wrong = tokens[position];
            tokens.copy_from_slice(&before);
            self.excluded.truncate(n_excluded);
            self.excluded.push((position, wrong));
            return;
        }
        free.iter().for_each(|&i| tokens[i] = mask_token);
        self.excluded.clear();
        self.restarts += 1;
    }
}

fn threshold(tau: f64, restarts: i32) -> f64 {
    1.0 - (1.0 - tau) * 0.25_f64.powi(restarts)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MASK: u32 = 2;

    #[test]
    fn every_value_is_tried_once_and_then_everything_again_with_less_risk() {
        let mut trail = Trail::default();
        let (mut tokens, free) = ([0, MASK, MASK], [1, 2]);
        let logits = |trail: &Trail, i| trail.without_excluded(i, Cow::Borrowed(&[1.0, 0.5])).into_owned();
        let banned = f32::NEG_INFINITY;
        trail.guess(1, &tokens);
        tokens[1] = 0;
        trail.guess(2, &tokens);
        tokens[2] = 0;
        trail.go_back(&mut tokens, &free, MASK);
        assert_eq!((tokens, logits(&trail, 2)), ([0, 0, MASK], vec![banned, 0.5]));
        tokens[2] = 1;
        // The value that is left is no guess. It does not fit either, so 0 is wrong at 1, and nothing is known about 2 any more.
        trail.go_back(&mut tokens, &free, MASK);
        assert_eq!(tokens, [0, MASK, MASK]);
        assert_eq!((logits(&trail, 1), logits(&trail, 2)), (vec![banned, 0.5], vec![1.0, 0.5]));
        assert_eq!(trail.threshold(0.9), 0.9);
        tokens[1] = 1;
        trail.go_back(&mut tokens, &free, MASK);
        assert_eq!((tokens, logits(&trail, 1)), ([0, MASK, MASK], vec![1.0, 0.5]));
        assert!((trail.threshold(0.9) - 0.975).abs() < 1e-12);
        assert!(!trail.is_exhausted(0.9) && trail.is_exhausted(1.0) && !Trail::default().is_exhausted(1.0));
    }
}
