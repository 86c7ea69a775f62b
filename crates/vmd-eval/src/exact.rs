//! The exact distribution of a few-step sampler on a synthetic set.

use thiserror::Error;
use vmd_data::synthetic::SyntheticSet;
use vmd_latent::LatentRows;
use vmd_model::{LatentRule, RemaskRule, SamplerConfig, ValueRule, VmdModel};
use vmd_process::{Purpose, keyed_rng};

use crate::StepChain;
use crate::plan::Plan;

/// Orders of reveals that are enumerated at the most.
const MAX_CHAINS: usize = 4096;
/// Values of a categorical latent that are enumerated at the most.
const MAX_LATENTS: usize = 4096;
/// Draws of a latent that cannot be enumerated.
const LATENT_DRAWS: usize = 1 << 14;
/// Network rows that an evaluation may cost.
const MAX_ROWS: usize = 2_000_000;

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
    /// Latents are integrated over the prior.
    #[error("exact figures need latents from the prior, not `reinfer`")]
    Latent,
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
}

/// Computes accuracy and `KL(data ‖ model)` of `model` under `sampler`, starting from all tokens masked.
///
/// `p(x)` is a sum over all orders of reveals and an integral over `z` for every sample, block or step, as the model's
/// scope or the sampler's latent rule says. A categorical latent is enumerated up to 4,096 values, any other integrated
/// with 2^14 draws from the prior.
///
/// # Errors
///
/// [`ExactError`] when something cannot be enumerated, or the sampler draws from another distribution.
///
/// # Source
///
/// arXiv 2510.23606, section 4 (synthetic data); the formulas stand in `docs/method.md`.
pub fn exact_synthetic(
    model: &VmdModel,
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
    if sampler.latent == LatentRule::Reinfer {
        return Err(ExactError::Latent);
    }
    if sampler.best_of != 1 {
        return Err(ExactError::BestOf);
    }
    let config = model.config();
    let chain = StepChain::enumerate(sampler, &config.schedule, config.seq_len, config.blocks, MAX_CHAINS)
        .ok_or(ExactError::Steps)?;
    let (latents, enumerated) = latents(model, seed);
    let plan = Plan::collect(&support, &chain, model, sampler.latent.scope(config.scope));
    let rows = plan.n_contexts() * latents.n_rows().max(1);
    if rows > MAX_ROWS {
        return Err(ExactError::TooManyRows { rows });
    }
    let weights = weights(model, &latents, enumerated);
    let given_z = plan.group_probabilities(model, &latents, sampler.nfe / config.blocks);
    let means: Vec<f64> = (0..plan.n_groups())
        .map(|group| given_z.iter().zip(&weights).map(|(p, weight)| weight * p[group]).sum())
        .collect();
    let p = plan.sequence_probabilities(&means);
    let kl = support.iter().zip(&p).map(|((_, w), p)| w * (w.ln() - p.ln())).sum();
    let standard_error =
        if enumerated { 0.0 } else { standard_error(&plan.influence(&support, &p, &means), &given_z) };
    Ok(ExactResult { accuracy: p.iter().sum(), kl, kl_standard_error: standard_error })
}

/// Standard error of the KL by linearisation: `d KL = −Σ_x w(x) dp(x)/p(x)`, where drawing a latent moves the mean of
/// every group, and the KL by `influence` times that.
fn standard_error(influence: &[f64], given_z: &[Vec<f64>]) -> f64 {
    let moves: Vec<f64> =
        given_z.iter().map(|groups| groups.iter().zip(influence).map(|(p, i)| p * i).sum()).collect();
    let n = moves.len() as f64;
    if n < 2.0 {
        return 0.0;
    }
    let mean = moves.iter().sum::<f64>() / n;
    let variance = moves.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (variance / n).sqrt()
}

/// Probability of every latent if they are all there are, equal shares if they were drawn.
fn weights(model: &VmdModel, latents: &LatentRows, enumerated: bool) -> Vec<f64> {
    match model.prior() {
        Some(prior) if enumerated => {
            (0..latents.n_rows()).map(|row| prior.log_mass(latents.row(row)).exp()).collect()
        }
        _ => vec![1.0 / latents.n_rows().max(1) as f64; latents.n_rows().max(1)],
    }
}

/// The latents to integrate over, and whether they are all there are.
fn latents(model: &VmdModel, seed: u64) -> (LatentRows, bool) {
    let Some(prior) = model.prior() else { return (LatentRows::default(), true) };
    if let Some(rows) = prior.enumerate(MAX_LATENTS) {
        return (rows, true);
    }
    let mut rng = keyed_rng(seed, 0, Purpose::Evaluate);
    let mut values = Vec::new();
    (0..LATENT_DRAWS).for_each(|_| prior.sample_into(&mut rng, &mut values));
    (LatentRows { values, row_len: prior.row_len() }, false)
}
