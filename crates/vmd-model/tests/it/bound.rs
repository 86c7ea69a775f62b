//! The bounds against exact likelihoods on a toy model that can be enumerated: 2 tokens, 3 values,
//! 4 latents.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use crate::common::toy::{MASK, Toy, VOCAB, all_pairs};
use crate::common::{config, mean_and_error, steps, trained};
use burn::tensor::{Device, TensorData};
use vmd_core::{Purpose, keyed_rng, uniform};
use vmd_latent::{DrawGradient, LatentFamily, PriorKind};
use vmd_model::{LossOptions, TrainingBatch, VmdModel, estimate_bounds, loss};
use vmd_nn::{load_parameters, named_gradients, named_parameters};
use vmd_sampler::{RevealRule, Sampler, SamplerConfig, Scope};

fn toys() -> impl Iterator<Item = Toy> {
    [(Scope::Block, 1), (Scope::Block, 2), (Scope::Block, 3), (Scope::Step, 1), (Scope::Step, 2)]
        .into_iter()
        .flat_map(|(scope, steps)| {
            let toy = |kind, seed| Toy::new(scope, steps, kind, seed);
            [
                toy(PriorKind::Standard {}, 7),
                toy(PriorKind::Standard {}, 8),
                toy(PriorKind::Independent {}, 9),
                toy(PriorKind::Autoregressive { hidden: 0 }, 10),
                toy(PriorKind::Mixture { components: 3 }, 11),
            ]
        })
}

#[test]
fn every_bound_lies_above_the_exact_likelihood() {
    for toy in toys() {
        let total: f64 = all_pairs().map(|x0| toy.likelihood(x0)).sum();
        assert!((total - 1.0).abs() < 1e-9, "the enumeration is wrong: {total}");
        for x0 in all_pairs() {
            let (exact, bound) = (-toy.likelihood(x0).ln(), toy.bound(x0));
            assert!(bound >= exact, "{:?}, {} steps: {bound} < {exact}", toy.scope, toy.steps);
        }
    }
}

#[test]
fn in_one_step_the_gap_is_the_divergence_from_the_true_posterior() {
    for toy in toys().filter(|toy| toy.steps == 1) {
        for x0 in all_pairs() {
            let log_q = toy.log_posterior(x0, [MASK; 2]);
            let log_likelihood = toy.likelihood(x0).ln();
            let gap: f64 = (0..4)
                .map(|z| {
                    let log_joint = toy.weights[z].ln() - toy.nll(x0, [MASK; 2], 1.0, z).iter().sum::<f64>();
                    log_q[z].exp() * (log_q[z] - (log_joint - log_likelihood))
                })
                .sum();
            // The posterior's probabilities are f32 and sum to 1 within 1e-6.
            assert!((toy.bound(x0) + log_likelihood - gap).abs() < 1e-5, "{gap}");
            assert!(gap > 1e-4, "the gap is too small to test anything");
        }
    }
}

#[test]
fn the_estimate_is_unbiased() {
    const ROWS: usize = 500;
    for toy in toys() {
        let x0 = [1, 2];
        let estimates: Vec<f64> = (0..16)
            .map(|seed| {
                let rows = x0.repeat(ROWS);
                let objective = steps(toy.steps);
                estimate_bounds(&toy.model, &objective, &rows, 200, seed, &Device::flex())[0].bound
            })
            .collect();
        let (mean, error) = mean_and_error(&estimates);
        let exact = toy.bound(x0);
        // Five standard errors from 16 seeds, and the rounding of f32.
        assert!(
            (mean - exact).abs() < 5.0 * error + 1e-5,
            "{:?}, {} steps: {mean} ± {error} against {exact}",
            toy.scope,
            toy.steps
        );
        assert!(error < 0.02 * exact, "too few draws: {error}");
    }
}

#[test]
fn the_ancestral_sampler_is_the_one_that_is_certified() {
    const ROWS: usize = 20_000;
    for toy in toys() {
        let sampler_config =
            SamplerConfig { nfe: toy.steps, reveal: RevealRule::Ancestral, ..SamplerConfig::default() };
        let sampler = Sampler::new(sampler_config);
        let tokens = sampler.sample(&toy.model, &[MASK; 2].repeat(ROWS), 3).tokens;
        for x0 in all_pairs() {
            let share = tokens.chunks_exact(2).filter(|row| *row == x0).count() as f64 / ROWS as f64;
            let p = toy.likelihood(x0);
            // Five standard errors of a share.
            let tolerance = 5.0 * (p * (1.0 - p) / ROWS as f64).sqrt();
            assert!(
                (share - p).abs() < tolerance,
                "{:?}, {} steps, {x0:?}: {share} against {p}",
                toy.scope,
                toy.steps
            );
        }
    }
}

/// A copy of `model` on `device` with `change(index)` added to each parameter value.
fn moved(model: &VmdModel, device: &Device, mut change: impl FnMut(usize) -> f32) -> VmdModel {
    let mut index = 0;
    let parameters = named_parameters(model)
        .into_iter()
        .map(|(name, old)| {
            let values: Vec<f32> = old
                .iter::<f32>()
                .map(|value| {
                    index += 1;
                    value + change(index - 1)
                })
                .collect();
            (name, TensorData::new(values, old.shape().to_vec()))
        })
        .collect();
    let blank = VmdModel::new(model.config(), keyed_rng(1, 0, Purpose::Init), device).unwrap();
    load_parameters(blank, parameters).unwrap()
}

/// With two draws, the mean gradient over all pairs of draws is the gradient of the exact bound.
#[test]
fn the_gradient_of_two_draws_is_unbiased() {
    const STEP: f32 = 2e-3;
    let gradient = DrawGradient::LeaveOneOut;
    let family = LatentFamily::Categorical { n_groups: 2, n_classes: 2, gradient };
    let (x0, plain, autodiff) = ([1, 2], Device::flex(), Device::flex().autodiff());
    for kind in [
        PriorKind::Standard {},
        PriorKind::Independent {},
        PriorKind::Autoregressive { hidden: 0 },
        PriorKind::Mixture { components: 2 },
    ] {
        let mut config = config(VOCAB as usize, 2, Scope::Block, Some(family));
        config.latent.as_mut().unwrap().prior = kind;
        let model = trained(&config, 11);
        let toy = |model: VmdModel| Toy::of(model, Scope::Block, 1, kind);
        let log_q = toy(model.clone()).log_posterior(x0, [MASK; 2]);
        let draws = toy(model.clone()).latents;

        // Posterior and prior also separately, where an estimator is most likely to be biased.
        for part in ["", "posterior", "prior"] {
            if kind == PriorKind::default() && part == "prior" {
                continue;
            }
            let mut rng = keyed_rng(12, 0, Purpose::Init);
            let direction: Vec<f64> = named_parameters(&model)
                .iter()
                .flat_map(|(name, data)| {
                    vec![f64::from(u8::from(name.starts_with(part))); data.num_elements()]
                })
                .map(|on| on * (2.0 * uniform(&mut rng) - 1.0))
                .collect();
            let along =
                |step: f32| toy(moved(&model, &plain, |index| step * direction[index] as f32)).bound(x0);
            let slope = |step: f32| (along(step) - along(-step)) / f64::from(2.0 * step);
            let wanted = (4.0 * slope(STEP) - slope(2.0 * STEP)) / 3.0;

            let mut mean = 0.0;
            for (first, second) in (0..4).flat_map(|first| (0..4).map(move |second| (first, second))) {
                let model = moved(&model, &autodiff, |_| 0.0);
                let mut batch = TrainingBatch::draw(x0.to_vec(), &model, &steps(1), 1, 0);
                // Noise so large that it determines the draw.
                batch.latent_noise =
                    [draws.row(first), draws.row(second)].concat().iter().map(|z| 1e3 * z).collect();
                let total = loss(&model, &batch, LossOptions::BOUND, &autodiff).total;
                let gradients = named_gradients(&model, &total.backward());
                let of = |(name, data): (&String, &TensorData)| match gradients.get(name) {
                    Some(gradient) => gradient.to_data().iter::<f64>().collect(),
                    None => vec![0.0; data.num_elements()],
                };
                let gradient: Vec<f64> = named_parameters(&model).iter().flat_map(of).collect();
                let slope: f64 = gradient.iter().zip(&direction).map(|(g, d)| g * d).sum();
                mean += (log_q[first] + log_q[second]).exp() * slope;
            }
            // Central differences of an f32 network.
            assert!(
                (mean - wanted).abs() < 2e-3 * wanted.abs() + 1e-4,
                "{kind:?} {part}: {mean}, not {wanted}"
            );
            assert!(wanted.abs() > 5e-3, "{kind:?} {part}: {wanted} is too small to test anything");
        }
    }
}
