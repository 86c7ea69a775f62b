//! The importance-weighted bound against exact likelihoods, and a figure that is no bound.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use crate::common::toy::{Toy, all_pairs};
use crate::common::{CATEGORICAL, config, steps, trained};
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::Device;
use vmd_core::{Purpose, keyed_rng};
use vmd_latent::{DrawGradient, LatentFamily, PriorKind};
use vmd_model::{
    KlMultiplier, LossOptions, ObjectiveConfig, Scope, TrainingBatch, VmdModel, estimate_bounds,
    importance_bound, loss,
};
use vmd_nn::{load_parameters, named_parameters};
use vmd_process::TimeGrid;

const ROWS: usize = 1000;

fn toys() -> impl Iterator<Item = Toy> {
    let settings = [(Scope::Sequence, 1), (Scope::Sequence, 3), (Scope::Step, 1), (Scope::Step, 2)];
    let kinds = [PriorKind::Standard {}, PriorKind::Mixture { components: 2 }];
    settings.into_iter().flat_map(move |(scope, steps)| kinds.map(|kind| Toy::new(scope, steps, kind, 9)))
}

/// The bound of one pair of tokens, with its standard error.
fn bound(toy: &Toy, x0: [u32; 2], k: usize) -> (f64, f64) {
    importance_bound(&toy.model, toy.steps, TimeGrid::default(), &x0.repeat(ROWS), k, 3)
}

#[test]
fn one_draw_gives_the_bound_that_is_trained() {
    for toy in toys() {
        let x0 = [1, 2];
        let ((found, error), exact) = (bound(&toy, x0, 1), toy.bound(x0));
        // Five standard errors, and the rounding of f32.
        assert!(
            (found - exact).abs() < 5.0 * error + 1e-5,
            "{:?}, {} steps: {found} ± {error}, not {exact}",
            toy.scope,
            toy.steps
        );
        assert!(error < 0.03 * exact, "too few draws: {error}");
    }
}

#[test]
fn more_draws_tighten_the_bound_down_to_the_likelihood_of_the_order() {
    for toy in toys() {
        for x0 in [[0, 0], [1, 2]] {
            let what = format!("{:?}, {} steps, {x0:?}", toy.scope, toy.steps);
            let exact = -toy.likelihood(x0).ln();
            let all = [1, 4, 16, 64].map(|k| bound(&toy, x0, k));
            for (bound, error) in all {
                // Five standard errors.
                assert!(bound > exact - 5.0 * error, "{what}: {bound} ± {error} < {exact}");
            }
            for pair in all.windows(2) {
                let error = pair[0].1.hypot(pair[1].1);
                assert!(pair[1].0 < pair[0].0 + 5.0 * error, "{what}: {all:?}");
            }
            // What draws of z cannot win is the mean over orders of a logarithm in place of the logarithm of a mean.
            let of_orders = toy.nll_given_order(x0);
            let gap = toy.bound(x0) - of_orders;
            assert!(gap > 0.01, "{what}: the gap {gap} is too small to test anything");
            let (last, error) = all[3];
            assert!((last - of_orders).abs() < 0.1 * gap + 5.0 * error, "{what}: {last}, not {of_orders}");
            assert!(of_orders > exact - 1e-9 && toy.steps > 1 || (of_orders - exact).abs() < 1e-6, "{what}");
        }
    }
}

#[test]
fn without_a_latent_the_number_of_draws_changes_nothing() {
    let model = trained(&config(3, 2, Scope::Sequence, None), 1);
    let of = |k| importance_bound(&model, 2, TimeGrid::default(), &[1, 2].repeat(50), k, 3);
    assert_eq!(of(1), of(16));
}

#[test]
fn a_sequence_has_draws_of_its_own_whatever_stands_beside_it() {
    let model = trained(&config(3, 2, Scope::Step, Some(CATEGORICAL)), 1);
    let sum = |x0: &[u32]| {
        // 1,024 rows a forward pass: five sequences take two.
        let n = x0.len() as f64 / 2.0;
        n * importance_bound(&model, 2, TimeGrid::default(), x0, 300, 3).0
    };
    let last = |before: &[u32]| sum(&[before, &[1, 2]].concat()) - sum(before);
    let (a, b) = (last(&[0, 0, 1, 1, 2, 2, 0, 1]), last(&[2, 0, 2, 2, 0, 1, 1, 0]));
    // Sums of f32 logits in other batches.
    assert!((a - b).abs() < 1e-5 && a > 0.0, "{a} and {b}");
    assert_ne!(sum(&[1, 2, 1, 2]), 2.0 * sum(&[1, 2]));
}

/// One random step of `T` in the place of all of them, with `T` times its weight, falls below the likelihood as the draws
/// grow in number: by Hölder's inequality `−ln E_z Π_k e^{a_k(z)} ≥ Σ_k (1/T)·(−ln E_z e^{T·a_k(z)})`.
#[test]
fn one_random_step_is_no_importance_weighted_bound() {
    const STEPS: usize = 3;
    let mut below = 0;
    for seed in 1..6 {
        let toy = Toy::new(Scope::Sequence, STEPS, PriorKind::Standard {}, seed);
        for x0 in all_pairs() {
            // The mean over orders and over the step, with all values of z as the draws.
            let orders = (0..STEPS).flat_map(|a| (0..STEPS).map(move |b| [a, b]));
            let of_step = |(order, step): ([usize; 2], usize)| -> f64 {
                let terms = toy.of_step(x0, order, step).map(|p| p.powi(STEPS as i32));
                -terms.iter().zip(toy.weights).map(|(p, w)| p * w).sum::<f64>().ln()
            };
            let all = orders.flat_map(|order| (0..STEPS).map(move |step| (order, step)));
            let figure = all.map(of_step).sum::<f64>() / (STEPS * STEPS * STEPS) as f64;
            let exact = -toy.likelihood(x0).ln();
            assert!(figure < toy.nll_given_order(x0) + 1e-9);
            below += usize::from(figure < exact - 0.01);
        }
    }
    assert!(below >= 3, "{below} of 45 are below the likelihood");
}

/// `model` with weights that fit three pairs of equal tokens.
fn fitted(model: VmdModel, objective: &ObjectiveConfig, seed: u64) -> VmdModel {
    let device = Device::flex().autodiff();
    let blank = VmdModel::new(model.config(), keyed_rng(1, 0, Purpose::Init), &device).unwrap();
    let mut model = load_parameters(blank, named_parameters(&model)).unwrap();
    let mut optimizer = AdamConfig::new().init();
    for step in 0..1500 {
        let batch = TrainingBatch::draw([0, 0, 1, 1, 2, 2].repeat(16), &model, objective, seed, step);
        // Codes are found first; a KL that counts twice then teaches what needs none.
        let kl_weight = if step < 1100 { 2.0 * (step as f64 / 300.0).min(1.0) } else { 1.0 };
        let options = LossOptions { kl_weight, ..LossOptions::BOUND };
        let gradients = loss(&model, &batch, options, &device).total.backward();
        let gradients = GradientsParams::from_grads(gradients, &model);
        model = optimizer.step(0.01, model, gradients);
    }
    let plain = VmdModel::new(model.config(), keyed_rng(1, 0, Purpose::Init), &Device::flex()).unwrap();
    load_parameters(plain, named_parameters(&model)).unwrap()
}

/// The objective of VADD is no bound for the sampler that reveals tokens independently, nor for any other: the mean of
/// `−log p(x0)` over the data is never below their entropy, whatever draws from `p`.
#[test]
fn the_joint_multiplier_falls_below_the_exact_likelihood_and_below_the_entropy() {
    const STEPS: usize = 2;
    let gradient = DrawGradient::LeaveOneOut;
    let family = LatentFamily::Categorical { n_groups: 2, n_classes: 2, gradient };
    let objective = ObjectiveConfig { kl_multiplier: KlMultiplier::Joint, ..steps(STEPS) };
    let model = crate::common::fresh(&config(3, 2, Scope::Step, Some(family)));
    // Rows without a latent teach the network to copy the token that it sees.
    let trained_for = ObjectiveConfig { latent_free_share: 0.5, ..objective.clone() };
    let data = [[0, 0], [1, 1], [2, 2]];
    // One network is enough; some stop at a latent that the second token pays for although it sees the first.
    let found = (2..6).find_map(|seed| {
        let model = fitted(model.clone(), &trained_for, seed);
        let toy = Toy::of(model, Scope::Step, STEPS, PriorKind::Standard {});
        let x0 = data.concat().repeat(1000);
        let of = |objective| estimate_bounds(&toy.model, objective, &x0, 1000, 7, &Device::flex())[0].bound;
        let (joint, budget) = (of(&objective), of(&steps(STEPS)));
        (joint < 3f64.ln() - 0.1).then_some((joint, budget, toy))
    });
    let (joint, budget, toy) = found.expect("a figure below the entropy");
    let exact = data.iter().map(|&x0| -toy.likelihood(x0).ln()).sum::<f64>() / 3.0;
    assert!(exact > 3f64.ln() - 1e-9 && joint < exact - 0.1, "{joint} is not below {exact}");
    // 3,000 sequences: a standard error of some 0.01 nats.
    assert!(budget > exact - 0.05, "{budget} is below {exact}");
    assert!((all_pairs().map(|x0| toy.likelihood(x0)).sum::<f64>() - 1.0).abs() < 1e-9);
}
