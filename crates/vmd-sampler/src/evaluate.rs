//! Batched latents and network evaluations, for the sampler and the search.

use rand::rngs::ChaCha8Rng;
use vmd_process::NoiseSchedule;

use crate::row::Row;
use crate::{Observer, Prediction, Predictor, Query, Scope};

/// Sequences per forward pass. Limits memory and does not affect results.
pub(crate) const BATCH_ROWS: usize = 128;

/// A predictor with the arguments shared by all its evaluations.
pub(crate) struct Evaluator<'a> {
    pub(crate) model: &'a dyn Predictor,
    /// Steps per block, an input of the network.
    pub(crate) budget: usize,
    pub(crate) observer: &'a mut dyn Observer,
}

impl Evaluator<'_> {
    /// Samples a latent from the prior for each row.
    pub(crate) fn draw_latents(&self, rows: &mut [&mut Row]) {
        if rows.is_empty() {
            return;
        }
        let (xt, numbers) = (tokens(rows), numbers(rows));
        let mut rngs: Vec<&mut ChaCha8Rng> = rows.iter_mut().map(|row| &mut row.rng).collect();
        let drawn = self.model.draw_latents(&numbers, &xt, &mut rngs);
        set_latents(rows, &drawn);
    }

    /// Draws the latents at the start of a block. If the prior ignores clues, the latents are then
    /// fitted to them, with one more evaluation of these rows.
    pub(crate) fn start_latents(&mut self, rows: &mut [&mut Row], time: impl Fn(&Row) -> f64) {
        if self.model.latent_scope() == Scope::Step {
            return;
        }
        self.draw_latents(rows);
        if self.model.fits_latents() {
            self.fit_latents(rows, time);
        }
    }

    /// Predicts the masked tokens, infers the latents of the shown tokens from the completed rows,
    /// and samples the other latents given the ones before them. More rounds have little effect.
    fn fit_latents(&mut self, rows: &mut [&mut Row], time: impl Fn(&Row) -> f64) {
        let shows = |row: &&mut Row| {
            row.n_masked() > 0
                && (0..).zip(row.covered()).any(|(i, covered)| covered == 1 && !row.is_masked(i))
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
        let latent_mask: Vec<u32> = rows.iter().flat_map(|row| row.covered()).collect();
        let mut rngs: Vec<&mut ChaCha8Rng> = rows.iter_mut().map(|row| &mut row.rng).collect();
        let fitting = self.model.fit_latents(&numbers, &xt, &guess, &latent_mask, &mut rngs);
        set_latents(&mut rows, &fitting);
    }

    /// Evaluates the network once for each of `rows`.
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

    /// Reports the rows without mask tokens.
    pub(crate) fn report_filled<'r>(&mut self, rows: impl Iterator<Item = &'r Row>) {
        rows.filter(|row| row.is_filled())
            .for_each(|row| self.observer.on_row(row.index, &row.tokens, row.nfe));
    }
}

/// The time at which the schedule expects the row's current share of masked tokens in its block.
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
