//! The network interface of a sampler.

use rand::rngs::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use vmd_graph::DependencyGraph;
use vmd_process::NoiseSchedule;

use crate::Prediction;

/// How often the latent is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Once per block, before its first step (arXiv 2510.23606). A sequence that is not divided is
    /// one block.
    #[default]
    #[serde(alias = "sequence")]
    Block,
    /// In each step (VADD, arXiv 2505.17384).
    Step,
}

/// A network with inputs and outputs on the host.
pub trait Predictor {
    /// Number of clean values; the mask token is `vocab`.
    fn vocab(&self) -> usize;

    /// Tokens per sequence.
    fn seq_len(&self) -> usize;

    /// The noise schedule of training.
    fn schedule(&self) -> NoiseSchedule;

    /// Number of blocks, which are generated one after the other. It divides
    /// [`seq_len`](Self::seq_len).
    fn n_blocks(&self) -> usize {
        1
    }

    /// How often the latent is drawn.
    fn latent_scope(&self) -> Scope;

    /// Samples a latent from the prior for each row of `xt` (`[rows, seq]`), each from the random
    /// stream of the row. Returns them concatenated; empty without a latent. `rows` are the indices
    /// of the rows in the input of the sampler.
    fn draw_latents(&self, rows: &[usize], xt: &[u32], rngs: &mut [&mut ChaCha8Rng]) -> Vec<f32>;

    /// Whether each token has a latent whose prior ignores clues. Drawn latents must then be fitted
    /// with [`fit_latents`](Self::fit_latents).
    fn fits_latents(&self) -> bool {
        false
    }

    /// Latents that fit the tokens shown in `xt` (`[rows, seq]`). Those of the shown tokens are
    /// inferred from `guess`, the same rows with the most probable values instead of masks. The
    /// others are sampled from the prior given the ones before them. `latent_mask` is 1 for the
    /// tokens that the latent covers. Called only if [`fits_latents`](Self::fits_latents).
    fn fit_latents(
        &self,
        rows: &[usize],
        xt: &[u32],
        _guess: &[u32],
        _latent_mask: &[u32],
        rngs: &mut [&mut ChaCha8Rng],
    ) -> Vec<f32> {
        self.draw_latents(rows, xt, rngs)
    }

    /// The dependency graph of the positions, if known.
    fn graph(&self) -> Option<&DependencyGraph> {
        None
    }

    /// Evaluates the network once for each row of `query`.
    fn predict(&self, query: Query<'_>) -> Prediction;
}

/// Input of one evaluation.
#[derive(Debug, Clone, Copy)]
pub struct Query<'a> {
    /// Tokens, `[rows, seq]`, values `0..vocab` or the mask token `vocab`.
    pub xt: &'a [u32],
    /// Diffusion times, `[rows]`.
    pub t: &'a [f64],
    /// Latents of the rows, concatenated; empty without a latent.
    pub z: &'a [f32],
    /// Steps per block, an optional input of the network.
    pub budget: usize,
    /// Indices of the rows in the input of the sampler, `[rows]`; empty for all rows in order.
    pub rows: &'a [usize],
}
