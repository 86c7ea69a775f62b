//! Who is told how a sampler proceeds.

use crate::{Prediction, Query};

/// Is told how a sampler proceeds, for pictures, streams and progress; `()` ignores everything.
pub trait Observer {
    /// The network was asked `query` and answered `prediction`.
    fn on_evaluation(&mut self, _query: &Query<'_>, _prediction: &Prediction) {}

    /// Row `row` is filled, in `nfe` evaluations; another attempt may follow if a checker refuses it.
    fn on_row(&mut self, _row: usize, _tokens: &[u32], _nfe: usize) {}

    /// Texts that are written in blocks have one more; `texts` are their tokens so far.
    fn on_block(&mut self, _texts: &[Vec<u32>]) {}
}

impl Observer for () {}
