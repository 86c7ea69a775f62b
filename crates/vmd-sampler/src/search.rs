//! A best-first search for data whose rules can be checked before a sequence is finished.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use vmd_core::{Problem, Validate};

use crate::evaluate::{BATCH_ROWS, Evaluator, expected_time};
use crate::row::Row;
use crate::tree::Tree;
use crate::{Checker, Observer, Predictor, Request, SampleOutput, Scope, ValueRule};

/// Configuration of a [`Search`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SearchConfig {
    /// Probability in `0..=1`. A step reveals all tokens whose top probability reaches it, and at
    /// least the most probable one.
    pub threshold: f64,
    /// Maximum number of network evaluations per row. Fitting the latent to clues takes one more.
    pub nfe: usize,
    /// Rule for the value that is tried first: the most probable one, or a draw.
    pub value: ValueRule,
}

impl SearchConfig {
    /// A search with at most `nfe` evaluations per row that tries the most probable values first.
    pub fn new(threshold: f64, nfe: usize) -> Self {
        Self { threshold, nfe, value: ValueRule::Argmax }
    }

    /// Sets the rule for the value that is tried first.
    #[must_use]
    pub fn with_value(mut self, value: ValueRule) -> Self {
        self.value = value;
        self
    }
}

impl Validate for SearchConfig {
    type Context<'a> = ();

    fn problems(&self, (): ()) -> Vec<Problem> {
        let mut problems = Vec::new();
        if !(0.0..=1.0).contains(&self.threshold) {
            let message = format!("must lie in 0..=1, not {}", self.threshold);
            problems.push(Problem::new("threshold", message));
        }
        problems.extend(Problem::zeros([("nfe", self.nfe)]));
        problems.extend(self.value.problem());
        problems
    }
}

/// Fills masked tokens by a best-first search.
///
/// Each evaluation reveals all tokens whose top probability reaches the threshold, or the most
/// probable one if none does. The other values of these tokens become branches, and the next
/// evaluation continues with the branch of the highest priority. The search ends at the first
/// finished row that the checker accepts. The last of `nfe` evaluations reveals all tokens, as does
/// an evaluation that leaves no branches. See `docs/method.md`.
#[derive(Debug, Clone, PartialEq)]
pub struct Search {
    config: SearchConfig,
}

impl Search {
    /// Creates a search.
    pub fn new(config: SearchConfig) -> Self {
        Self { config }
    }

    /// The configuration.
    pub fn config(&self) -> &SearchConfig {
        &self.config
    }

    /// Problems that prevent this search from running with `model`, with the names of the keys.
    /// Empty if it can run. Does not evaluate the network.
    pub fn problems_with(&self, model: &dyn Predictor) -> Vec<Problem> {
        let mut problems = self.config.problems(());
        let blocks = model.n_blocks();
        if blocks > 1 {
            let message = format!(
                "a search takes back tokens of one block, and this model has {blocks}; use a reveal rule"
            );
            problems.push(Problem::new("", message));
        }
        problems
    }

    /// Fills the rows of `request` and reports progress to `observer`. The checker is also called
    /// with unfinished rows.
    ///
    /// Row `i` uses the random stream `(seed, i)`. Its result does not depend on the rest of the
    /// batch.
    ///
    /// # Panics
    ///
    /// If the tokens are not a whole number of sequences or contain a value above the mask token,
    /// if there are [`problems`](Self::problems_with), or if there is no checker.
    pub fn run(
        &self,
        model: &dyn Predictor,
        request: &Request<'_>,
        observer: &mut dyn Observer,
    ) -> SampleOutput {
        let problems = self.problems_with(model);
        assert!(problems.is_empty(), "{}", Problem::joined(&problems));
        let checker = request.checker.expect("a search needs a checker");
        let n_rows = request.n_rows(model);
        let mut evaluator = Evaluator { model, budget: self.config.nfe, observer };
        let mut rows: Vec<Row> = (0..n_rows).map(|i| request.row(model, i, 0)).collect();
        rows.chunks_mut(BATCH_ROWS).for_each(|chunk| self.fill(&mut evaluator, chunk, checker));
        let nfe = rows.iter().map(|row| row.nfe).collect();
        SampleOutput { tokens: rows.into_iter().flat_map(|row| row.tokens).collect(), nfe }
    }

    fn fill(&self, evaluator: &mut Evaluator<'_>, rows: &mut [Row], checker: &dyn Checker) {
        let (scope, schedule) = (evaluator.model.latent_scope(), evaluator.model.schedule());
        let time = |row: &Row| expected_time(row, schedule);
        rows.iter_mut().for_each(|row| row.enter(0..row.tokens.len()));
        let mut open: Vec<&mut Row> = rows.iter_mut().filter(|row| !row.free.is_empty()).collect();
        evaluator.start_latents(&mut open, time);
        let mut trees: Vec<Tree> = rows.iter().map(|_| Tree::default()).collect();
        for left in (0..self.config.nfe).rev() {
            let (mut active, mut trees): (Vec<&mut Row>, Vec<&mut Tree>) =
                rows.iter_mut().zip(&mut trees).filter(|(row, _)| row.n_masked() > 0).unzip();
            if active.is_empty() {
                return;
            }
            if scope == Scope::Step {
                evaluator.draw_latents(&mut active);
            }
            let prediction = evaluator.evaluate(&mut active, time);
            let (seq, vocab) = (evaluator.model.seq_len(), evaluator.model.vocab());
            active.par_iter_mut().zip(&mut trees).enumerate().for_each(|(i, (row, tree))| {
                let logits = prediction.row(i, seq, vocab).all_logits();
                tree.advance(row, logits, &self.config, left, checker);
            });
            evaluator.report_filled(active.iter().map(|row| &**row));
        }
    }
}
