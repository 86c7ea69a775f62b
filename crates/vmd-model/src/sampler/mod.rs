//! Samplers: a reveal rule, a value rule and a remask rule, each a choice of its own.
//!
//! A sampler never learns which network it drives, and all its probabilities are in double precision.

mod checker;
mod config;
mod prediction;
mod probabilities;
mod reveal;
mod row;
mod rules;
mod run;
mod search;
mod text;

use rand_chacha::ChaCha8Rng;
use vmd_graph::DependencyGraph;
use vmd_latent::LatentRows;

use crate::Scope;

pub use checker::Checker;
pub use config::SamplerConfig;
pub use prediction::{Prediction, RowPrediction};
use row::Row;
pub use rules::{RemaskRule, RevealRule, ValueRule};
pub use run::Sampler;
pub use text::ParseRuleError;

/// What a sampler needs of a network.
pub trait TokenPredictor {
    /// Number of clean values; the mask token is `vocab`.
    fn vocab(&self) -> usize;

    /// Tokens per sequence.
    fn seq_len(&self) -> usize;

    /// Blocks that a sequence is generated in, one after the other; they divide [`seq_len`](Self::seq_len).
    fn n_blocks(&self) -> usize {
        1
    }

    /// How often the latent is drawn.
    fn latent_scope(&self) -> Scope;

    /// A latent from the prior for every row of `xt` (`[rows, seq]`), each from the row's own stream; rows without
    /// values where there is no latent. `rows` are their numbers among the rows that the sampler was given.
    fn draw_latent(&self, rows: &[usize], xt: &[u32], rngs: &mut [&mut ChaCha8Rng]) -> LatentRows;

    /// A latent from the posterior for every row of `x0` (`[rows, seq]`), a guess at the finished rows; `tied` (the same
    /// shape) is 1 for the tokens that the latent is for; `None` without a posterior.
    fn infer_latent(
        &self,
        _rows: &[usize],
        _x0: &[u32],
        _tied: &[u32],
        _rngs: &mut [&mut ChaCha8Rng],
    ) -> Option<LatentRows> {
        None
    }

    /// Whether every token has a latent of its own from a prior that does not see what a row shows: then a draw has to be made to
    /// fit it, by [`infer_latent`](Self::infer_latent) and [`redraw_latent`](Self::redraw_latent).
    fn fits_latents(&self) -> bool {
        false
    }

    /// Keeps the latents of the tokens that are known in `xt` (`[rows, seq]`), and draws those of the others from the prior
    /// given the ones before them; `None` unless [`fits_latents`](Self::fits_latents).
    fn redraw_latent(
        &self,
        _rows: &[usize],
        _xt: &[u32],
        _z: &LatentRows,
        _rngs: &mut [&mut ChaCha8Rng],
    ) -> Option<LatentRows> {
        None
    }

    /// The ties between positions, where they are known.
    fn graph(&self) -> Option<&DependencyGraph> {
        None
    }

    /// What the network says of every row.
    fn predict(&self, query: Query<'_>) -> Prediction;
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
    /// Steps of the sampler that asks, for a block; a network may be told.
    pub budget: usize,
    /// Numbers of the rows among those that the sampler was given, `[rows]`; empty for all of them in order.
    pub rows: &'a [usize],
}

/// Finished sequences and what they cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleOutput {
    /// Tokens, `[rows, seq]`.
    pub tokens: Vec<u32>,
    /// Network evaluations that each row took part in, in all its attempts.
    pub nfe: Vec<usize>,
}

impl SampleOutput {
    /// The evaluations as numbers to average.
    pub fn nfe_values(&self) -> Vec<f64> {
        self.nfe.iter().map(|&nfe| nfe as f64).collect()
    }

    /// Mean number of network evaluations per sequence.
    pub fn mean_nfe(&self) -> f64 {
        self.nfe.iter().sum::<usize>() as f64 / self.nfe.len().max(1) as f64
    }
}
