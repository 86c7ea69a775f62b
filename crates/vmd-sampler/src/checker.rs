//! The rules of the data, as far as a sampler needs them.

/// Rules of the data, for samplers that try again and for a search. A function of row and tokens is one.
pub trait Checker: Sync {
    /// Whether `tokens` (`[seq]`), an answer for row `row` of the sampler's input, break no rule. A search asks about unfinished
    /// rows too, with mask tokens where nothing is revealed. What is refused must stay refused whatever is revealed later.
    fn accepts(&self, row: usize, tokens: &[u32]) -> bool;

    /// Penalty, in nats and 0 or more, for a row whose token `probabilities` (`[seq, vocab]`) no mixture of valid answers could
    /// have; a token that is there has probability 1. A search defers rows with a large penalty. 0 where nothing is known.
    fn penalty(&self, _row: usize, _probabilities: &[f64]) -> f64 {
        0.0
    }
}

impl<F: Fn(usize, &[u32]) -> bool + Sync> Checker for F {
    fn accepts(&self, row: usize, tokens: &[u32]) -> bool {
        self(row, tokens)
    }
}
