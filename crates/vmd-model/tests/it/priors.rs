//! All combinations of family, structure, prior, clues and scope.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use crate::common::{CATEGORICAL, config, steps, trunk};
use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use vmd_core::{Purpose, Validate, keyed_rng, uniform};
use vmd_latent::{LatentFamily, LatentStructure, PriorKind};
use vmd_model::{LossOptions, ModelConfig, TrainingBatch, VmdModel, estimate_bounds, importance_bound, loss};
use vmd_nn::{load_parameters, named_gradients, named_parameters};
use vmd_sampler::{Predictor, Sampler, SamplerConfig, Scope};

const VOCAB: usize = 3;
const SEQ: usize = 3;
const GAUSSIAN: LatentFamily = LatentFamily::Gaussian { dim: 2 };
/// Straight-through, so that there is one draw per row.
const FAMILIES: [LatentFamily; 2] = [GAUSSIAN, CATEGORICAL];
const STRUCTURES: [LatentStructure; 2] = [LatentStructure::Pooled, LatentStructure::PerToken];

/// Each kind of prior with the latents that it supports, without and with clues: Gaussian and
/// categorical, each pooled and per token.
const TABLE: [(PriorKind, [bool; 4], [bool; 4]); 5] = {
    const ALL: [bool; 4] = [true; 4];
    const NONE: [bool; 4] = [false; 4];
    const CLASSES: [bool; 4] = [false, false, true, true];
    [
        (PriorKind::Standard {}, ALL, NONE),
        (PriorKind::Independent {}, ALL, ALL),
        (PriorKind::Autoregressive { hidden: 0 }, CLASSES, CLASSES),
        (PriorKind::Autoregressive { hidden: 3 }, CLASSES, CLASSES),
        (PriorKind::Mixture { components: 3 }, ALL, ALL),
    ]
};

/// All configurations, and whether they are valid.
fn combinations() -> impl Iterator<Item = (ModelConfig, bool)> {
    TABLE.into_iter().flat_map(|(kind, without, with)| {
        let places = (0..4).flat_map(|place| [false, true].map(|clues| (place, clues)));
        places.flat_map(move |(place, clues)| {
            [Scope::Block, Scope::Step].map(|scope| {
                let mut config = config(VOCAB, SEQ, scope, Some(FAMILIES[place / 2]));
                let latent = config.latent.as_mut().unwrap();
                (latent.structure, latent.prior) = (STRUCTURES[place % 2], kind);
                latent.clues = clues.then(trunk);
                (config, if clues { with[place] } else { without[place] })
            })
        })
    })
}

/// A model with all parameters drawn, including those initialised to zero. Prior logits are scaled
/// by ten, so they are drawn from a smaller range.
fn drawn(config: &ModelConfig, device: &Device) -> VmdModel {
    let model = VmdModel::new(config, keyed_rng(1, 0, Purpose::Init), device).unwrap();
    // One stream per name, so that models that differ in one part have equal parameters elsewhere.
    let seed = |name: &str| name.bytes().fold(2u64, |seed, byte| seed.wrapping_mul(31) + u64::from(byte));
    let parameters = named_parameters(&model)
        .into_iter()
        .map(|(name, old)| {
            let mut rng = keyed_rng(seed(&name), 1, Purpose::Init);
            let size = if name.starts_with("prior.learned") { 0.1 } else { 0.7 };
            let values: Vec<f32> =
                (0..old.num_elements()).map(|_| ((2.0 * uniform(&mut rng) - 1.0) * size) as f32).collect();
            (name, TensorData::new(values, old.shape().to_vec()))
        })
        .collect();
    load_parameters(model, parameters).unwrap()
}

fn tokens(rows: usize) -> Vec<u32> {
    (0..rows * SEQ).map(|i| ((i * i + i / SEQ) % VOCAB) as u32).collect()
}

#[test]
fn every_combination_works_or_is_refused() {
    let device = Device::flex().autodiff();
    let mut n_accepted = 0;
    for (config, works) in combinations() {
        let problems = config.problems(());
        assert_eq!(problems.is_empty(), works, "{:?}: {problems:#?}", config.latent);
        if !works {
            assert!(problems.iter().all(|problem| problem.key.starts_with("latent.")), "{problems:#?}");
            continue;
        }
        n_accepted += 1;
        for hold_prior in [false, true] {
            let model = drawn(&config, &device);
            let batch = TrainingBatch::draw(tokens(12), &model, &steps(2), 1, 0);
            let options = LossOptions { hold_prior, ..LossOptions::BOUND };
            let parts = loss(&model, &batch, options, &device);
            let value = parts.total.clone().into_scalar::<f32>();
            assert!(value.is_finite() && parts.kl.is_some(), "{:?}: {value}", config.latent);
            let gradients = named_gradients(&model, &parts.total.backward());
            for name in named_parameters(&model).keys().filter(|name| name.starts_with("prior.")) {
                let is_zero = |g: &Tensor<1>| g.to_data().iter::<f32>().all(|g| g == 0.0);
                assert!(
                    gradients.get(name).is_some_and(|g| !is_zero(g)),
                    "{:?}, held: {hold_prior}: {name} has no gradient",
                    config.latent
                );
            }
        }
        let model = drawn(&config, &device).valid();
        let sampler = SamplerConfig { nfe: 2, ..SamplerConfig::default() };
        let sampler = Sampler::new(sampler);
        let mut xt = vec![VOCAB as u32; 4 * SEQ];
        xt[1] = 2;
        let sampled = sampler.sample(&model, &xt, 5).tokens;
        assert!(sampled.iter().all(|&token| token < VOCAB as u32) && sampled[1] == 2);
        let estimate = estimate_bounds(&model, &steps(2), &tokens(8), 4, 1, &Device::flex())[0];
        assert!(estimate.bound.is_finite() && estimate.latent_gain.is_some(), "{estimate:?}");
        // In one step the factor of the KL is 1, and the health is measured on the only batch.
        let one = estimate_bounds(&model, &steps(1), &tokens(8), 8, 1, &Device::flex())[0];
        assert!((one.health.unwrap().kl - one.kl).abs() < 1e-4, "{:?}: {one:?}", config.latent);
        let (bound, _) = importance_bound(&model, 2, &tokens(8), 3, 1);
        assert!(bound.is_finite() && bound > 0.0);
    }
    // Counted in the table: 4, 4, 2, 2 and 4 without clues, 0, 4, 2, 2 and 4 with clues, each in
    // two scopes.
    assert_eq!(n_accepted, 2 * (16 + 12));
}

#[test]
fn latents_are_drawn_given_the_clues_of_their_row() {
    const ROWS: usize = 4000;
    let mask = VOCAB as u32;
    let config = combinations()
        .find(|(config, works)| {
            let latent = config.latent.as_ref().unwrap();
            *works && latent.clues.is_some() && latent.family == CATEGORICAL
        })
        .unwrap()
        .0;
    let model = drawn(&config, &Device::flex());
    let shares = |clues: [u32; SEQ]| {
        let mut rngs: Vec<_> = (0..ROWS).map(|row| keyed_rng(3, row as u64, Purpose::Sample)).collect();
        let z = model.draw_latents(&[], &clues.repeat(ROWS), &mut rngs.iter_mut().collect::<Vec<_>>());
        let prior = &model.priors_given(&clues).unwrap()[0];
        let all = prior.enumerate(16).unwrap();
        (0..all.n_rows())
            .map(|code| {
                let p = prior.log_density(all.row(code)).exp();
                let hits = (0..ROWS)
                    .filter(|&row| z[row * all.row_len..(row + 1) * all.row_len] == *all.row(code))
                    .count();
                assert!(crate::common::is_share(hits as f64 / ROWS as f64, p, ROWS), "{clues:?}");
                p
            })
            .collect::<Vec<f64>>()
    };
    let (none, some) = (shares([mask; SEQ]), shares([2, mask, 0]));
    assert!(none.iter().zip(&some).any(|(a, b)| (a - b).abs() > 0.05), "{none:?} and {some:?}");
}

/// The latent gain compares with latents drawn as in sampling.
#[test]
fn draws_of_a_batch_are_given_what_the_scope_allows() {
    const ROWS: usize = 6;
    for (config, works) in combinations() {
        let latent = config.latent.as_ref().unwrap();
        if !works || latent.clues.is_none() {
            continue;
        }
        let model = drawn(&config, &Device::flex());
        let batch = TrainingBatch::draw(tokens(ROWS), &model, &steps(2), 1, 7);
        let mut rng = keyed_rng(1, 7, Purpose::Latent);
        let (mut noise, mut draws) = (Vec::new(), Vec::new());
        (0..ROWS).for_each(|_| latent.noise_into(SEQ, &mut rng, &mut noise));
        let mask = config.mask_token();
        let observed = match config.scope {
            Scope::Step => batch.xt.clone(),
            _ => vec![mask; batch.xt.len()],
        };
        let given = model.priors_given(&observed).unwrap();
        let mut rng = keyed_rng(1, 7, Purpose::Evaluate);
        given.iter().for_each(|prior| prior.sample_into(&mut rng, &mut draws));
        assert_eq!((&batch.latent_noise, &batch.prior_draws(&model)), (&noise, &draws), "{latent:?}");
    }
}

#[test]
fn the_loss_tells_the_prior_what_is_known() {
    let device = Device::flex();
    for (config, works) in combinations() {
        let latent = config.latent.as_ref().unwrap();
        if !works || latent.clues.is_none() || latent.prior != (PriorKind::Independent {}) {
            continue;
        }
        let model = drawn(&config, &device);
        let mut batch = TrainingBatch::draw(tokens(1), &model, &steps(1), 1, 0);
        let kl = |batch: &TrainingBatch| {
            let kl = loss(&model, batch, LossOptions::BOUND, &device).kl.unwrap();
            f64::from(kl.into_scalar::<f32>())
        };
        let masked = kl(&batch);
        let given = |xt: &[u32]| model.priors_given(xt).unwrap().remove(0);
        let z = &batch.prior_draws(&model)[..latent.row_len(SEQ)].to_vec();
        let nothing = given(&[VOCAB as u32; SEQ]).log_density(z);
        assert!((model.prior().unwrap().log_density(z) - nothing).abs() < 1e-9);
        assert_eq!(batch.observed, batch.xt);
        batch.observed[0] = batch.x0[0];
        assert!((given(&batch.observed).log_density(z) - nothing).abs() > 1e-3);
        assert!((kl(&batch) - masked).abs() > 1e-3);
    }
}

/// While the prior is held, its parameters affect neither the KL nor the gradient of the posterior.
#[test]
fn a_held_prior_follows_and_is_not_charged() {
    let device = Device::flex().autodiff();
    for (config, _) in combinations()
        .filter(|(config, works)| *works && config.latent.as_ref().unwrap().prior != (PriorKind::Standard {}))
    {
        let model = drawn(&config, &device);
        let parameters = named_parameters(&model);
        // The same model with another prior.
        let others = parameters.iter().map(|(name, data)| {
            let factor = if name.starts_with("prior.") { 0.5 } else { 1.0 };
            let values: Vec<f32> = data.iter::<f32>().map(|x| factor * x).collect();
            (name.clone(), TensorData::new(values, data.shape().to_vec()))
        });
        let other = load_parameters(model.clone(), others.collect()).unwrap();
        let batch = TrainingBatch::draw(tokens(6), &model, &steps(2), 1, 0);
        let step = |model: &VmdModel, hold_prior| {
            let options = LossOptions { hold_prior, ..LossOptions::BOUND };
            let parts = loss(model, &batch, options, &device);
            let value = parts.total.clone().into_scalar::<f32>();
            let gradients = named_gradients(model, &parts.total.backward());
            let of_posterior = gradients.into_iter().filter(|(name, _)| name.starts_with("posterior."));
            (value, of_posterior.map(|(name, g)| (name, g.to_data())).collect::<Vec<_>>())
        };
        assert!(step(&model, true) == step(&other, true), "{:?}", config.latent);
        assert!(step(&model, false) != step(&other, false), "{:?}", config.latent);
    }
}
