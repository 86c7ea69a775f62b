//! Samplers: a time grid, a reveal rule, a value rule and a latent rule, each a choice of its own.
//!
//! A sampler never learns which network it drives, and all its probabilities are in double precision.

mod config;
mod probabilities;
mod reveal;
mod row;

use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use vmd_graph::DependencyGraph;
use vmd_latent::LatentRows;
use vmd_process::{NoiseSchedule, Purpose, keyed_rng};

pub use config::{ParseRuleError, RevealRule, SamplerConfig, ValueRule};
use row::Row;

/// Sequences per forward pass; bounds the memory of a run, never its result.
const BATCH_ROWS: usize = 128;

/// What a sampler needs of a network.
pub trait TokenPredictor {
    /// Number of clean values; the mask token is `vocab`.
    fn vocab(&self) -> usize;

    /// Tokens per sequence.
    fn seq_len(&self) -> usize;

    /// Whether the latent is drawn afresh in every step.
    fn redraws_latent_each_step(&self) -> bool;

    /// A latent from the prior for every row of `xt` (`[rows, seq]`), each from the row's own stream; rows without
    /// values where there is no latent. `budget`: steps of the sampler that asks.
    fn draw_latent(&self, xt: &[u32], budget: usize, rngs: &mut [&mut ChaCha8Rng]) -> LatentRows;

    /// A latent from the posterior for every row of `x0` (`[rows, seq]`), a guess at the finished rows, of which `xt` is
    /// what has been revealed; `None` without a posterior.
    fn infer_latent(
        &self,
        _x0: &[u32],
        _xt: &[u32],
        _budget: usize,
        _rngs: &mut [&mut ChaCha8Rng],
    ) -> Option<LatentRows> {
        None
    }

    /// The ties between positions, where they are known.
    fn graph(&self) -> Option<&DependencyGraph> {
        None
    }

    /// Logits, `[rows, seq, vocab]`.
    fn predict(&self, query: Query<'_>) -> Vec<f32>;
}

/// What a network is asked in one evaluation, row after row.
#[derive(Debug, Clone, Copy)]
pub struct Query<'a> {
    /// Tokens, `[rows, seq]`, values `0..vocab` or the mask token `vocab`.
    pub xt: &'a [u32],
    /// Diffusion times, `[rows]`.
    pub t: &'a [f64],
    /// Latents of the rows.
    pub z: &'a LatentRows,
    /// Steps of the sampler that asks; a network may be told.
    pub budget: usize,
}

/// Finished sequences and what they cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleOutput {
    /// Tokens, `[rows, seq]`.
    pub tokens: Vec<u32>,
    /// Network evaluations that each row took part in.
    pub nfe: Vec<usize>,
}

impl SampleOutput {
    /// Mean number of network evaluations per sequence.
    pub fn mean_nfe(&self) -> f64 {
        self.nfe.iter().sum::<usize>() as f64 / self.nfe.len().max(1) as f64
    }
}

/// Fills masked tokens step by step.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampler {
    config: SamplerConfig,
    schedule: NoiseSchedule,
}

impl Sampler {
    /// A sampler of `config` for a process with `schedule`.
    pub fn new(config: SamplerConfig, schedule: NoiseSchedule) -> Self {
        Self { config, schedule }
    }

    /// Fills every mask token of `xt` (`[rows, seq]`); all other tokens are clues and stay as they are.
    ///
    /// Row `i` draws from a stream of its own, keyed by `(seed, i)`: its result depends on nothing else in
    /// the batch.
    ///
    /// # Panics
    ///
    /// If `xt` is no whole number of sequences or holds a value above the mask token, or the configuration has
    /// [`problems`](SamplerConfig::problems).
    pub fn sample(&self, model: &impl TokenPredictor, xt: &[u32], seed: u64) -> SampleOutput {
        let (seq, problems) = (model.seq_len(), self.config.problems());
        assert!(problems.is_empty(), "{}", problems.join("; "));
        assert!(xt.len().is_multiple_of(seq), "xt holds whole sequences of {seq} tokens");
        let mask_token = model.vocab() as u32;
        assert!(
            xt.iter().all(|&token| token <= mask_token),
            "tokens are at most {mask_token}, the mask token"
        );
        let mut rows: Vec<Row> = xt
            .chunks_exact(seq)
            .enumerate()
            .map(|(i, tokens)| Row::new(tokens, mask_token, keyed_rng(seed, i as u64, Purpose::Sample)))
            .collect();
        for chunk in rows.chunks_mut(BATCH_ROWS) {
            self.fill(model, chunk);
        }
        SampleOutput {
            nfe: rows.iter().map(|row| row.nfe).collect(),
            tokens: rows.into_iter().flat_map(|row| row.tokens).collect(),
        }
    }

    fn fill(&self, model: &impl TokenPredictor, rows: &mut [Row]) {
        let plan = reveal::Plan::new(&self.config, &self.schedule);
        let mut open: Vec<&mut Row> = rows.iter_mut().filter(|row| !row.is_done()).collect();
        for row in &mut open {
            row.counts = self.config.grid.reveal_counts(row.n_masked(), self.config.nfe);
        }
        if !model.redraws_latent_each_step() {
            self.draw_latents(model, &mut open);
        }
        let mut step = 0;
        while rows.iter().any(|row| !row.is_done()) {
            let mut active: Vec<&mut Row> = rows
                .iter_mut()
                .filter(|row| !row.is_done())
                .filter_map(|row| plan.choose_early(row, step))
                .collect();
            step += 1;
            if active.is_empty() {
                continue;
            }
            if model.redraws_latent_each_step() {
                self.draw_latents(model, &mut active);
            }
            let logits = self.predict(model, &active, &plan, step - 1);
            let vocab = model.vocab();
            active.par_iter_mut().zip(logits.par_chunks_exact(model.seq_len() * vocab)).for_each(
                |(row, logits)| {
                    row.nfe += 1;
                    plan.reveal(row, step - 1, logits, vocab);
                },
            );
        }
    }

    fn draw_latents(&self, model: &impl TokenPredictor, rows: &mut [&mut Row]) {
        if rows.is_empty() {
            return;
        }
        let xt = tokens(rows);
        let mut rngs: Vec<&mut ChaCha8Rng> = rows.iter_mut().map(|row| &mut row.rng).collect();
        let drawn = model.draw_latent(&xt, self.config.nfe, &mut rngs);
        for (i, row) in rows.iter_mut().enumerate() {
            row.z = drawn.row(i).to_vec();
        }
    }

    fn predict(
        &self,
        model: &impl TokenPredictor,
        active: &[&mut Row],
        plan: &reveal::Plan,
        step: usize,
    ) -> Vec<f32> {
        let t: Vec<f64> = active.iter().map(|row| plan.time(row, step, &self.schedule)).collect();
        let values = active.iter().flat_map(|row| row.z.iter().copied()).collect();
        let z = &LatentRows { values, row_len: active[0].z.len() };
        model.predict(Query { xt: &tokens(active), t: &t, z, budget: self.config.nfe })
    }
}

fn tokens(rows: &[&mut Row]) -> Vec<u32> {
    rows.iter().flat_map(|row| row.tokens.iter().copied()).collect()
}
