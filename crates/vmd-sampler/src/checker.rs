//! Rules of the data.

/// Rules of the data, for repeated attempts and for the search. Implemented for functions of row
/// and tokens.
pub trait Checker: Sync {
    /// Whether `tokens` (`[seq]`), a candidate for row `row` of the input, break no rule. A search
    /// also passes unfinished rows, with the mask token where nothing is revealed. A row that is
    /// refused must stay refused whatever is revealed later.
    fn accepts(&self, row: usize, tokens: &[u32]) -> bool;

    /// Penalty in nats, 0 or more, for a row whose token `probabilities` (`[seq, vocab]`) are
    /// incompatible with every mixture of valid rows. Revealed tokens have probability 1. A search
    /// defers rows with a large penalty. The default is 0.
    fn penalty(&self, _row: usize, _probabilities: &[f64]) -> f64 {
        0.0
    }
}

impl<F: Fn(usize, &[u32]) -> bool + Sync> Checker for F {
    fn accepts(&self, row: usize, tokens: &[u32]) -> bool {
        self(row, tokens)
    }
}
