//! What is known of right answers.

/// Rules of the data, for samplers that try again or search. A function of row and tokens is one.
pub trait Checker: Sync {
    /// Whether `tokens` (`[seq]`), an answer for row `row` of the sampler's input, break no rule. A search asks about unfinished
    /// ones too, with mask tokens where nothing is revealed: whether they break no rule so far. What is refused stays so,
    /// whatever is revealed later.
    fn accepts(&self, row: usize, tokens: &[u32]) -> bool;

    /// Doubt, in nats and 0 or more, that row `row` can be finished, by how far from every answer the network's `probabilities` (`[seq, vocab]`) of
    /// all tokens are together; tokens that are there have probability 1. A search puts off what is doubtful. 0 where there is
    /// nothing to tell it by.
    fn penalty(&self, row: usize, probabilities: &[f64]) -> f64 {
        let _ = (row, probabilities);
        0.0
    }
}

impl<F: Fn(usize, &[u32]) -> bool + Sync> Checker for F {
    fn accepts(&self, row: usize, tokens: &[u32]) -> bool {
        self(row, tokens)
    }
}
