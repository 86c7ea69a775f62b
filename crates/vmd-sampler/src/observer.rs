//! Progress reports of samplers.

use crate::{Prediction, Query};

/// Receives the progress of a sampler, for plots, streaming and progress bars. `()` ignores all
/// reports.
pub trait Observer {
    /// The network returned `prediction` for `query`.
    fn on_evaluation(&mut self, _query: &Query<'_>, _prediction: &Prediction) {}

    /// Row `row` was filled in `nfe` evaluations. If a checker refuses it, another attempt may
    /// follow.
    fn on_row(&mut self, _row: usize, _tokens: &[u32], _nfe: usize) {}

    /// One more block of each text was generated; `texts` are the tokens so far.
    fn on_block(&mut self, _texts: &[Vec<u32>]) {}
}

impl Observer for () {}
