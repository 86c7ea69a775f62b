//! Infilling: completion of sequences from clues.

use std::collections::BTreeMap;

use vmd_core::{DataSource, Purpose, index_below, keyed_rng, uniform};
use vmd_eval::{Figure, mean_interval};
use vmd_sampler::{Predictor, Sampler};

use super::{SyntheticSet, SyntheticSource};

/// Stream of contexts, separate from the training examples.
const CONTEXT_STREAM: u64 = 0xc1ce_0000_0000_0000;

/// Sample sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InfillTask {
    /// Sequences of the set; half of the tokens of each are given.
    pub contexts: usize,
    /// Completions per context.
    pub completions: usize,
}

impl Default for InfillTask {
    /// 200 contexts with 100 completions each.
    fn default() -> Self {
        Self { contexts: 200, completions: 100 }
    }
}

/// Means over contexts, with 95 % intervals over contexts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InfillScore {
    /// Share of completions in the support.
    pub accuracy: Figure,
    /// Absent if the support cannot be enumerated.
    pub entropy: Option<InfillEntropy>,
}

/// Diversity of the completions of one context, in nats.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InfillEntropy {
    /// Plug-in entropy of the model's completions. Biased downwards by about `(s − 1)/2M` for `M`
    /// completions over `s` sequences (Miller and Madow).
    pub completions: Figure,
    /// Plug-in entropy of as many draws from the true conditional distribution, as a reference with
    /// the same bias.
    pub true_draws: Figure,
    /// Exact entropy of the true conditional distribution.
    pub exact: Figure,
}

/// Evaluates infilling. Gives a uniformly random half of the tokens (rounded down) of sequences
/// drawn from `set`, completes each context several times with `sampler`, and compares with the
/// conditional distribution of the data.
///
/// # Panics
///
/// If there are no contexts or completions, or the sampler cannot run with `model`.
pub fn evaluate_infill(
    model: &dyn Predictor,
    set: &SyntheticSet,
    sampler: &Sampler,
    task: InfillTask,
    seed: u64,
) -> InfillScore {
    assert!(task.contexts > 0 && task.completions > 0, "contexts and completions must be 1 or more");
    let (seq, mask) = (set.seq_len(), model.vocab() as u32);
    let contexts: Vec<Vec<u32>> = (0..task.contexts).map(|i| context(set, seed, i as u64, mask)).collect();
    let rows: Vec<u32> = contexts.iter().flat_map(|context| context.repeat(task.completions)).collect();
    let output = sampler.sample_checked(model, &rows, seed, |_, tokens| set.contains(tokens));
    let completions: Vec<&[u32]> = output.tokens.chunks_exact(seq * task.completions).collect();
    let share_right = |rows: &&[u32]| {
        rows.chunks_exact(seq).filter(|row| set.contains(row)).count() as f64 / task.completions as f64
    };
    let accuracy = mean_interval(&completions.iter().map(share_right).collect::<Vec<_>>());
    let entropy = set.support().map(|support| {
        let mut values = [Vec::new(), Vec::new(), Vec::new()];
        for (i, (context, rows)) in contexts.iter().zip(&completions).enumerate() {
            let truth = conditional(&support, context, mask);
            values[0].push(plug_in(rows.chunks_exact(seq)));
            values[1].push(plug_in(draws(&truth, task.completions, seed, i as u64)));
            values[2].push(truth.iter().map(|(_, p)| p * p.recip().ln()).sum());
        }
        let [completions, true_draws, exact] = values.map(|values| mean_interval(&values));
        InfillEntropy { completions, true_draws, exact }
    });
    InfillScore { accuracy, entropy }
}

/// A sequence of the set with a random half of its tokens masked.
fn context(set: &SyntheticSet, seed: u64, index: u64, mask: u32) -> Vec<u32> {
    let mut tokens = vec![0; set.seq_len()];
    SyntheticSource { set: *set, seed: seed ^ CONTEXT_STREAM }.fill(index, &mut tokens);
    let mut rng = keyed_rng(seed, index, Purpose::Mask);
    let mut places: Vec<usize> = (0..tokens.len()).collect();
    for _ in 0..tokens.len() / 2 {
        places.swap_remove(index_below(&mut rng, places.len()));
    }
    places.into_iter().for_each(|place| tokens[place] = mask);
    tokens
}

/// The sequences that agree with `context`, with conditional probabilities.
fn conditional<'a>(support: &'a [(Vec<u32>, f64)], context: &[u32], mask: u32) -> Vec<(&'a [u32], f64)> {
    let agrees = |x: &[u32]| x.iter().zip(context).all(|(token, &clue)| clue == mask || *token == clue);
    let mut all: Vec<(&[u32], f64)> =
        support.iter().filter(|(x, _)| agrees(x)).map(|(x, p)| (x.as_slice(), *p)).collect();
    let total: f64 = all.iter().map(|(_, p)| p).sum();
    all.iter_mut().for_each(|(_, p)| *p /= total);
    all
}

fn draws<'a>(truth: &[(&'a [u32], f64)], n: usize, seed: u64, index: u64) -> impl Iterator<Item = &'a [u32]> {
    let mut rng = keyed_rng(seed, index, Purpose::Evaluate);
    (0..n).map(move |_| {
        let mut left = uniform(&mut rng);
        let chosen = truth.iter().find(|(_, p)| {
            left -= p;
            left < 0.0
        });
        // Rounding errors may leave a remainder.
        chosen.unwrap_or(&truth[truth.len() - 1]).0
    })
}

/// Entropy of the empirical distribution of the rows.
fn plug_in<'a>(rows: impl Iterator<Item = &'a [u32]>) -> f64 {
    // Sorted, for a deterministic sum.
    let mut counts: BTreeMap<&[u32], usize> = BTreeMap::new();
    rows.for_each(|row| *counts.entry(row).or_default() += 1);
    let n = counts.values().sum::<usize>() as f64;
    counts.values().map(|&count| count as f64 / n).map(|share| share * share.recip().ln()).sum()
}
