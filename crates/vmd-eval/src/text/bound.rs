//! Bounds on the likelihood of held-out text.

use vmd_model::{
    BoundEstimate, Budgets, ObjectiveConfig, TrainableDenoiser, VmdModel, estimate_bounds, importance_bound,
};

use crate::{Figure, half_width, mean_interval};

/// Maximum number of texts per batch. The spread of the batches gives the interval.
const BATCH: usize = 16;

/// Minimum number of batches, for an interval from their spread.
const MIN_BATCHES: usize = 8;

/// A bound on `−ln p(x0)` in nats per token, and its parts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TextBound {
    /// Steps per block of the ancestral sampler that the bound applies to; absent in continuous
    /// time, where tokens are revealed one at a time.
    pub steps: Option<usize>,
    /// The bound.
    pub bound: Figure,
    /// Reconstruction part.
    pub recon: Figure,
    /// KL part; 0 without a latent.
    pub kl: Figure,
    /// Decrease of the reconstruction loss, in nats per token, with latents of the posterior
    /// instead of the prior; absent without a latent.
    pub latent_gain: Option<Figure>,
    /// The bound of the same network without its latent; absent unless the network was trained so
    /// on a share of its batches.
    pub latent_free: Option<Figure>,
}

/// Estimates the bound of `objective` on `x0` (`[texts, seq_len]`) for `steps` steps per block, or
/// in continuous time, with one draw of times, masks and latents per block.
///
/// # Panics
///
/// If `x0` is empty.
///
/// # Source
///
/// The sum over blocks of a bound for each given the previous ones: BD3-LM, arXiv 2503.09573 (eq.
/// 8).
pub fn text_bound<D: TrainableDenoiser>(
    model: &VmdModel<D>,
    objective: &ObjectiveConfig,
    steps: Option<usize>,
    x0: &[u32],
    seed: u64,
) -> TextBound {
    let seq = model.config().seq_len;
    let size = (x0.len() / seq / MIN_BATCHES).clamp(1, BATCH);
    let objective = ObjectiveConfig { steps: steps.map(Budgets::One), ..objective.clone() };
    let of_batch = |(number, texts): (usize, &[u32])| {
        let seed = seed.wrapping_add((number as u64) << 32);
        estimate_bounds(model, &objective, texts, size, seed, &model.device())[0]
    };
    let batches: Vec<BoundEstimate> = x0.chunks(size * seq).enumerate().map(of_batch).collect();
    assert!(!batches.is_empty(), "there is a text");
    // Weight by size: the last batch may be smaller.
    let weight = |number: usize| (x0.len() - number * size * seq).min(size * seq) as f64 / x0.len() as f64;
    let figure = |part: &dyn Fn(&BoundEstimate) -> f64| {
        let values: Vec<f64> = batches.iter().map(|batch| part(batch) / seq as f64).collect();
        let mean: f64 = values.iter().enumerate().map(|(number, value)| weight(number) * value).sum();
        let spread = mean_interval(&values);
        let ci95 = spread.ci95.map(|end| end - spread.value + mean);
        Figure { ci95, n: x0.len() / seq, ..Figure::exact(mean) }
    };
    TextBound {
        steps,
        bound: figure(&|batch| batch.bound),
        recon: figure(&|batch| batch.recon),
        kl: figure(&|batch| batch.kl),
        latent_gain: batches[0].latent_gain.map(|_| figure(&|batch| batch.latent_gain.unwrap_or_default())),
        latent_free: batches[0]
            .latent_free
            .map(|_| figure(&|batch| batch.latent_free.map_or(0.0, |free| free.bound))),
    }
}

/// The importance-weighted bound from `k` posterior draws, in nats per token, for the ancestral
/// sampler with `steps` steps per block.
///
/// # Panics
///
/// As in [`importance_bound`].
pub fn text_importance_bound<D: TrainableDenoiser>(
    model: &VmdModel<D>,
    steps: usize,
    x0: &[u32],
    k: usize,
    seed: u64,
) -> Figure {
    let seq = model.config().seq_len;
    let (value, error) = importance_bound(model, steps, x0, k, seed);
    let n = x0.len() / seq;
    let half = half_width(error, n);
    let ends = [value - half, value + half];
    Figure { ci95: ends.map(|end| end / seq as f64), n, ..Figure::exact(value / seq as f64) }
}
