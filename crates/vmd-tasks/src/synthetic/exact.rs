//! The exact distribution of a few-step sampler on a synthetic set.

use std::collections::HashSet;

use thiserror::Error;
use vmd_core::{Purpose, keyed_rng};
use vmd_latent::{LatentRows, Prior};
use vmd_model::{TrainableDenoiser, VmdModel};
use vmd_sampler::{RemaskRule, SamplerConfig, ValueRule};

use super::StepChain;
use super::SyntheticSet;
use super::plan::{Part, Plan};

/// Orders of reveals that are enumerated at the most.
const MAX_CHAINS: usize = 4096;
/// Values of a categorical latent that are enumerated at the most.
const MAX_LATENTS: usize = 4096;
/// Mass of the prior at which listing ends.
const LEFT_OUT: f64 = 1e-5;
/// Mass of the prior that may be left out.
const MAX_LEFT_OUT: f64 = 1e-3;
/// Values to integrate over of a latent that cannot be enumerated, at least and at the most.
const LATENTS: (usize, usize) = (1 << 8, 1 << 14);
/// Draws that an evaluation may make in search of latents that are not listed.
const MAX_TRIES: usize = 1 << 17;
/// Network rows that an evaluation may cost.
const MAX_ROWS: usize = 1_000_000;

/// Why a distribution cannot be computed exactly.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExactError {
    /// The data set's support is not enumerable.
    #[error("the support of {set} cannot be enumerated; measure its accuracy from samples")]
    Support {
        /// Name of the set.
        set: String,
    },
    /// The sampler's steps are not enumerable.
    #[error("the steps of this sampler cannot be enumerated; use ancestral or random-k with few steps")]
    Steps,
    /// Only plain draws have the distribution that is computed.
    #[error("exact figures need the value rule `categorical`")]
    Value,
    /// Tokens are revealed once in the orders that are listed.
    #[error("exact figures need the remask rule `none`")]
    Remask,
    /// The first attempt alone has the distribution that is computed.
    #[error("exact figures need best_of = 1")]
    BestOf,
    /// Too many network evaluations.
    #[error("{rows} network evaluations would be needed, more than {MAX_ROWS}; use fewer steps")]
    TooManyRows {
        /// Evaluations needed.
        rows: usize,
    },
}

/// Exact figures of a sampler on a synthetic set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ExactResult {
    /// Probability that a sample lies in the support.
    pub accuracy: f64,
    /// `KL(data ‖ model)` in nats.
    pub kl: f64,
    /// Standard error of `kl` from drawing `z`; 0 where `z` was enumerated or there is none.
    pub kl_standard_error: f64,
    /// Mass that was not integrated over, for all latents of a sample together: the accuracy is at least as given and at
    /// most this much more, the KL at most as given. 0 unless only the likeliest latents were listed.
    pub left_out: f64,
}

/// Computes accuracy and `KL(data ‖ model)` of `model` under `sampler`, starting from all tokens masked.
///
/// `p(x)` is a sum over all orders of reveals and an integral over `z` for every sample, block or step, as the model's
/// scope says. A categorical latent is enumerated up to 4,096 values, or as many as a million
/// network evaluations allow; of one with more, the likeliest up to 2^14, or as many as are affordable, are listed if all
/// but a thousandth of the prior's mass is among them. Else half of them are, and the rest of the prior is drawn from.
/// A latent that is not categorical is integrated with draws alone, 2^14 or as many as are affordable, but at least 2^8.
///
/// # Errors
///
/// [`ExactError`] when something cannot be enumerated, or the sampler draws from another distribution.
///
/// # Source
///
/// arXiv 2510.23606, section 4 (synthetic data); the formulas stand in `docs/method.md`.
pub fn exact_synthetic<D: TrainableDenoiser>(
    model: &VmdModel<D>,
    set: &SyntheticSet,
    sampler: &SamplerConfig,
    seed: u64,
) -> Result<ExactResult, ExactError> {
    let support = set.support().ok_or_else(|| ExactError::Support { set: set.to_string() })?;
    if sampler.value != ValueRule::default() {
        return Err(ExactError::Value);
    }
    if sampler.remask != RemaskRule::None {
        return Err(ExactError::Remask);
    }
    if sampler.best_of != 1 {
        return Err(ExactError::BestOf);
    }
    let config = model.config();
    let chain = StepChain::enumerate(sampler, &config.schedule, config.seq_len, config.blocks, MAX_CHAINS)
        .ok_or(ExactError::Steps)?;
    let plan = Plan::collect(&support, &chain, model);
    let parts = plan.parts();
    let affordable = MAX_ROWS / parts.iter().map(|part| part.contexts.len()).sum::<usize>().max(1);
    let priors = priors(model, &parts);
    let latents: Vec<Latents> = (0..)
        .zip(&priors)
        .map(|(part, prior)| Latents::of(prior.as_ref(), affordable, MAX_TRIES / parts.len(), (seed, part)))
        .collect();
    let rows =
        parts.iter().zip(&latents).map(|(part, latents)| part.contexts.len() * latents.weights.len()).sum();
    if rows > MAX_ROWS {
        return Err(ExactError::TooManyRows { rows });
    }
    let rows: Vec<&LatentRows> = latents.iter().map(|latents| &latents.rows).collect();
    let given_z = plan.group_probabilities(model, &parts, &rows, sampler.nfe / config.blocks);
    let mut means = vec![0.0; plan.n_groups()];
    for ((part, latents), given_z) in parts.iter().zip(&latents).zip(&given_z) {
        for (weight, p) in latents.weights.iter().zip(given_z) {
            part.groups.iter().zip(p).for_each(|(&group, p)| means[group] += weight * p);
        }
    }
    let p = plan.sequence_probabilities(&means);
    let kl = support.iter().zip(&p).map(|((_, w), p)| w * (w.ln() - p.ln())).sum();
    let influence = plan.influence(&support, &p, &means);
    let mut variance = 0.0;
    for ((part, latents), given_z) in parts.iter().zip(&latents).zip(&given_z) {
        let n = (given_z.len() - latents.listed) as f64;
        let moved_by = |(weight, p): (&f64, &Vec<f64>)| -> f64 {
            part.groups.iter().zip(p).map(|(&group, p)| weight * n * p * influence[group]).sum()
        };
        let moves = latents.weights.iter().zip(given_z).skip(latents.listed).map(moved_by);
        variance += standard_error(&moves.collect::<Vec<f64>>()).powi(2);
    }
    let left_out =
        latents.iter().map(|latents| latents.left_out).fold(0.0, f64::max) * plan.most_groups() as f64;
    let accuracy: f64 = p.iter().sum();
    let left_out = left_out.min((1.0 - accuracy).max(0.0));
    Ok(ExactResult { accuracy, kl, kl_standard_error: variance.sqrt(), left_out })
}

/// The prior of each part; none without a latent.
fn priors<D: TrainableDenoiser>(model: &VmdModel<D>, parts: &[Part]) -> Vec<Option<Prior>> {
    let known: Vec<u32> = parts.iter().flat_map(|part| part.known.iter().copied()).collect();
    if known.is_empty() {
        return parts.iter().map(|_| model.prior()).collect();
    }
    model.priors_given(&known).into_iter().flatten().map(Some).collect()
}

/// Standard error of the KL by linearisation: `d KL = −Σ_x w(x) dp(x)/p(x)`, where each draw of a latent moves the KL
/// by one of `moves`.
fn standard_error(moves: &[f64]) -> f64 {
    let n = moves.len() as f64;
    if n < 2.0 {
        return 0.0;
    }
    let mean = moves.iter().sum::<f64>() / n;
    let variance = moves.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (variance / n).sqrt()
}

/// Latents to integrate over.
#[derive(Debug)]
struct Latents {
    rows: LatentRows,
    /// Weight of every row in the integral; a single 1 without a latent.
    weights: Vec<f64>,
    /// Rows that were listed; those after them were drawn.
    listed: usize,
    /// Mass of the prior that no row stands for.
    left_out: f64,
}

impl Latents {
    /// All of them, or where that is too many, those that `affordable` rows allow, and `tries` to draw what is not listed.
    fn of(prior: Option<&Prior>, affordable: usize, tries: usize, (seed, part): (u64, u64)) -> Self {
        let Some(prior) = prior else {
            return Self { rows: LatentRows::default(), weights: vec![1.0], listed: 1, left_out: 0.0 };
        };
        let masses = |rows: &LatentRows| -> Vec<f64> {
            (0..rows.n_rows()).map(|row| prior.log_density(rows.row(row)).exp()).collect()
        };
        let (least, most) = LATENTS;
        let n = affordable.clamp(least, most);
        let (mut rows, left_out) = match prior.enumerate(MAX_LATENTS.min(affordable)) {
            Some(rows) => (rows, 0.0),
            None => prior.likeliest(LEFT_OUT, n),
        };
        if left_out <= MAX_LEFT_OUT {
            let weights = masses(&rows);
            return Self { listed: weights.len(), rows, weights, left_out };
        }
        rows.values.truncate(n / 2 * rows.row_len);
        let mut weights = masses(&rows);
        let (listed, undrawn) = (weights.len(), 1.0 - weights.iter().sum::<f64>());
        let bits = |z: &[f32]| z.iter().map(|value| value.to_bits()).collect::<Vec<u32>>();
        let known: HashSet<Vec<u32>> = (0..listed).map(|row| bits(rows.row(row))).collect();
        let mut rng = keyed_rng(seed, part, Purpose::Evaluate);
        // The rarer the rest, the more draws are rejected for one that is kept.
        let drawn = ((undrawn * tries as f64) as usize).clamp(2, n - listed);
        while rows.n_rows() < listed + drawn {
            let start = rows.values.len();
            prior.sample_into(&mut rng, &mut rows.values);
            if known.contains(&bits(&rows.values[start..])) {
                rows.values.truncate(start);
            }
        }
        weights.resize(listed + drawn, undrawn / drawn as f64);
        Self { rows, weights, listed, left_out: 0.0 }
    }
}
