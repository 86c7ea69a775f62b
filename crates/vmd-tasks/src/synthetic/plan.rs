//! Deduplicated network evaluations for an exact distribution.

use std::collections::HashMap;
use std::hash::Hash;

use vmd_latent::LatentRows;
use vmd_model::{TrainableDenoiser, VmdModel};
use vmd_sampler::{Predictor, Query, Scope};

use super::StepChain;

/// Rows per forward pass.
const BATCH_ROWS: usize = 1024;

/// One network input.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Context {
    xt: Vec<u32>,
    /// Bits of the time; 0 for a network without a time input, which merges equal sequences.
    t: u64,
}

/// One reveal: the network input and the tokens to reveal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Reveal {
    context: usize,
    /// Position and value of every revealed token.
    tokens: Vec<(usize, u32)>,
}

/// Reveals of one order that share a latent.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Group {
    /// Number of the known tokens that condition the prior.
    known: usize,
    reveals: Vec<usize>,
}

/// Known tokens, with the groups whose latents are drawn from the prior that they condition.
#[derive(Debug)]
pub(crate) struct Evidence {
    /// Known tokens; empty for an unconditional prior.
    pub(crate) known: Vec<u32>,
    /// Numbers of these groups.
    pub(crate) groups: Vec<usize>,
    /// Ascending numbers of the network inputs of these groups.
    pub(crate) contexts: Vec<usize>,
}

/// Values numbered in the order of their first occurrence.
#[derive(Debug)]
struct Numbered<T> {
    values: Vec<T>,
    numbers: HashMap<T, usize>,
}

impl<T: Clone + Eq + Hash> Numbered<T> {
    fn new() -> Self {
        Self { values: Vec::new(), numbers: HashMap::new() }
    }

    fn number(&mut self, value: T) -> usize {
        *self.numbers.entry(value).or_insert_with_key(|value| {
            self.values.push(value.clone());
            self.values.len() - 1
        })
    }
}

/// Distinct network inputs, reveals, and groups of reveals with one latent, and how they combine
/// into sequences: `p(x) = Σ_orders w Π_groups E_z Π_reveals p(· | z)`.
#[derive(Debug)]
pub(crate) struct Plan {
    contexts: Numbered<Context>,
    reveals: Numbered<Reveal>,
    /// Lists of known tokens that condition the prior; one empty list for an unconditional prior.
    known: Numbered<Vec<u32>>,
    groups: Numbered<Group>,
    /// For each sequence of the support: weight and groups of each order.
    orders: Vec<Vec<(f64, Vec<usize>)>>,
}

impl Plan {
    pub(crate) fn collect<D: TrainableDenoiser>(
        support: &[(Vec<u32>, f64)],
        chain: &StepChain,
        model: &VmdModel<D>,
    ) -> Self {
        let mut plan = Self {
            contexts: Numbered::new(),
            reveals: Numbered::new(),
            known: Numbered::new(),
            groups: Numbered::new(),
            orders: Vec::new(),
        };
        for (x, _) in support {
            let orders = chain
                .chains
                .iter()
                .map(|order| (order.weight, plan.order(x, &order.step_of, chain, model)))
                .collect();
            plan.orders.push(orders);
        }
        plan
    }

    /// The groups of one order of one sequence.
    fn order<D: TrainableDenoiser>(
        &mut self,
        x: &[u32],
        step_of: &[usize],
        chain: &StepChain,
        model: &VmdModel<D>,
    ) -> Vec<usize> {
        let config = model.config();
        let (mask, block_len) = (config.mask_token(), config.seq_len / config.blocks);
        let last = step_of.iter().copied().max().unwrap_or(0);
        let mut groups: Vec<(usize, Group)> = Vec::new();
        for step in 0..=last {
            let tokens: Vec<(usize, u32)> =
                (0..x.len()).filter(|&i| step_of[i] == step).map(|i| (i, x[i])).collect();
            let Some(&(first, _)) = tokens.first() else { continue };
            let block = first / block_len;
            let xt: Vec<u32> = (0..x.len()).map(|i| if step_of[i] < step { x[i] } else { mask }).collect();
            let in_block = &xt[block * block_len..(block + 1) * block_len];
            let share = in_block.iter().filter(|&&token| token == mask).count() as f64 / block_len as f64;
            let t = match &chain.times {
                Some(times) => times[step],
                None => config.schedule.inverse(1.0 - share),
            };
            let known = if model.sees_clues() { xt.clone() } else { Vec::new() };
            let t = if model.denoiser().sees_time() { t.to_bits() } else { 0 };
            let context = self.contexts.number(Context { xt, t });
            let reveal = self.reveals.number(Reveal { context, tokens });
            let owner = match config.scope {
                Scope::Block => block,
                Scope::Step => step,
            };
            match groups.last_mut().filter(|(last, _)| *last == owner) {
                Some((_, group)) => group.reveals.push(reveal),
                None => {
                    let known = self.known.number(known);
                    groups.push((owner, Group { known, reveals: vec![reveal] }));
                }
            }
        }
        groups.into_iter().map(|(_, group)| self.groups.number(group)).collect()
    }

    pub(crate) fn n_groups(&self) -> usize {
        self.groups.values.len()
    }

    /// Maximum number of groups per order.
    pub(crate) fn most_groups(&self) -> usize {
        self.orders.iter().flatten().map(|(_, groups)| groups.len()).max().unwrap_or(0)
    }

    /// Every list of known tokens, with its groups.
    pub(crate) fn evidence_sets(&self) -> Vec<Evidence> {
        let mut evidence_sets: Vec<Evidence> = self
            .known
            .values
            .iter()
            .map(|known| Evidence { known: known.clone(), groups: Vec::new(), contexts: Vec::new() })
            .collect();
        for (number, group) in self.groups.values.iter().enumerate() {
            let evidence = &mut evidence_sets[group.known];
            evidence.groups.push(number);
            evidence.contexts.extend(group.reveals.iter().map(|&reveal| self.reveals.values[reveal].context));
        }
        for evidence in &mut evidence_sets {
            evidence.contexts.sort_unstable();
            evidence.contexts.dedup();
        }
        evidence_sets
    }

    /// `p(x)` of each sequence from the groups' means over `z`.
    pub(crate) fn sequence_probabilities(&self, means: &[f64]) -> Vec<f64> {
        let of_order = |(weight, groups): &(f64, Vec<usize>)| -> f64 {
            weight * groups.iter().map(|&group| means[group]).product::<f64>()
        };
        self.orders.iter().map(|orders| orders.iter().map(of_order).sum()).collect()
    }

    /// First-order decrease of the KL per increase of each group's mean.
    pub(crate) fn influence(&self, support: &[(Vec<u32>, f64)], p: &[f64], means: &[f64]) -> Vec<f64> {
        let mut influence = vec![0.0; self.n_groups()];
        for ((orders, (_, w)), p) in self.orders.iter().zip(support).zip(p) {
            for (weight, groups) in orders {
                for (place, &group) in groups.iter().enumerate() {
                    let others = groups.iter().enumerate().filter(|(other, _)| *other != place);
                    let rest: f64 = others.map(|(_, &other)| means[other]).product();
                    influence[group] += w / p * weight * rest;
                }
            }
        }
        influence
    }

    /// `Π_{reveals of a group} p(· | z)` for each evidence and each of its `z` and groups:
    /// `[evidence][latents][groups]`.
    pub(crate) fn group_probabilities<D: TrainableDenoiser>(
        &self,
        model: &VmdModel<D>,
        evidence_sets: &[Evidence],
        latents: &[&LatentRows],
        budget: usize,
    ) -> Vec<Vec<Vec<f64>>> {
        let (vocab, seq) = (model.vocab(), model.seq_len());
        let contexts = &self.contexts.values;
        let mut result: Vec<Vec<Vec<f64>>> = evidence_sets
            .iter()
            .zip(latents)
            .map(|(evidence, rows)| vec![vec![1.0; evidence.groups.len()]; rows.n_rows().max(1)])
            .collect();
        let reveals_by_context: Vec<Vec<Vec<(usize, &Reveal)>>> =
            evidence_sets.iter().map(|evidence| self.reveals_by_context(evidence)).collect();
        let pairs = evidence_sets.iter().enumerate().flat_map(|(number, evidence)| {
            let n_latents = latents[number].n_rows().max(1);
            (0..n_latents)
                .flat_map(move |z| (0..evidence.contexts.len()).map(move |context| (number, z, context)))
        });
        let pairs: Vec<(usize, usize, usize)> = pairs.collect();
        for chunk in pairs.chunks(BATCH_ROWS) {
            let context = |number: usize, place: usize| &contexts[evidence_sets[number].contexts[place]];
            let xt: Vec<u32> =
                chunk.iter().flat_map(|&(number, _, c)| context(number, c).xt.iter().copied()).collect();
            let t: Vec<f64> =
                chunk.iter().map(|&(number, _, c)| f64::from_bits(context(number, c).t)).collect();
            let row_len = latents.first().map_or(0, |rows| rows.row_len);
            let values: Vec<f32> = match row_len {
                0 => Vec::new(),
                _ => {
                    chunk.iter().flat_map(|&(number, z, _)| latents[number].row(z).iter().copied()).collect()
                }
            };
            let prediction = model.predict(Query { xt: &xt, t: &t, z: &values, budget, rows: &[] });
            for (row, &(number, z, place)) in chunk.iter().enumerate() {
                let answer = prediction.row(row, seq, vocab);
                for &(group, reveal) in &reveals_by_context[number][place] {
                    let mut given = vec![vocab as u32; seq];
                    reveal.tokens.iter().for_each(|&(i, value)| given[i] = value);
                    let of_token =
                        |&(i, value): &(usize, u32)| log_probability(&answer.logits_given(i, &given), value);
                    result[number][z][group] *= reveal.tokens.iter().map(of_token).sum::<f64>().exp();
                }
            }
        }
        result
    }

    /// For each context of `evidence`: positions of the groups that reveal tokens there, and the
    /// reveals.
    fn reveals_by_context(&self, evidence: &Evidence) -> Vec<Vec<(usize, &Reveal)>> {
        let mut reveals_by_context = vec![Vec::new(); evidence.contexts.len()];
        for (place, &group) in evidence.groups.iter().enumerate() {
            for &reveal in &self.groups.values[group].reveals {
                let reveal = &self.reveals.values[reveal];
                if let Ok(context) = evidence.contexts.binary_search(&reveal.context) {
                    reveals_by_context[context].push((place, reveal));
                }
            }
        }
        reveals_by_context
    }
}

fn log_probability(logits: &[f32], value: u32) -> f64 {
    let largest = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    let sum: f64 = logits.iter().map(|&logit| (f64::from(logit) - largest).exp()).sum();
    f64::from(logits[value as usize]) - largest - sum.ln()
}
