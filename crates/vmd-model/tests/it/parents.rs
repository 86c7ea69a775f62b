//! Tokens of one step with parents: objective, bounds and sampler against enumeration, on chains of
//! three bits.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use crate::common::{config, log_softmax, mean_and_error, steps, trained};
use burn::tensor::Device;
use vmd_core::Validate;
use vmd_denoiser::ParentsConfig;
use vmd_graph::{GraphSpec, ParentOrder};
use vmd_model::{LossOptions, TrainingBatch, VmdModel, estimate_bounds, importance_bound, loss};
use vmd_sampler::{Predictor, Query, RevealRule, Sampler, SamplerConfig, Scope, ValueRule};

const SEQ: usize = 3;
const VOCAB: usize = 2;
const MASK: u32 = VOCAB as u32;
type Bits = [u32; SEQ];

fn model(seed: u64) -> VmdModel {
    model_of(ParentsConfig { order: ParentOrder::Bfs, reach: 2 }, seed)
}

/// A model with parents in open order.
fn open_model(seed: u64) -> VmdModel {
    model_of(ParentsConfig { order: ParentOrder::Any, reach: 1 }, seed)
}

fn model_of(parents: ParentsConfig, seed: u64) -> VmdModel {
    let mut config = config(VOCAB, SEQ, Scope::Block, None);
    config.graph = Some(GraphSpec::Chain { n: SEQ });
    config.denoiser.parents = Some(parents);
    trained(&config, seed)
}

fn all() -> impl Iterator<Item = Bits> {
    (0..1u32 << SEQ).map(|code| [code & 1, code >> 1 & 1, code >> 2 & 1])
}

/// `−ln p` of the tokens `S` of `x0` that a step reveals, each given its parents in `S`.
fn nll(model: &VmdModel, x0: Bits, step_of: Bits, step: u32, steps: usize) -> f64 {
    let xt: Vec<u32> = (0..SEQ).map(|i| if step_of[i] < step { x0[i] } else { MASK }).collect();
    let given: Vec<u32> = (0..SEQ).map(|i| if step_of[i] == step { x0[i] } else { MASK }).collect();
    let t = 1.0 - f64::from(step) / steps as f64;
    let query = Query { xt: &xt, t: &[t], z: &[], budget: steps, rows: &[] };
    let prediction = model.predict(query);
    let row = prediction.row(0, SEQ, VOCAB);
    let of = |i: usize| -log_softmax(&row.logits_given(i, &given))[x0[i] as usize];
    (0..SEQ).filter(|&i| step_of[i] == step).map(of).sum()
}

/// `−ln p(x0 | order)` for each order of `steps` ancestral steps; all orders are equally likely.
fn nll_by_order(model: &VmdModel, x0: Bits, steps: usize) -> Vec<f64> {
    let digit = |code: usize, i: usize| (code / steps.pow(i as u32) % steps) as u32;
    (0..steps.pow(SEQ as u32))
        .map(|code| {
            let step_of = [digit(code, 0), digit(code, 1), digit(code, 2)];
            (0..steps as u32).map(|step| nll(model, x0, step_of, step, steps)).sum()
        })
        .collect()
}

/// As [`nll_by_order`] for a model with open order: also for each order within the steps.
fn nll_by_reveal_order(model: &VmdModel, x0: Bits, steps: usize) -> Vec<f64> {
    const REVEAL_ORDERS: [Bits; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    let digit = |code: usize, i: usize| (code / steps.pow(i as u32) % steps) as u32;
    let of_step = |step_of: Bits, reveal_order: Bits, step: u32| -> f64 {
        let xt: Vec<u32> = (0..SEQ).map(|i| if step_of[i] < step { x0[i] } else { MASK }).collect();
        let t = 1.0 - f64::from(step) / steps as f64;
        let query = Query { xt: &xt, t: &[t], z: &[], budget: steps, rows: &[] };
        let prediction = model.predict(query);
        let of = |i: usize| {
            let before = |j: usize| step_of[j] == step && reveal_order[j] < reveal_order[i];
            let given: Vec<u32> = (0..SEQ).map(|j| if before(j) { x0[j] } else { MASK }).collect();
            -log_softmax(&prediction.row(0, SEQ, VOCAB).logits_given(i, &given))[x0[i] as usize]
        };
        (0..SEQ).filter(|&i| step_of[i] == step).map(of).sum()
    };
    let of_order = |code: usize, reveal_order: Bits| {
        let step_of = [digit(code, 0), digit(code, 1), digit(code, 2)];
        (0..steps as u32).map(|step| of_step(step_of, reveal_order, step)).sum::<f64>()
    };
    (0..steps.pow(SEQ as u32))
        .flat_map(|code| REVEAL_ORDERS.map(|reveal_order| of_order(code, reveal_order)))
        .collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Exact `p(x0)` of the ancestral sampler.
fn likelihood(model: &VmdModel, x0: Bits, steps: usize) -> f64 {
    mean(&nll_by_order(model, x0, steps).iter().map(|nll| (-nll).exp()).collect::<Vec<_>>())
}

#[test]
fn the_enumeration_is_a_distribution_whose_tokens_depend_on_each_other() {
    for steps in [1, 2, 3] {
        let model = model(3);
        let total: f64 = all().map(|x0| likelihood(&model, x0, steps)).sum();
        // Probabilities are computed from f32 logits.
        assert!((total - 1.0).abs() < 1e-5, "{steps} steps: {total}");
    }
    // If the tokens of one step were independent, so would be the first two: p(00)·p(11) =
    // p(01)·p(10).
    let dependence = |seed| {
        let model = model(seed);
        let pair = |a, b| (0..2).map(|c| likelihood(&model, [a, b, c], 1)).sum::<f64>();
        (pair(0, 0) * pair(1, 1) - pair(0, 1) * pair(1, 0)).abs()
    };
    assert!((3..9).map(dependence).fold(0.0, f64::max) > 1e-3);
}

#[test]
fn at_one_step_the_loss_is_the_log_likelihood() {
    let model = model(5);
    for x0 in all() {
        let batch = TrainingBatch::draw(x0.to_vec(), &model, &steps(1), 3, 0);
        assert_eq!(batch.given, x0);
        let recon = loss(&model, &batch, LossOptions::BOUND, &Device::flex()).recon;
        let recon = f64::from(recon.into_scalar::<f32>());
        assert!((recon + likelihood(&model, x0, 1).ln()).abs() < 1e-5, "{x0:?}: {recon}");
    }
}

#[test]
fn the_bounds_are_unbiased_and_above_the_exact_likelihood() {
    for (seed, n_steps) in [(3, 2), (4, 2), (5, 3)] {
        let model = model(seed);
        let x0 = [1, 0, 1];
        let expected = mean(&nll_by_order(&model, x0, n_steps));
        assert!(expected > -likelihood(&model, x0, n_steps).ln());
        let rows = x0.repeat(400);
        let estimates: Vec<f64> = (0..16)
            .map(|seed| estimate_bounds(&model, &steps(n_steps), &rows, 200, seed, &Device::flex())[0].bound)
            .collect();
        let (estimate, error) = mean_and_error(&estimates);
        // Five standard errors from 16 seeds, and the rounding of f32.
        assert!((estimate - expected).abs() < 5.0 * error + 1e-5, "{estimate} ± {error}, not {expected}");
        assert!(error < 0.02 * expected, "too few draws: {error}");
        let (weighted, error) = importance_bound(&model, n_steps, &x0.repeat(4000), 1, 7);
        assert!((weighted - expected).abs() < 5.0 * error + 1e-5, "{weighted} ± {error}, not {expected}");
    }
}

#[test]
fn without_parents_in_the_step_nothing_is_given() {
    let model = model(3);
    let objective = vmd_model::ObjectiveConfig::default();
    let batch = TrainingBatch::draw([1, 0, 1].repeat(50), &model, &objective, 1, 0);
    assert!(batch.given.iter().all(|&token| token == MASK), "continuous time reveals one token at a time");
}

#[test]
fn the_sampler_draws_from_what_is_trained() {
    let model = model(3);
    for (reveal, n_steps) in [
        (RevealRule::Ancestral, 1),
        (RevealRule::Ancestral, 2),
        (RevealRule::TopProb, 1),
        (RevealRule::Entropy, 1),
    ] {
        assert_drawn_with(&model, reveal, n_steps, |x0| likelihood(&model, x0, n_steps));
    }
}

/// Checks that samples have the probabilities `p`.
fn assert_drawn_with(model: &VmdModel, reveal: RevealRule, n_steps: usize, p: impl Fn(Bits) -> f64) {
    const ROWS: usize = 40_000;
    let config = SamplerConfig { nfe: n_steps, reveal, ..SamplerConfig::default() };
    let sampler = Sampler::new(config);
    let output = sampler.sample(model, &[MASK; SEQ].repeat(ROWS), 3);
    assert!(output.nfe.iter().all(|&nfe| nfe <= n_steps));
    for x0 in all() {
        let share = output.tokens.chunks_exact(SEQ).filter(|row| **row == x0).count() as f64 / ROWS as f64;
        let p = p(x0);
        // Five standard errors of a share.
        let tolerance = 5.0 * (p * (1.0 - p) / ROWS as f64).sqrt();
        assert!((share - p).abs() < tolerance, "{reveal}, {n_steps} steps, {x0:?}: {share}, not {p}");
    }
}

#[test]
fn parents_need_a_graph() {
    let mut config = config(VOCAB, SEQ, Scope::Block, None);
    config.denoiser.parents = Some(ParentsConfig { order: ParentOrder::Bfs, reach: 2 });
    let problems = config.problems(());
    assert!(problems.len() == 1 && problems[0].key.contains("denoiser.parents"), "{problems:?}");
}

#[test]
fn in_any_order_bounds_and_sampler_are_means_over_orders() {
    let likelihood = |model: &VmdModel, x0, steps| {
        mean(&nll_by_reveal_order(model, x0, steps).iter().map(|nll| (-nll).exp()).collect::<Vec<_>>())
    };
    for (seed, n_steps) in [(3, 1), (4, 2)] {
        let model = open_model(seed);
        let total: f64 = all().map(|x0| likelihood(&model, x0, n_steps)).sum();
        assert!((total - 1.0).abs() < 1e-5, "{n_steps} steps: {total}");
        let x0 = [1, 0, 1];
        let expected = mean(&nll_by_reveal_order(&model, x0, n_steps));
        let rows = x0.repeat(400);
        let estimates: Vec<f64> = (0..16)
            .map(|seed| estimate_bounds(&model, &steps(n_steps), &rows, 200, seed, &Device::flex())[0].bound)
            .collect();
        let (estimate, error) = mean_and_error(&estimates);
        assert!((estimate - expected).abs() < 5.0 * error + 1e-5, "{estimate} ± {error}, not {expected}");
        assert!(error < 0.02 * expected, "too few draws: {error}");
        let (weighted, error) = importance_bound(&model, n_steps, &x0.repeat(4000), 1, 7);
        assert!((weighted - expected).abs() < 5.0 * error + 1e-5, "{weighted} ± {error}, not {expected}");
        assert_drawn_with(&model, RevealRule::Ancestral, n_steps, |x0| likelihood(&model, x0, n_steps));
    }
}

#[test]
fn an_open_order_begins_with_the_surest_and_goes_on_with_what_that_leaves_surest() {
    // Replays the sampler's order with the logits of the network: all three tokens in one step, or
    // two and then one.
    let model = open_model(6);
    for nfe in [1, 2] {
        let config = SamplerConfig {
            nfe,
            reveal: RevealRule::TopProb,
            value: ValueRule::Argmax,
            ..Default::default()
        };
        let output = Sampler::new(config).sample(&model, &[MASK; SEQ], 1);
        let mut tokens = [MASK; SEQ];
        for count in if nfe == 1 { vec![3] } else { vec![2, 1] } {
            let left = tokens.iter().filter(|&&token| token == MASK).count();
            let t = [left as f64 / SEQ as f64];
            let query = Query { xt: &tokens, t: &t, z: &[], budget: nfe, rows: &[] };
            let prediction = model.predict(query);
            let mut given = [MASK; SEQ];
            for _ in 0..count {
                let best = |i: usize| {
                    let of = log_softmax(&prediction.row(0, SEQ, VOCAB).logits_given(i, &given));
                    (of[0].max(of[1]), i, u32::from(of[1] > of[0]))
                };
                let open = (0..SEQ).filter(|&i| tokens[i] == MASK).map(best);
                let (_, i, value) = open.max_by(|a, b| a.0.total_cmp(&b.0)).unwrap();
                (tokens[i], given[i]) = (value, value);
            }
        }
        assert_eq!(output.tokens, tokens, "{nfe} steps");
    }
}
