//! Tests of density, draws, divergence and gradients of every prior.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use crate::common::{
    CATEGORICAL, SEQ, accepted, clues, config, drawn, gaussian, host, host_priors, mean_and_error, points,
    posterior, posterior_draws, size_of, tensor, trunk,
};
use burn::tensor::{Device, TensorData};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use vmd_core::Validate;
use vmd_latent::{LatentConfig, LatentFamily, LatentStructure, Prior, PriorKind, PriorNetwork};
use vmd_nn::{ParameterInit, load_parameters, named_gradients, named_parameters};

#[test]
fn densities_integrate_to_one() {
    for config in accepted() {
        for prior in host_priors(&config) {
            let total: f64 =
                points(&prior).iter().map(|(z, weight)| weight * prior.log_density(z).exp()).sum();
            // Tolerance: sums of f64, and the mass outside of the grid.
            assert!((total - 1.0).abs() < 1e-7, "{config:?}: {total}");
        }
    }
}

#[test]
fn host_and_device_agree() {
    const ROWS: usize = 30;
    let device = Device::flex();
    for config in accepted() {
        let network = drawn(&config, &device);
        let mut z = Vec::new();
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        (0..ROWS).for_each(|_| network.to_host().sample_into(&mut rng, &mut z));
        let shape = [ROWS, config.n_latents(SEQ), config.family.channels()];
        let on_device = tensor(z.clone(), shape, &device);
        let compare = |found: Vec<f64>, priors: &[Prior]| {
            for ((found, z), prior) in found.iter().zip(z.chunks_exact(config.row_len(SEQ))).zip(priors) {
                // Tolerance: about ten f32 terms of order 1.
                let wanted = prior.log_density(z);
                assert!((found - wanted).abs() < 1e-4, "{config:?}: {found} and {wanted}");
            }
        };
        let none = network.shift(None, None);
        compare(host(network.log_density(&on_device, none.as_ref())), &vec![network.to_host(); ROWS]);
        if config.clues.is_some() {
            let clues = clues(&device).repeat_dim(0, ROWS / 3);
            let shift = network.shift(Some(clues.clone()), None);
            let priors = network.to_host_given(clues, None);
            compare(host(network.log_density(&on_device, shift.as_ref())), &priors);
            // Clues have an effect, and a row without clues has the prior without clues.
            let at = |prior: &Prior| prior.log_density(&z[..config.row_len(SEQ)]);
            assert!((at(&priors[0]) - at(&network.to_host())).abs() < 1e-5);
            assert!((at(&priors[1]) - at(&priors[0])).abs() > 1e-3, "{config:?}");
            assert!((at(&priors[2]) - at(&priors[1])).abs() > 1e-3, "{config:?}");
        }
    }
}

#[test]
fn draws_follow_the_density() {
    const ROWS: usize = 20_000;
    for config in accepted() {
        for prior in host_priors(&config) {
            let (mut z, mut rng) = (Vec::new(), ChaCha8Rng::seed_from_u64(5));
            (0..ROWS).for_each(|_| prior.sample_into(&mut rng, &mut z));
            let all = points(&prior);
            let mass: Vec<f64> = all.iter().map(|(z, w)| w * prior.log_density(z).exp()).collect();
            let check = |what: &str, f: &dyn Fn(&[f32]) -> f64| {
                let values: Vec<f64> = z.chunks_exact(prior.row_len()).map(f).collect();
                let wanted: f64 = all.iter().zip(&mass).map(|((z, _), p)| p * f(z)).sum();
                let square: f64 = all.iter().zip(&mass).map(|((z, _), p)| p * f(z).powi(2)).sum();
                let (mean, _) = mean_and_error(&values);
                let error = ((square - wanted * wanted) / ROWS as f64).sqrt();
                // Five standard errors, and the mass outside of the grid.
                assert!(
                    (mean - wanted).abs() < 5.0 * error + 1e-4,
                    "{config:?} {what}: {mean} ± {error}, not {wanted}"
                );
            };
            if matches!(config.family, LatentFamily::Gaussian { .. }) {
                let (a, b) = (|z: &[f32]| f64::from(z[0]), |z: &[f32]| f64::from(z[1]));
                check("first", &a);
                check("second", &b);
                check("first square", &|z| a(z).powi(2));
                check("second square", &|z| b(z).powi(2));
                check("product", &|z| a(z) * b(z));
                // Distinguishes a mixture from a normal.
                check("product of signs", &|z| a(z).signum() * (b(z) - 0.3).signum());
            } else {
                for i in 0..prior.row_len() {
                    for j in 0..prior.row_len() {
                        check("pair", &|z| f64::from(z[i] * z[j]));
                    }
                }
            }
        }
    }
}

#[test]
fn divergences_agree_with_monte_carlo() {
    const ROWS: usize = 20_000;
    let device = Device::flex();
    for config in accepted().into_iter().filter(|config| config.clues.is_none()) {
        let network = drawn(&config, &device);
        let (q, z) = (posterior(&config, ROWS, &device), posterior_draws(&config, ROWS, &device));
        let divergence = network.divergence(&q, &z, None);
        assert_eq!(divergence.dims(), [ROWS], "{config:?}");
        let (found, found_error) = mean_and_error(&host(divergence));
        let (host_q, prior) = (q.to_host(), network.to_host());
        let z: Vec<f32> = host(z).iter().map(|&z| z as f32).collect();
        let terms: Vec<f64> = z
            .chunks_exact(prior.row_len())
            .map(|z| host_q.log_density(0, z) - prior.log_density(z))
            .collect();
        let (wanted, error) = mean_and_error(&terms);
        // Five standard errors and the rounding of f32.
        assert!(
            (found - wanted).abs() < 5.0 * error.hypot(found_error) + 1e-4,
            "{config:?}: {found} ± {found_error} and {wanted} ± {error}"
        );
        assert!(error < 0.03 * wanted, "{config:?}: a weak test, {wanted} ± {error}");
        // Closed forms do not depend on the draw.
        let by_draw = matches!(
            config.prior,
            PriorKind::Mixture { .. } | PriorKind::Autoregressive { .. } | PriorKind::Recurrent { .. }
        );
        assert_eq!(found_error > 1e-5, by_draw, "{config:?}: {found_error}");
    }
}

/// Compares slopes of the summed divergence along a random direction of all parameters of the
/// prior.
#[test]
fn gradients_are_finite_differences() {
    const ROWS: usize = 6;
    const STEP: f32 = 4e-3;
    let (plain, autodiff) = (Device::flex(), Device::flex().autodiff());
    for config in accepted().into_iter().filter(|config| config.prior != PriorKind::Standard {}) {
        let shifted = |network: &PriorNetwork, device: &Device| {
            network.shift(config.clues.is_some().then(|| clues(device).repeat_dim(0, ROWS / 3)), None)
        };
        let value = |network: &PriorNetwork, device: &Device| {
            let (q, z) = (posterior(&config, ROWS, device), posterior_draws(&config, ROWS, device));
            network.divergence(&q, &z, shifted(network, device).as_ref()).sum()
        };
        let network = drawn(&config, &plain);
        let parameters = named_parameters(&network);
        let mut rng = ChaCha8Rng::seed_from_u64(8);
        let direction: Vec<Vec<f32>> = parameters
            .iter()
            .map(|(name, old)| {
                (0..old.num_elements()).map(|_| (rng.random::<f32>() * 2.0 - 1.0) * size_of(name)).collect()
            })
            .collect();
        let moved = |step: f32| {
            let tensors = parameters.iter().zip(&direction).map(|((name, old), direction)| {
                let values: Vec<f32> =
                    old.iter::<f32>().zip(direction).map(|(value, d)| value + step * d).collect();
                (name.clone(), TensorData::new(values, old.shape().to_vec()))
            });
            let moved = load_parameters(network.clone(), tensors.collect()).unwrap();
            f64::from(value(&moved, &plain).into_scalar::<f32>())
        };
        let slope = |step: f32| (moved(step) - moved(-step)) / f64::from(2.0 * step);
        let wanted = (4.0 * slope(STEP) - slope(2.0 * STEP)) / 3.0;

        let network = drawn(&config, &autodiff);
        let gradients = named_gradients(&network, &value(&network, &autodiff).backward());
        let mut found = 0.0;
        for (name, direction) in parameters.keys().zip(&direction) {
            let gradient: Vec<f64> =
                gradients.get(name).map_or(Vec::new(), |g| g.to_data().iter::<f64>().collect());
            assert!(gradient.iter().any(|g| g.abs() > 1e-7), "{config:?}: {name} has no gradient");
            found += gradient.iter().zip(direction).map(|(g, d)| g * f64::from(*d)).sum::<f64>();
        }
        // Tolerance: central differences of f32 sums of order 10, and kinks of hidden units.
        assert!((found - wanted).abs() < 0.01 * wanted.abs() + 0.005, "{config:?}: {found}, not {wanted}");
        assert!(wanted.abs() > 0.02, "{config:?}: {wanted} is too flat to test anything");
    }
}

#[test]
fn a_fresh_prior_is_the_standard_one_where_it_can_be() {
    let device = Device::flex();
    for config in accepted() {
        let init = &mut ParameterInit::new(ChaCha8Rng::seed_from_u64(1), &device);
        let network = PriorNetwork::new(&config, 3, SEQ, None, None, init).unwrap();
        let standard = Prior::standard(&config, SEQ);
        let differs = matches!(config.prior, PriorKind::Mixture { .. });
        let (mut z, mut rng) = (Vec::new(), ChaCha8Rng::seed_from_u64(2));
        standard.sample_into(&mut rng, &mut z);
        let fresh = network.to_host_given(clues(&device), None);
        for prior in fresh {
            let distance = (prior.log_density(&z) - standard.log_density(&z)).abs();
            assert_eq!(distance > 1e-5, differs, "{config:?}: {distance}");
        }
    }
    // Components that start equal would stay equal.
    let mixture = config(CATEGORICAL, LatentStructure::Pooled, PriorKind::Mixture { components: 2 }, false);
    let init = &mut ParameterInit::new(ChaCha8Rng::seed_from_u64(1), &device);
    let network = PriorNetwork::new(&mixture, 3, SEQ, None, None, init).unwrap();
    let logits: Vec<f32> = named_parameters(&network)["learned.Products.logits"].iter::<f32>().collect();
    assert!(logits[..6].iter().zip(&logits[6..]).all(|(a, b)| a != b));
}

#[test]
fn what_does_not_go_together_is_refused_with_the_reason() {
    let per_token = LatentStructure::PerToken;
    let pooled = LatentStructure::Pooled;
    let refused = |config: &LatentConfig, seq: usize, words: &str| {
        let problems = config.problems_under("latent", (seq, None));
        assert_eq!(problems.len(), 1, "{config:?}: {problems:#?}");
        let problem = problems[0].to_string();
        assert!(problem.starts_with("latent.") && problem.contains(words), "{problem}");
    };
    let of = |family, structure, prior| config(family, structure, prior, false);
    let with = |family, structure, prior| config(family, structure, prior, true);
    refused(
        &of(gaussian(pooled), pooled, PriorKind::Autoregressive { hidden: 0 }),
        SEQ,
        "table over classes",
    );
    refused(&of(CATEGORICAL, per_token, PriorKind::Autoregressive { hidden: 0 }), 683, "4098 classes");
    assert!(
        of(CATEGORICAL, per_token, PriorKind::Autoregressive { hidden: 0 }).problems((682, None)).is_empty()
    );
    refused(
        &of(CATEGORICAL, per_token, PriorKind::Recurrent { hidden: 0 }),
        SEQ,
        "prior.hidden: must be 1 or more",
    );
    refused(&of(gaussian(pooled), pooled, PriorKind::Recurrent { hidden: 2 }), SEQ, "table over classes");
    refused(
        &of(CATEGORICAL, pooled, PriorKind::Mixture { components: 0 }),
        SEQ,
        "prior.components: must be 1 or more",
    );
    for family in [gaussian(pooled), CATEGORICAL] {
        refused(&with(family, pooled, PriorKind::Standard {}), SEQ, "use \"independent\"");
    }
    let past = LatentConfig { sees_past: true, ..of(gaussian(pooled), pooled, PriorKind::Standard {}) };
    refused(&past, SEQ, "latent.sees_past: ");
    let mut clues = with(CATEGORICAL, pooled, PriorKind::Independent {});
    clues.clues = Some(vmd_nn::TrunkConfig { heads: 3, ..trunk() });
    refused(&clues, SEQ, "latent.clues");
}
