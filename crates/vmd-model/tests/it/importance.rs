//! The importance-weighted bound against exact likelihoods.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use crate::common::toy::{Toy, all_pairs};
use crate::common::{CATEGORICAL, config, trained};
use vmd_latent::PriorKind;
use vmd_model::importance_bound;
use vmd_sampler::Scope;

const ROWS: usize = 1000;

fn toys() -> impl Iterator<Item = Toy> {
    let settings = [(Scope::Block, 1), (Scope::Block, 3), (Scope::Step, 1), (Scope::Step, 2)];
    let kinds = [PriorKind::Standard {}, PriorKind::Mixture { components: 2 }];
    settings.into_iter().flat_map(move |(scope, steps)| kinds.map(|kind| Toy::new(scope, steps, kind, 9)))
}

/// The bound of one pair of tokens, with its standard error.
fn bound(toy: &Toy, x0: [u32; 2], k: usize) -> (f64, f64) {
    importance_bound(&toy.model, toy.steps, &x0.repeat(ROWS), k, 3)
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
            // With many draws of z the remaining gap is that of the orders: the mean of a logarithm
            // instead of the logarithm of a mean.
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
    let model = trained(&config(3, 2, Scope::Block, None), 1);
    let of = |k| importance_bound(&model, 2, &[1, 2].repeat(50), k, 3);
    assert_eq!(of(1), of(16));
}

#[test]
fn a_sequence_has_draws_of_its_own_whatever_stands_beside_it() {
    let model = trained(&config(3, 2, Scope::Step, Some(CATEGORICAL)), 1);
    let sum = |x0: &[u32]| {
        // With 1,024 rows per forward pass, five sequences take two passes.
        let n = x0.len() as f64 / 2.0;
        n * importance_bound(&model, 2, x0, 300, 3).0
    };
    let last = |before: &[u32]| sum(&[before, &[1, 2]].concat()) - sum(before);
    let (a, b) = (last(&[0, 0, 1, 1, 2, 2, 0, 1]), last(&[2, 0, 2, 2, 0, 1, 1, 0]));
    // f32 sums in batches of other sizes.
    assert!((a - b).abs() < 1e-5 && a > 0.0, "{a} and {b}");
    assert_ne!(sum(&[1, 2, 1, 2]), 2.0 * sum(&[1, 2]));
}

/// One random step of `T`, with weight `T`, instead of all steps is not a bound: with many draws it
/// falls below the likelihood. By Hölder's inequality
/// `−ln E_z Π_k e^{a_k(z)} ≥ Σ_k (1/T)·(−ln E_z e^{T·a_k(z)})`.
#[test]
fn one_random_step_is_no_importance_weighted_bound() {
    const STEPS: usize = 3;
    let mut below = 0;
    for seed in 1..6 {
        let toy = Toy::new(Scope::Block, STEPS, PriorKind::Standard {}, seed);
        for x0 in all_pairs() {
            // The mean over orders and steps, with all values of z as the draws.
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
