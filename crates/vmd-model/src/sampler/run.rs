//! The loop over attempts, steps and batches.

use std::ops::Range;

use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use vmd_core::{Purpose, keyed_rng};
use vmd_latent::LatentRows;
use vmd_process::{NoiseSchedule, reveal_counts};

use super::reveal::Plan;
use super::{
    Checker, Prediction, Query, RemaskRule, RevealRule, Row, SampleOutput, SamplerConfig, TokenPredictor,
};
use crate::Scope;

/// Sequences per forward pass; bounds the memory of a run, never its result.
const BATCH_ROWS: usize = 128;

/// Fills masked tokens step by step.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampler {
    config: SamplerConfig,
    schedule: NoiseSchedule,
    /// Steps of a block that are taken.
    steps: Range<usize>,
}

impl Sampler {
    /// A sampler of `config` for a process with `schedule`.
    pub fn new(config: SamplerConfig, schedule: NoiseSchedule) -> Self {
        Self { config, schedule, steps: 0..usize::MAX }
    }

    /// What it does.
    pub fn config(&self) -> &SamplerConfig {
        &self.config
    }

    /// Only these steps of the chain, counted from 0: for sequences that are masked as they would be when the first of them
    /// begins. What the last one leaves masked stays so. The network is told the times and the budget of the whole chain.
    ///
    /// # Panics
    ///
    /// Unless the rule is `ancestral`, whose steps do not depend on what those before them did.
    #[must_use]
    pub fn between(self, steps: Range<usize>) -> Self {
        assert_eq!(
            self.config.reveal,
            RevealRule::Ancestral,
            "a part of a chain is a part of the ancestral one"
        );
        Self { steps, ..self }
    }

    /// What keeps this sampler from running with `model`, with the names of the keys; empty when it can run. No network
    /// is evaluated.
    pub fn problems_with(&self, model: &impl TokenPredictor) -> Vec<String> {
        let mut problems = self.config.problems_on(model.graph().is_some());
        let blocks = model.n_blocks();
        if !self.config.nfe.is_multiple_of(blocks) {
            problems.push(format!(
                "nfe = {} does not divide over the model's {blocks} blocks; use a multiple of {blocks}",
                self.config.nfe
            ));
        }
        if self.config.remask == RemaskRule::Backtrack && blocks > 1 {
            problems.push(format!(
                "remask = backtrack takes back tokens of one block, and this model has {blocks}; set it to none"
            ));
        }
        problems
    }

    /// Fills every mask token of `xt` (`[rows, seq]`); all other tokens are clues and stay as they are.
    ///
    /// Row `i` draws from a stream of its own, keyed by `(seed, i)`: its result depends on nothing else in
    /// the batch.
    ///
    /// # Panics
    ///
    /// If `xt` is no whole number of sequences or holds a value above the mask token, if there are
    /// [`problems`](Self::problems_with), or if `best_of` is above 1 or the sampler searches, which takes a checker.
    pub fn sample(&self, model: &impl TokenPredictor, xt: &[u32], seed: u64) -> SampleOutput {
        let best_of = self.config.best_of;
        assert!(best_of <= 1, "best_of = {best_of} needs a checker; call sample_checked");
        assert_ne!(
            self.config.remask,
            RemaskRule::Backtrack,
            "a search needs a checker; call sample_checked"
        );
        self.sample_checked(model, xt, seed, |_, _| true)
    }

    /// The same, with streams keyed by `(seed, numbers[i])`: a row is filled as it would be among others.
    pub(crate) fn sample_numbered(
        &self,
        model: &impl TokenPredictor,
        xt: &[u32],
        seed: u64,
        numbers: &[usize],
    ) -> SampleOutput {
        let accept_all = &|_: usize, _: &[u32]| true;
        self.run(model, xt, (seed, numbers), accept_all)
    }

    /// [`sample_with`](Self::sample_with) a checker that accepts tokens by `accept(row, tokens)`.
    ///
    /// # Panics
    ///
    /// As `sample_with`.
    pub fn sample_checked(
        &self,
        model: &impl TokenPredictor,
        xt: &[u32],
        seed: u64,
        accept: impl Fn(usize, &[u32]) -> bool + Sync,
    ) -> SampleOutput {
        self.sample_with(model, xt, seed, &accept)
    }

    /// [`sample`](Self::sample) with up to `best_of` attempts at every row, which end with the first one that `checker` accepts. A row without
    /// such an attempt keeps its first one. A search (`remask = backtrack`) asks about unfinished rows too, after every evaluation but the last.
    ///
    /// Attempt `a` of row `i` draws from a stream keyed by `(seed, i, a)`; attempt 0 is what one attempt alone gives.
    /// The evaluations of all attempts that were made count.
    ///
    /// # Panics
    ///
    /// If `xt` is no whole number of sequences or holds a value above the mask token, or if there are
    /// [`problems`](Self::problems_with).
    pub fn sample_with(
        &self,
        model: &impl TokenPredictor,
        xt: &[u32],
        seed: u64,
        checker: &impl Checker,
    ) -> SampleOutput {
        self.run(model, xt, (seed, &[]), checker)
    }

    /// Row `i` has the number `numbers[i]`, or `i`.
    fn run(
        &self,
        model: &impl TokenPredictor,
        xt: &[u32],
        (seed, numbers): (u64, &[usize]),
        checker: &impl Checker,
    ) -> SampleOutput {
        let (seq, problems) = (model.seq_len(), self.problems_with(model));
        assert!(problems.is_empty(), "{}", problems.join("; "));
        assert!(xt.len().is_multiple_of(seq), "xt holds whole sequences of {seq} tokens");
        let mask_token = model.vocab() as u32;
        assert!(
            xt.iter().all(|&token| token <= mask_token),
            "tokens are at most {mask_token}, the mask token"
        );
        let n_rows = xt.len() / seq;
        let mut output = SampleOutput { tokens: xt.to_vec(), nfe: vec![0; n_rows] };
        let mut open: Vec<usize> = (0..n_rows).collect();
        for attempt in 0..self.config.best_of {
            let row = |&i: &usize| {
                let number = numbers.get(i).copied().unwrap_or(i);
                let mut rng = keyed_rng(seed, number as u64, Purpose::Sample);
                // Streams of one key never overlap, and 0 is the one that a generator starts with.
                rng.set_stream(attempt as u64);
                Row::new(i, &xt[i * seq..(i + 1) * seq], mask_token, rng)
            };
            let mut rows: Vec<Row> = open.iter().map(row).collect();
            rows.chunks_mut(BATCH_ROWS).for_each(|chunk| self.fill(model, chunk, checker));
            let mut rejected = Vec::new();
            for (i, row) in open.into_iter().zip(rows) {
                output.nfe[i] += row.nfe;
                let accepted = checker.accepts(i, &row.tokens);
                // A row without a mask would come out the same again.
                if !accepted && xt[i * seq..(i + 1) * seq].contains(&mask_token) {
                    rejected.push(i);
                }
                if accepted || attempt == 0 {
                    output.tokens[i * seq..(i + 1) * seq].copy_from_slice(&row.tokens);
                }
            }
            open = rejected;
        }
        output
    }

    fn fill(&self, model: &impl TokenPredictor, rows: &mut [Row], checker: &impl Checker) {
        let scope = model.latent_scope();
        let block_len = model.seq_len() / model.n_blocks();
        for block in 0..model.n_blocks() {
            rows.iter_mut().for_each(|row| row.enter(block * block_len..(block + 1) * block_len));
            self.fill_block(model, rows, scope, checker);
        }
    }

    fn fill_block(
        &self,
        model: &impl TokenPredictor,
        rows: &mut [Row],
        scope: Scope,
        checker: &impl Checker,
    ) {
        let steps = self.config.nfe / model.n_blocks();
        let plan = Plan::new(&self.config, &self.schedule, model.graph(), steps);
        let mut open: Vec<&mut Row> = rows.iter_mut().filter(|row| !row.free.is_empty()).collect();
        for row in &mut open {
            row.counts = reveal_counts(row.n_masked(), steps);
        }
        // Once per sample means before the first block that has something to fill.
        open.retain(|row| scope == Scope::Block || row.nfe == 0);
        if scope != Scope::Step {
            self.draw_latents(model, &mut open);
            if model.fits_latents() {
                self.fit_latents(model, &mut open, &plan, scope);
            }
        }
        let mut step = self.steps.start;
        while step < self.steps.end && rows.iter().any(|row| row.n_masked() > 0) {
            let mut active: Vec<&mut Row> = rows
                .iter_mut()
                .filter(|row| row.n_masked() > 0)
                .filter_map(|row| plan.choose_early(row, step))
                .collect();
            step += 1;
            if active.is_empty() {
                continue;
            }
            if scope == Scope::Step {
                self.draw_latents(model, &mut active);
            }
            let prediction = self.predict(model, &active, &plan, step - 1);
            let (seq, vocab) = (model.seq_len(), model.vocab());
            active.iter_mut().for_each(|row| row.nfe += 1);
            active.par_iter_mut().enumerate().for_each(|(i, row)| {
                let prediction = prediction.row(i, seq, vocab);
                match plan.searches() {
                    true => plan.search(row, step - 1, prediction, checker),
                    false => plan.reveal(row, step - 1, prediction),
                }
            });
        }
    }

    fn draw_latents(&self, model: &impl TokenPredictor, rows: &mut [&mut Row]) {
        if rows.is_empty() {
            return;
        }
        let (xt, numbers) = (tokens(rows), numbers(rows));
        let mut rngs: Vec<&mut ChaCha8Rng> = rows.iter_mut().map(|row| &mut row.rng).collect();
        let drawn = model.draw_latent(&numbers, &xt, &mut rngs);
        for (i, row) in rows.iter_mut().enumerate() {
            row.z = drawn.row(i).to_vec();
        }
    }

    /// Makes latents that were drawn from the prior fit what their rows show, in one more evaluation: guess the rest, infer the
    /// latents of what is known, and draw the others anew, given those before them. More rounds of it change little.
    fn fit_latents(&self, model: &impl TokenPredictor, rows: &mut [&mut Row], plan: &Plan<'_>, scope: Scope) {
        let first = self.steps.start;
        let shows = |row: &&mut Row| {
            row.n_masked() > 0
                && (0..).zip(row.covered(scope)).any(|(i, covered)| covered == 1 && !row.is_masked(i))
        };
        let mut rows: Vec<&mut Row> = rows.iter_mut().map(|row| &mut **row).filter(shows).collect();
        if rows.is_empty() {
            return;
        }
        let (seq, vocab, numbers, xt) = (model.seq_len(), model.vocab(), numbers(&rows), tokens(&rows));
        let prediction = self.predict(model, &rows, plan, first);
        for (i, row) in rows.iter_mut().enumerate() {
            row.nfe += 1;
            row.guess_from(prediction.row(i, seq, vocab));
        }
        let x0: Vec<u32> = rows.iter().flat_map(|row| row.finished_guess()).collect();
        let latent_mask: Vec<u32> = rows.iter().flat_map(|row| row.covered(scope)).collect();
        let mut rngs: Vec<&mut ChaCha8Rng> = rows.iter_mut().map(|row| &mut row.rng).collect();
        let inferred = model.infer_latent(&numbers, &x0, &latent_mask, &mut rngs);
        let fitting = inferred.and_then(|z| model.redraw_latent(&numbers, &xt, &z, &mut rngs));
        let fitting = fitting.expect("a model that fits its latents infers and redraws them");
        for (i, row) in rows.iter_mut().enumerate() {
            row.z = fitting.row(i).to_vec();
        }
    }

    fn predict(
        &self,
        model: &impl TokenPredictor,
        active: &[&mut Row],
        plan: &Plan<'_>,
        step: usize,
    ) -> Prediction {
        let t: Vec<f64> = active.iter().map(|row| plan.time(row, step)).collect();
        let values = active.iter().flat_map(|row| row.z.iter().copied()).collect();
        let z = &LatentRows { values, row_len: active[0].z.len() };
        let budget = self.config.nfe / model.n_blocks();
        let rows = &numbers(active);
        model.predict(Query { xt: &tokens(active), t: &t, z, budget, rows })
    }
}

fn tokens(rows: &[&mut Row]) -> Vec<u32> {
    rows.iter().flat_map(|row| row.tokens.iter().copied()).collect()
}

fn numbers(rows: &[&mut Row]) -> Vec<usize> {
    rows.iter().map(|row| row.index).collect()
}
