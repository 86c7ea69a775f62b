//! The exact distribution of a few-step sampler on a synthetic set.

use std::collections::HashSet;

use thiserror::Error;
use vmd_core::{Purpose, keyed_rng};
use vmd_latent::{LatentRows, Prior};
use vmd_model::{TrainableDenoiser, VmdModel};
use vmd_sampler::{RemaskRule, SamplerConfig, ValueRule};

use super::StepChain;
use super::SyntheticSet;
use super::plan::{Evidence, Plan};

/// Maximum number of enumerated reveal orders.
const MAX_CHAINS: usize = 4096;
/// Maximum number of enumerated values of a categorical latent.
const MAX_LATENTS: usize = 4096;
/// Remaining prior mass at which the enumeration of likely latents stops.
const LEFT_OUT: f64 = 1e-5;
/// Maximum prior mass to leave out.
const MAX_LEFT_OUT: f64 = 1e-3;
/// Minimum and maximum number of integration points for a latent that cannot be enumerated.
const LATENTS: (usize, usize) = (1 << 8, 1 << 14);
/// Maximum number of draws per evaluation to find latents that are not enumerated.
const MAX_TRIES: usize = 1 << 17;
/// Maximum number of network rows per evaluation.
const MAX_ROWS: usize = 1_000_000;

/// Why a distribution cannot be computed exactly.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExactError {
    /// The support of the data set cannot be enumerated.
    #[error("the support of {set} cannot be enumerated; measure its accuracy from samples")]
    Support {
        /// Name of the set.
        set: String,
    },
    /// The reveal orders of the sampler cannot be enumerated.
    #[error("the steps of this sampler cannot be enumerated; use ancestral or random-k with few steps")]
    Steps,
    /// The value rule changes the distribution.
    #[error("exact figures need the value rule `categorical`")]
    Value,
    /// The enumerated orders do not include remasking.
    #[error("exact figures need the remask rule `none`")]
    Remask,
    /// Repeated attempts change the distribution.
    #[error("exact figures need best_of = 1")]
    BestOf,
    /// The evaluation needs too many network evaluations.
    #[error("{rows} network evaluations are needed, more than {MAX_ROWS}; use fewer steps")]
    TooManyRows {
        /// Required evaluations.
        rows: usize,
    },
}

/// Exact figures of a sampler on a synthetic set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ExactResult {
    /// Probability that a sample is in the support.
    pub accuracy: f64,
    /// `KL(data ‖ model)` in nats.
    pub kl: f64,
    /// Standard error of `kl` from sampling `z`; 0 if `z` is enumerated or absent.
    pub kl_standard_error: f64,
    /// Prior mass left out of the integral, for all latents of a sample together. The accuracy is a
    /// lower bound and at most this much too low; the KL is an upper bound. 0 unless only the
    /// likeliest latents were enumerated.
    pub left_out: f64,
}

/// Computes accuracy and `KL(data ‖ model)` of `model` under `sampler`, starting from all tokens
/// masked.
///
/// `p(x)` is a sum over all reveal orders and an integral over `z` for each sample, block or step,
/// according to the scope of the model. A categorical latent is enumerated if it has up to 4,096
/// values, or as many as a million network evaluations allow. Otherwise the likeliest values are
/// enumerated, up to 2^14 or as many as are affordable, if they cover all but a thousandth of the
/// prior mass. If they do not, half of the points are the likeliest values, and the rest are drawn
/// from the remaining prior mass. A latent that is not categorical is integrated with draws alone:
/// 2^14 or as many as are affordable, but at least 2^8.
///
/// # Errors
///
/// [`ExactError`] if something cannot be enumerated, or the sampler draws from another
/// distribution.
///
/// # Source
///
/// arXiv 2510.23606, section 4 (synthetic data); formulas in `docs/method.md`.
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
    let evidence_sets = plan.evidence_sets();
    let affordable =
        MAX_ROWS / evidence_sets.iter().map(|evidence| evidence.contexts.len()).sum::<usize>().max(1);
    let priors = priors(model, &evidence_sets);
    let latents: Vec<Latents> = (0..)
        .zip(&priors)
        .map(|(number, prior)| {
            Latents::of(prior.as_ref(), affordable, MAX_TRIES / evidence_sets.len(), (seed, number))
        })
        .collect();
    let rows = evidence_sets
        .iter()
        .zip(&latents)
        .map(|(evidence, latents)| evidence.contexts.len() * latents.weights.len())
        .sum();
    if rows > MAX_ROWS {
        return Err(ExactError::TooManyRows { rows });
    }
    let rows: Vec<&LatentRows> = latents.iter().map(|latents| &latents.rows).collect();
    let given_z = plan.group_probabilities(model, &evidence_sets, &rows, sampler.nfe / config.blocks);
    let mut means = vec![0.0; plan.n_groups()];
    for ((evidence, latents), given_z) in evidence_sets.iter().zip(&latents).zip(&given_z) {
        for (weight, p) in latents.weights.iter().zip(given_z) {
            evidence.groups.iter().zip(p).for_each(|(&group, p)| means[group] += weight * p);
        }
    }
    let p = plan.sequence_probabilities(&means);
    let kl = support.iter().zip(&p).map(|((_, w), p)| w * (w.ln() - p.ln())).sum();
    let influence = plan.influence(&support, &p, &means);
    let mut variance = 0.0;
    for ((evidence, latents), given_z) in evidence_sets.iter().zip(&latents).zip(&given_z) {
        let n = (given_z.len() - latents.listed) as f64;
        let moved_by = |(weight, p): (&f64, &Vec<f64>)| -> f64 {
            evidence.groups.iter().zip(p).map(|(&group, p)| weight * n * p * influence[group]).sum()
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

/// The prior for each evidence; `None` without a latent.
fn priors<D: TrainableDenoiser>(model: &VmdModel<D>, evidence_sets: &[Evidence]) -> Vec<Option<Prior>> {
    let known: Vec<u32> = evidence_sets.iter().flat_map(|evidence| evidence.known.iter().copied()).collect();
    if known.is_empty() {
        return evidence_sets.iter().map(|_| model.prior()).collect();
    }
    model.priors_given(&known).into_iter().flatten().map(Some).collect()
}

/// Standard error of the KL by linearisation: `d KL = −Σ_x w(x) dp(x)/p(x)`. Each element of
/// `moves` is the change of the KL due to one draw of a latent.
fn standard_error(moves: &[f64]) -> f64 {
    let n = moves.len() as f64;
    if n < 2.0 {
        return 0.0;
    }
    let mean = moves.iter().sum::<f64>() / n;
    let variance = moves.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (variance / n).sqrt()
}

/// Integration points of a latent.
#[derive(Debug)]
struct Latents {
    rows: LatentRows,
    /// Weight of each row in the integral; a single 1 without a latent.
    weights: Vec<f64>,
    /// Number of enumerated rows; the rows after them are drawn.
    listed: usize,
    /// Prior mass that no row represents.
    left_out: f64,
}

impl Latents {
    /// All values if `affordable`, else a mixture of the likeliest values and draws, with about
    /// `tries` draws in total.
    fn of(prior: Option<&Prior>, affordable: usize, tries: usize, (seed, stream): (u64, u64)) -> Self {
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
        let mut rng = keyed_rng(seed, stream, Purpose::Evaluate);
        // The smaller the remaining mass, the more draws are rejected.
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
