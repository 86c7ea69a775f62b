//! Latents and network evaluations of many rows at once, for the sampler and the search.

use rand_chacha::ChaCha8Rng;
use vmd_process::NoiseSchedule;

use crate::row::Row;
use crate::{Observer, Prediction, Predictor, Query, Scope};

/// Sequences per forward pass; bounds the memory of a run, never its result.
pub(crate) const BATCH_ROWS: usize = 128;

/// A predictor in use, and what all its evaluations have in common.
pub(crate) struct Evaluator<'a> {
    pub(crate) model: &'a dyn Predictor,
    /// Steps for a block, which the network may be told.
    pub(crate) budget: usize,
    pub(crate) observer: &'a mut dyn Observer,
}

impl Evaluator<'_> {
    /// Draws a latent from the prior for every row.
    pub(crate) fn draw_latents(&self, rows: &mut [&mut Row]) {
        if rows.is_empty() {
            return;
        }
        let (xt, numbers) = (tokens(rows), numbers(rows));
        let mut rngs: Vec<&mut ChaCha8Rng> = rows.iter_mut().map(|row| &mut row.rng).collect();
        let drawn = self.model.draw_latents(&numbers, &xt, &mut rngs);
        set_latents(rows, &drawn);
    }

    /// Draws the latents that a block begins with. Where the prior does not see what the rows show, the latents are made to fit
    /// it, in one more evaluation of those rows.
    pub(crate) fn start_latents(&mut self, rows: &mut [&mut Row], scope: Scope, time: impl Fn(&Row) -> f64) {
        if scope == Scope::Step {
            return;
        }
        self.draw_latents(rows);
        if self.model.fits_latents() {
            self.fit_latents(rows, scope, time);
        }
    }

    /// Guesses the masked tokens, infers the latents of the shown ones, and draws the others anew, given those before them.
    /// More rounds of it change little.
    fn fit_latents(&mut self, rows: &mut [&mut Row], scope: Scope, time: impl Fn(&Row) -> f64) {
        let shows = |row: &&mut Row| {
            row.n_masked() > 0
                && (0..).zip(row.covered(scope)).any(|(i, covered)| covered == 1 && !row.is_masked(i))
        };
        let mut rows: Vec<&mut Row> = rows.iter_mut().map(|row| &mut **row).filter(shows).collect();
        if rows.is_empty() {
            return;
        }
        let (seq, vocab, numbers, xt) =
            (self.model.seq_len(), self.model.vocab(), numbers(&rows), tokens(&rows));
        let prediction = self.evaluate(&mut rows, time);
        let guess: Vec<u32> =
            rows.iter().enumerate().flat_map(|(i, row)| row.guess(prediction.row(i, seq, vocab))).collect();
        let latent_mask: Vec<u32> = rows.iter().flat_map(|row| row.covered(scope)).collect();
        let mut rngs: Vec<&mut ChaCha8Rng> = rows.iter_mut().map(|row| &mut row.rng).collect();
        let fitting = self.model.fit_latents(&numbers, &xt, &guess, &latent_mask, &mut rngs);
        set_latents(&mut rows, &fitting);
    }

    /// Asks the network about `rows`, one evaluation each.
    pub(crate) fn evaluate(&mut self, rows: &mut [&mut Row], time: impl Fn(&Row) -> f64) -> Prediction {
        let t: Vec<f64> = rows.iter().map(|row| time(row)).collect();
        let z: Vec<f32> = rows.iter().flat_map(|row| row.z.iter().copied()).collect();
        let (xt, numbers) = (&tokens(rows), &numbers(rows));
        let query = Query { xt, t: &t, z: &z, budget: self.budget, rows: numbers };
        let prediction = self.model.predict(query);
        rows.iter_mut().for_each(|row| row.nfe += 1);
        self.observer.on_evaluation(&query, &prediction);
        prediction
    }

    /// Reports the rows that have no mask left.
    pub(crate) fn report_filled<'r>(&mut self, rows: impl Iterator<Item = &'r Row>) {
        rows.filter(|row| row.is_filled())
            .for_each(|row| self.observer.on_row(row.index, &row.tokens, row.nfe));
    }
}

/// The time at which the share of masked tokens that `row` has in its block is expected.
pub(crate) fn expected_time(row: &Row, schedule: NoiseSchedule) -> f64 {
    schedule.inverse(1.0 - row.n_masked() as f64 / row.block.len() as f64)
}

fn set_latents(rows: &mut [&mut Row], values: &[f32]) {
    let row_len = values.len() / rows.len();
    for (i, row) in rows.iter_mut().enumerate() {
        row.z = values[i * row_len..(i + 1) * row_len].to_vec();
    }
}

fn tokens(rows: &[&mut Row]) -> Vec<u32> {
    rows.iter().flat_map(|row| row.tokens.iter().copied()).collect()
}

fn numbers(rows: &[&mut Row]) -> Vec<usize> {
    rows.iter().map(|row| row.index).collect()
}
