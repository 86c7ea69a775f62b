//! The exact distribution of a few-step sampler on a synthetic set.

use std::collections::HashMap;

use thiserror::Error;
use vmd_data::synthetic::SyntheticSet;
use vmd_latent::LatentRows;
use vmd_model::{LatentRule, Query, RemaskRule, SamplerConfig, TokenPredictor, ValueRule, VmdModel};
use vmd_process::{Purpose, keyed_rng};

use crate::StepChain;

/// Orders of reveals that are enumerated at the most.
const MAX_CHAINS: usize = 4096;
/// Values of a categorical latent that are enumerated at the most.
const MAX_LATENTS: usize = 4096;
/// Draws of a latent that cannot be enumerated.
const LATENT_DRAWS: usize = 1 << 14;
/// Network rows that an evaluation may cost.
const MAX_ROWS: usize = 2_000_000;
/// Rows per forward pass.
const BATCH_ROWS: usize = 1024;

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
    /// One prior is integrated over in all steps.
    #[error("exact figures need one step or a latent that is drawn once, where its prior sees the clues")]
    Clues,
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
/// `p(x)` is a sum over all orders of reveals and an integral over `z`: per sample in the sequence scope, per
/// step in the step scope, unless the sampler's latent rule says how often. A categorical latent is enumerated up to 4,096 values, any other integrated with
/// 2^14 draws from the prior.
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
    let each_step = sampler.latent.redraws_each_step(model.redraws_latent_each_step());
    if each_step && sampler.nfe > 1 && config.latent.as_ref().is_some_and(|latent| latent.clues.is_some()) {
        return Err(ExactError::Clues);
    }
    let chain = StepChain::enumerate(sampler, &config.schedule, config.seq_len, MAX_CHAINS)
        .ok_or(ExactError::Steps)?;
    let (latents, enumerated) = latents(model, seed);
    let plan = Contexts::collect(&support, &chain, model);
    let rows = plan.tokens.len() * latents.n_rows().max(1);
    if rows > MAX_ROWS {
        return Err(ExactError::TooManyRows { rows });
    }
    let weights = weights(model, &latents, enumerated);
    let per_latent = plan.probabilities(model, &latents, sampler.nfe);
    let scope = if each_step { step_scope } else { sequence_scope };
    let (p, per_z) = scope(&plan, &per_latent, &weights);
    let kl = support.iter().zip(&p).map(|((_, w), p)| w * (w.ln() - p.ln())).sum();
    let standard_error = if enumerated { 0.0 } else { standard_error(&support, &p, &per_z) };
    Ok(ExactResult { accuracy: p.iter().sum(), kl, kl_standard_error: standard_error })
}

/// Probability of every latent if they are all there are, equal shares if they were drawn.
fn weights(model: &VmdModel, latents: &LatentRows, enumerated: bool) -> Vec<f64> {
    match model.prior() {
        Some(prior) if enumerated => {
            (0..latents.n_rows()).map(|row| prior.log_density(latents.row(row)).exp()).collect()
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

/// One reveal: which context the network sees, and which tokens it must get right.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Reveal {
    context: usize,
    /// Position and value of every revealed token.
    tokens: Vec<(usize, u32)>,
}

/// Distinct network inputs, distinct reveals, and how sequences are made of them.
#[derive(Debug, Default)]
struct Contexts {
    /// Tokens and time of every distinct input.
    tokens: Vec<(Vec<u32>, f64)>,
    reveals: Vec<Reveal>,
    /// For each sequence of the support: weight and reveals of every order.
    orders: Vec<Vec<(f64, Vec<usize>)>>,
}

impl Contexts {
    fn collect(support: &[(Vec<u32>, f64)], chain: &StepChain, model: &VmdModel) -> Self {
        let mut all = Self::default();
        let mut contexts = HashMap::new();
        let mut reveals = HashMap::new();
        let schedule = &model.config().schedule;
        let mask = model.config().mask_token();
        for (x, _) in support {
            let mut orders = Vec::new();
            for order in &chain.chains {
                let mut parts = Vec::new();
                let last = order.step_of.iter().copied().max().unwrap_or(0);
                for step in 0..=last {
                    let revealed: Vec<(usize, u32)> =
                        (0..x.len()).filter(|&i| order.step_of[i] == step).map(|i| (i, x[i])).collect();
                    if revealed.is_empty() {
                        continue;
                    }
                    let seen = |i: usize| if order.step_of[i] < step { x[i] } else { mask };
                    let xt: Vec<u32> = (0..x.len()).map(seen).collect();
                    let share = xt.iter().filter(|&&token| token == mask).count() as f64 / x.len() as f64;
                    let t = chain.times.as_ref().map_or_else(|| schedule.inverse(1.0 - share), |t| t[step]);
                    let context = *contexts.entry((xt.clone(), t.to_bits())).or_insert_with(|| {
                        all.tokens.push((xt, t));
                        all.tokens.len() - 1
                    });
                    let reveal = Reveal { context, tokens: revealed };
                    parts.push(*reveals.entry(reveal.clone()).or_insert_with(|| {
                        all.reveals.push(reveal);
                        all.reveals.len() - 1
                    }));
                }
                orders.push((order.weight, parts));
            }
            all.orders.push(orders);
        }
        all
    }

    /// `Π_{i ∈ S} p(x_i | context, z)` for every reveal and every `z`: `[latents][reveals]`.
    fn probabilities(&self, model: &VmdModel, latents: &LatentRows, budget: usize) -> Vec<Vec<f64>> {
        let n_latents = latents.n_rows().max(1);
        let (vocab, seq) = (model.vocab(), model.seq_len());
        let mut result = vec![vec![0.0; self.reveals.len()]; n_latents];
        let mut by_context: Vec<Vec<usize>> = vec![Vec::new(); self.tokens.len()];
        for (i, reveal) in self.reveals.iter().enumerate() {
            by_context[reveal.context].push(i);
        }
        let pairs: Vec<(usize, usize)> =
            (0..n_latents).flat_map(|z| (0..self.tokens.len()).map(move |context| (z, context))).collect();
        for chunk in pairs.chunks(BATCH_ROWS) {
            let xt: Vec<u32> = chunk.iter().flat_map(|&(_, c)| self.tokens[c].0.iter().copied()).collect();
            let t: Vec<f64> = chunk.iter().map(|&(_, c)| self.tokens[c].1).collect();
            let values: Vec<f32> = match latents.row_len {
                0 => Vec::new(),
                _ => chunk.iter().flat_map(|&(z, _)| latents.row(z).iter().copied()).collect(),
            };
            let z = &LatentRows { values, row_len: latents.row_len };
            let logits = model.predict(Query { xt: &xt, t: &t, z, budget });
            for (&(z, context), logits) in chunk.iter().zip(logits.chunks_exact(seq * vocab)) {
                for &reveal in &by_context[context] {
                    let log_p: f64 = self.reveals[reveal]
                        .tokens
                        .iter()
                        .map(|&(i, value)| log_probability(&logits[i * vocab..(i + 1) * vocab], value))
                        .sum();
                    result[z][reveal] = log_p.exp();
                }
            }
        }
        result
    }
}

fn log_probability(logits: &[f32], value: u32) -> f64 {
    let largest = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    let sum: f64 = logits.iter().map(|&logit| (f64::from(logit) - largest).exp()).sum();
    f64::from(logits[value as usize]) - largest - sum.ln()
}

/// `E_z Σ_orders w Π_steps`, and the summand for every `z`.
fn sequence_scope(plan: &Contexts, per_latent: &[Vec<f64>], weights: &[f64]) -> (Vec<f64>, Vec<Vec<f64>>) {
    let given_z = |probabilities: &Vec<f64>| -> Vec<f64> {
        let of_order = |(weight, parts): &(f64, Vec<usize>)| {
            weight * parts.iter().map(|&part| probabilities[part]).product::<f64>()
        };
        plan.orders.iter().map(|orders| orders.iter().map(of_order).sum()).collect()
    };
    let per_z: Vec<Vec<f64>> = per_latent.iter().map(given_z).collect();
    let mean = |x: usize| per_z.iter().zip(weights).map(|(p, w)| w * p[x]).sum();
    ((0..plan.orders.len()).map(mean).collect(), per_z)
}

/// `Σ_orders w Π_steps E_z`, and for every `z` its value were each step's mean moved towards that `z` alone.
fn step_scope(plan: &Contexts, per_latent: &[Vec<f64>], weights: &[f64]) -> (Vec<f64>, Vec<Vec<f64>>) {
    let mean: Vec<f64> = (0..plan.reveals.len())
        .map(|reveal| per_latent.iter().zip(weights).map(|(p, w)| w * p[reveal]).sum())
        .collect();
    let of_order =
        |(weight, parts): &(f64, Vec<usize>)| weight * parts.iter().map(|&part| mean[part]).product::<f64>();
    let p = plan.orders.iter().map(|orders| orders.iter().map(of_order).sum()).collect();
    let linear = |given_z: &Vec<f64>| -> Vec<f64> {
        let of_order = |(weight, parts): &(f64, Vec<usize>)| -> f64 {
            let without = |skip: usize| -> f64 {
                parts
                    .iter()
                    .enumerate()
                    .map(|(i, &part)| if i == skip { given_z[part] } else { mean[part] })
                    .product()
            };
            weight * (0..parts.len()).map(without).sum::<f64>()
        };
        plan.orders.iter().map(|orders| orders.iter().map(of_order).sum()).collect()
    };
    (p, per_latent.iter().map(linear).collect())
}

/// Standard error of the KL by linearisation: `d KL = −Σ_x w(x) dp(x)/p(x)`.
fn standard_error(support: &[(Vec<u32>, f64)], p: &[f64], per_z: &[Vec<f64>]) -> f64 {
    let influence: Vec<f64> = per_z
        .iter()
        .map(|given_z| support.iter().zip(p).zip(given_z).map(|(((_, w), p), g)| w * g / p).sum())
        .collect();
    let n = influence.len() as f64;
    if n < 2.0 {
        return 0.0;
    }
    let mean = influence.iter().sum::<f64>() / n;
    let variance = influence.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (variance / n).sqrt()
}
