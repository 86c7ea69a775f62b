//! Bounds on the likelihood of held-out text.

use vmd_model::{
    BoundEstimate, Budgets, ObjectiveConfig, TrainableDenoiser, VmdModel, estimate_bounds, importance_bound,
};

use crate::{Figure, mean_interval};

/// Texts that are evaluated together, at most. The spread of these batches gives the interval.
const BATCH: usize = 16;

/// Fewest batches, so that the spread between them gives an interval.
const MIN_BATCHES: usize = 8;

/// A bound of `−ln p(x0)` in nats per token, and what it is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TextBound {
    /// Steps of a block of the ancestral sampler that it certifies; absent in continuous time, where one token appears after
    /// the other.
    pub steps: Option<usize>,
    /// The bound.
    pub bound: Figure,
    /// Its reconstruction part.
    pub recon: Figure,
    /// Its KL part; 0 without a latent.
    pub kl: Figure,
    /// Nats per token by which the posterior's latent reconstructs better than the prior's; absent without a latent.
    pub latent_gain: Option<Figure>,
    /// What the same network has without its latent, where it was trained so for a share of its batches.
    pub latent_free: Option<Figure>,
}

/// Estimates the bound of `objective` on `x0` (`[texts, seq_len]`) for `steps` steps a block, or in continuous time, from one draw
/// of times, masks and latents for every block.
///
/// # Panics
///
/// If there is no text.
///
/// # Source
///
/// The sum over blocks of a bound for each given those before it: BD3-LM, arXiv 2503.09573 (eq. 8).
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
    // The last batch may be smaller; it weighs what it holds.
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

/// The bound from `k` draws of the posterior, in nats per token, for the ancestral sampler of `steps` steps a block.
///
/// # Panics
///
/// As [`importance_bound`].
pub fn text_importance_bound<D: TrainableDenoiser>(
    model: &VmdModel<D>,
    steps: usize,
    x0: &[u32],
    k: usize,
    seed: u64,
) -> Figure {
    let seq = model.config().seq_len;
    let (value, error) = importance_bound(model, steps, x0, k, seed);
    let ends = [value - 1.96 * error, value + 1.96 * error];
    Figure { ci95: ends.map(|end| end / seq as f64), n: x0.len() / seq, ..Figure::exact(value / seq as f64) }
}
