//! The exact distribution of a few-step sampler on a synthetic set.

use thiserror::Error;
use vmd_data::synthetic::SyntheticSet;
use vmd_latent::{LatentRows, Prior};
use vmd_model::{LatentRule, RemaskRule, SamplerConfig, Scope, ValueRule, VmdModel};
use vmd_process::{Purpose, keyed_rng};

use crate::StepChain;
use crate::plan::Plan;

/// Orders of reveals that are enumerated at the most.
const MAX_CHAINS: usize = 4096;
/// Values of a categorical latent that are enumerated at the most.
const MAX_LATENTS: usize = 4096;
/// Values of a categorical latent that are listed, the likeliest first.
const MAX_LIKELIEST: usize = 1 << 14;
/// Mass of the prior at which listing ends.
const LEFT_OUT: f64 = 1e-5;
/// Mass of the prior that may be left out.
const MAX_LEFT_OUT: f64 = 1e-3;
/// Draws of a latent that cannot be enumerated, at least and at the most.
const LATENT_DRAWS: (usize, usize) = (1 << 10, 1 << 14);
/// Network rows that an evaluation may cost.
const MAX_ROWS: usize = 3_000_000;

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
    /// Mass of the prior that was not integrated over: the accuracy is at least as given and at most this much more,
    /// the KL at most as given. 0 unless only the likeliest latents were listed.
    pub left_out: f64,
}

/// Computes accuracy and `KL(data ‖ model)` of `model` under `sampler`, starting from all tokens masked.
///
/// `p(x)` is a sum over all orders of reveals and an integral over `z` for every sample, block or step, as the model's
/// scope or the sampler's latent rule says. A categorical latent is enumerated up to 4,096 values; of one with more, the
/// likeliest up to 2^14, or as many as 3 million network evaluations allow, are listed if all but a thousandth of the
/// prior's mass is among them; any other is integrated with draws from the prior, 2^14 or as many as are affordable, but
/// at least 2^10.
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
    let scope = sampler.latent.scope(config.scope);
    let plan = Plan::collect(&support, &chain, model, scope);
    let latents = Latents::of(model, scope, MAX_ROWS / plan.n_contexts().max(1), seed);
    let rows = plan.n_contexts() * latents.rows.n_rows().max(1);
    if rows > MAX_ROWS {
        return Err(ExactError::TooManyRows { rows });
    }
    let given_z = plan.group_probabilities(model, &latents.rows, sampler.nfe / config.blocks);
    let weights: Vec<Vec<f64>> = plan.known().iter().map(|known| latents.weights(model, known)).collect();
    let means: Vec<f64> = (0..plan.n_groups())
        .map(|group| {
            let weights = &weights[plan.known_of(group)];
            given_z.iter().zip(weights).map(|(p, weight)| weight * p[group]).sum()
        })
        .collect();
    let p = plan.sequence_probabilities(&means);
    let kl = support.iter().zip(&p).map(|((_, w), p)| w * (w.ln() - p.ln())).sum();
    let (kl_standard_error, left_out) = match latents.how {
        Integration::Enumerated => (0.0, 0.0),
        Integration::Likeliest { left_out } => (0.0, left_out),
        Integration::Drawn => {
            let n = given_z.len() as f64;
            let influence = plan.influence(&support, &p, &means);
            let moved_by = |(z, groups): (usize, &Vec<f64>)| {
                let of_group =
                    |(group, p): (usize, &f64)| weights[plan.known_of(group)][z] * n * p * influence[group];
                groups.iter().enumerate().map(of_group).sum()
            };
            (standard_error(&given_z.iter().enumerate().map(moved_by).collect::<Vec<f64>>()), 0.0)
        }
    };
    Ok(ExactResult { accuracy: p.iter().sum(), kl, kl_standard_error, left_out })
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

/// How the latents to integrate over were found.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Integration {
    /// They are all there are.
    Enumerated,
    /// The likeliest ones, without this much of the prior's mass.
    Likeliest { left_out: f64 },
    /// Draws from the prior without clues.
    Drawn,
}

/// Latents to integrate over.
#[derive(Debug)]
struct Latents {
    /// The prior without clues.
    prior: Option<Prior>,
    rows: LatentRows,
    how: Integration,
}

impl Latents {
    /// All of them, or where that is too many, those that `affordable` allows.
    fn of(model: &VmdModel, scope: Scope, affordable: usize, seed: u64) -> Self {
        let Some(prior) = model.prior() else {
            return Self { prior: None, rows: LatentRows::default(), how: Integration::Enumerated };
        };
        if let Some(rows) = prior.enumerate(MAX_LATENTS) {
            return Self { prior: Some(prior), rows, how: Integration::Enumerated };
        }
        // What is likely without clues need not be so with them.
        if scope == Scope::Sequence || !model.sees_clues() {
            let (rows, left_out) = prior.likeliest(LEFT_OUT, MAX_LIKELIEST.min(affordable));
            if left_out <= MAX_LEFT_OUT {
                return Self { prior: Some(prior), rows, how: Integration::Likeliest { left_out } };
            }
        }
        let mut rng = keyed_rng(seed, 0, Purpose::Evaluate);
        let mut values = Vec::new();
        let (least, most) = LATENT_DRAWS;
        (0..affordable.clamp(least, most)).for_each(|_| prior.sample_into(&mut rng, &mut values));
        let rows = LatentRows { values, row_len: prior.row_len() };
        Self { prior: Some(prior), rows, how: Integration::Drawn }
    }

    /// Weight of every latent in the integral over `p(z | known)`; `known` is empty for a prior that sees no clues.
    fn weights(&self, model: &VmdModel, known: &[u32]) -> Vec<f64> {
        let n = self.rows.n_rows();
        let Some(prior) = &self.prior else { return vec![1.0] };
        let given = match known {
            [] => None,
            known => model.priors_given(known).and_then(|priors| priors.into_iter().next()),
        };
        let of_row = |row: usize| {
            let z = self.rows.row(row);
            match (self.how, &given) {
                (Integration::Drawn, None) => 1.0 / n as f64,
                (Integration::Drawn, Some(given)) => {
                    (given.log_density(z) - prior.log_density(z)).exp() / n as f64
                }
                (_, given) => given.as_ref().unwrap_or(prior).log_density(z).exp(),
            }
        };
        (0..n).map(of_row).collect()
    }
}
