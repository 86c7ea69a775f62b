//! Rules of a task's data.

use std::fmt;

use vmd_model::Checker;

/// The rules that every example of a task keeps.
pub struct Rules<'a> {
    checker: Box<dyn Checker + 'a>,
    judges_partial: bool,
}

impl<'a> Rules<'a> {
    /// Rules that can only be checked on finished sequences: for repeated attempts.
    pub fn of_finished(checker: impl Checker + 'a) -> Self {
        Self { checker: Box::new(checker), judges_partial: false }
    }

    /// Rules that can also be checked while tokens are masked: for search.
    pub fn of_partial(checker: impl Checker + 'a) -> Self {
        Self { checker: Box::new(checker), judges_partial: true }
    }

    /// Whether a sequence with mask tokens can be refused.
    pub fn judges_partial(&self) -> bool {
        self.judges_partial
    }
}

impl Checker for Rules<'_> {
    fn accepts(&self, row: usize, tokens: &[u32]) -> bool {
        self.checker.accepts(row, tokens)
    }

    fn penalty(&self, row: usize, probabilities: &[f64]) -> f64 {
        self.checker.penalty(row, probabilities)
    }
}

impl fmt::Debug for Rules<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rules").field("judges_partial", &self.judges_partial).finish_non_exhaustive()
    }
}
