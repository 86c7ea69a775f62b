//! The step sampler: attempts, batches, blocks and steps.

use std::ops::Range;

use rayon::prelude::*;
use vmd_core::Problem;
use vmd_process::reveal_counts;

use crate::evaluate::{BATCH_ROWS, Evaluator};
use crate::plan::Plan;
use crate::row::Row;
use crate::{Checker, Observer, Predictor, Request, RevealRule, SampleOutput, SamplerConfig, Scope};

/// Fills masked tokens step by step.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampler {
    config: SamplerConfig,
    /// The steps of a block to run.
    steps: Range<usize>,
}

impl Sampler {
    /// Creates a sampler.
    pub fn new(config: SamplerConfig) -> Self {
        Self { config, steps: 0..usize::MAX }
    }

    /// The configuration.
    pub fn config(&self) -> &SamplerConfig {
        &self.config
    }

    /// Runs only these steps of the chain, counted from 0. The input must be masked as at the start
    /// of the first of them; tokens that the last one leaves masked stay masked. The network gets
    /// the times and the budget of the whole chain.
    ///
    /// # Panics
    ///
    /// If the rule is not `ancestral`. Only its steps are independent of earlier steps.
    #[must_use]
    pub fn between(self, steps: Range<usize>) -> Self {
        assert_eq!(
            self.config.reveal,
            RevealRule::Ancestral,
            "only the ancestral rule can run a range of steps"
        );
        Self { steps, ..self }
    }

    /// Problems that prevent this sampler from running with `model`, with the names of the keys.
    /// Empty if it can run. Does not evaluate the network.
    pub fn problems_with(&self, model: &dyn Predictor) -> Vec<Problem> {
        let mut problems = self.config.problems_on(model.graph().is_some());
        let blocks = model.n_blocks();
        if !self.config.nfe.is_multiple_of(blocks) {
            let message = format!(
                "{} does not divide over the model's {blocks} blocks; use a multiple of {blocks}",
                self.config.nfe
            );
            problems.push(Problem::new("nfe", message));
        }
        problems
    }

    /// Fills each mask token of `xt` (`[rows, seq]`). All other tokens are clues and stay
    /// unchanged.
    ///
    /// # Panics
    ///
    /// As [`run`](Self::run).
    pub fn sample(&self, model: &dyn Predictor, xt: &[u32], seed: u64) -> SampleOutput {
        self.run(model, &Request::new(xt, seed), &mut ())
    }

    /// As [`sample`](Self::sample) with the rules of the data: `accept(row, tokens)` is whether a
    /// filled row satisfies them.
    ///
    /// # Panics
    ///
    /// As [`run`](Self::run).
    pub fn sample_checked(
        &self,
        model: &dyn Predictor,
        xt: &[u32],
        seed: u64,
        accept: impl Fn(usize, &[u32]) -> bool + Sync,
    ) -> SampleOutput {
        self.run(model, &Request::new(xt, seed).checked(&accept), &mut ())
    }

    /// Fills the rows of `request` and reports progress to `observer`.
    ///
    /// With `best_of` above 1, each row gets up to that many attempts, until the checker accepts
    /// one. If it accepts none, the first attempt is kept. The evaluations of all attempts count.
    ///
    /// Attempt `a` of row `i` uses the random stream `(seed, i, a)`. The result does not depend on
    /// the rest of the batch, and attempt 0 equals a single attempt.
    ///
    /// # Panics
    ///
    /// If the tokens are not a whole number of sequences or contain a value above the mask token,
    /// if there are [`problems`](Self::problems_with), or if `best_of` is above 1 without a
    /// checker.
    pub fn run(
        &self,
        model: &dyn Predictor,
        request: &Request<'_>,
        observer: &mut dyn Observer,
    ) -> SampleOutput {
        let problems = self.problems_with(model);
        assert!(problems.is_empty(), "{}", Problem::joined(&problems));
        let best_of = self.config.best_of;
        assert!(best_of <= 1 || request.checker.is_some(), "best_of = {best_of} needs a checker");
        let (n_rows, seq, budget) = (request.n_rows(model), model.seq_len(), self.steps_of_block(model));
        let mut evaluator = Evaluator { model, budget, observer };
        let mut output = SampleOutput { tokens: request.xt.to_vec(), nfe: vec![0; n_rows] };
        let mut open: Vec<usize> = (0..n_rows).collect();
        for attempt in 0..best_of {
            let mut rows: Vec<Row> = open.iter().map(|&i| request.row(model, i, attempt)).collect();
            rows.chunks_mut(BATCH_ROWS).for_each(|chunk| self.fill(&mut evaluator, chunk));
            open = keep(&mut output, &rows, attempt, request, seq);
        }
        output
    }

    /// Number of steps per block.
    fn steps_of_block(&self, model: &dyn Predictor) -> usize {
        self.config.nfe / model.n_blocks()
    }

    fn fill(&self, evaluator: &mut Evaluator<'_>, rows: &mut [Row]) {
        let model = evaluator.model;
        let block_len = model.seq_len() / model.n_blocks();
        for block in 0..model.n_blocks() {
            rows.iter_mut().for_each(|row| row.enter(block * block_len..(block + 1) * block_len));
            self.fill_block(evaluator, rows);
        }
    }

    fn fill_block(&self, evaluator: &mut Evaluator<'_>, rows: &mut [Row]) {
        let (model, steps) = (evaluator.model, self.steps_of_block(evaluator.model));
        let first = self.steps.start;
        let plan = Plan::new(&self.config, model.schedule(), model.graph(), steps);
        let mut open: Vec<&mut Row> = rows.iter_mut().filter(|row| !row.free.is_empty()).collect();
        for row in &mut open {
            row.counts = reveal_counts(row.n_masked(), steps);
        }
        evaluator.start_latents(&mut open, |row| plan.time(row, first));
        let mut step = first;
        while step < self.steps.end && rows.iter().any(|row| row.n_masked() > 0) {
            Self::step(evaluator, &plan, rows, step);
            step += 1;
        }
    }

    fn step(evaluator: &mut Evaluator<'_>, plan: &Plan<'_>, rows: &mut [Row], step: usize) {
        let mut active: Vec<&mut Row> = rows
            .iter_mut()
            .filter(|row| row.n_masked() > 0)
            .filter_map(|row| plan.choose_early(row, step))
            .collect();
        if active.is_empty() {
            return;
        }
        let model = evaluator.model;
        if model.latent_scope() == Scope::Step {
            evaluator.draw_latents(&mut active);
        }
        let prediction = evaluator.evaluate(&mut active, |row| plan.time(row, step));
        let (seq, vocab) = (model.seq_len(), model.vocab());
        active.par_iter_mut().enumerate().for_each(|(i, row)| {
            plan.reveal(row, step, prediction.row(i, seq, vocab));
        });
        evaluator.report_filled(active.iter().map(|row| &**row));
    }
}

/// Stores the results of an attempt and returns the rows to try again.
fn keep(
    output: &mut SampleOutput,
    rows: &[Row],
    attempt: usize,
    request: &Request<'_>,
    seq: usize,
) -> Vec<usize> {
    let accepts = |row: &Row| {
        request.checker.is_none_or(|checker: &dyn Checker| checker.accepts(row.index, &row.tokens))
    };
    let mut rejected = Vec::new();
    for row in rows {
        let tokens = row.index * seq..(row.index + 1) * seq;
        output.nfe[row.index] += row.nfe;
        let accepted = accepts(row);
        // A row without mask tokens would not change.
        if !accepted && request.xt[tokens.clone()].contains(&row.mask_token()) {
            rejected.push(row.index);
        }
        if accepted || attempt == 0 {
            output.tokens[tokens].copy_from_slice(&row.tokens);
        }
    }
    rejected
}
