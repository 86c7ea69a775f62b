//! What a sampler needs of a network.

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use vmd_graph::DependencyGraph;
use vmd_process::NoiseSchedule;

use crate::Prediction;

/// How often the latent is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Once per sample, kept for all steps (arXiv 2510.23606).
    #[default]
    Sequence,
    /// Once per block, before its first step.
    Block,
    /// Afresh in every step (VADD, arXiv 2505.17384).
    Step,
}

/// A network as a sampler sees it. Everything is on the host.
pub trait Predictor {
    /// Number of clean values; the mask token is `vocab`.
    fn vocab(&self) -> usize;

    /// Tokens per sequence.
    fn seq_len(&self) -> usize;

    /// The noise schedule that the network was trained with.
    fn schedule(&self) -> NoiseSchedule;

    /// Blocks that a sequence is generated in, one after the other; they divide [`seq_len`](Self::seq_len).
    fn n_blocks(&self) -> usize {
        1
    }

    /// How often the latent is drawn.
    fn latent_scope(&self) -> Scope;

    /// A latent from the prior for every row of `xt` (`[rows, seq]`), each from the row's own stream, one after the other; empty
    /// without a latent. `rows` are the numbers of the rows among those that the sampler was given.
    fn draw_latents(&self, rows: &[usize], xt: &[u32], rngs: &mut [&mut ChaCha8Rng]) -> Vec<f32>;

    /// Whether every token has a latent of its own from a prior that does not see what a row shows: then a draw has to be made to
    /// fit it, by [`fit_latents`](Self::fit_latents).
    fn fits_latents(&self) -> bool {
        false
    }

    /// Latents that fit what `xt` (`[rows, seq]`) shows: those of the shown tokens are inferred from `guess`, the same rows with
    /// the most probable values in place of masks, and the others are drawn from the prior given the ones before them.
    /// `latent_mask` is 1 for the tokens that the latent is for. Asked only if [`fits_latents`](Self::fits_latents).
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

    /// The ties between positions, where they are known.
    fn graph(&self) -> Option<&DependencyGraph> {
        None
    }

    /// Evaluates the network once for every row of `query`.
    fn predict(&self, query: Query<'_>) -> Prediction;
}

/// What a network is asked in one evaluation, row after row.
#[derive(Debug, Clone, Copy)]
pub struct Query<'a> {
    /// Tokens, `[rows, seq]`, values `0..vocab` or the mask token `vocab`.
    pub xt: &'a [u32],
    /// Diffusion times, `[rows]`.
    pub t: &'a [f64],
    /// Latents of the rows, one after the other; empty without a latent.
    pub z: &'a [f32],
    /// Steps of the sampler that asks, for a block; a network may be told.
    pub budget: usize,
    /// Numbers of the rows among those that the sampler was given, `[rows]`; empty for all of them in order.
    pub rows: &'a [usize],
}
