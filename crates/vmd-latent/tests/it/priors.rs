//! Every prior: its density, its draws, its divergence and its gradients.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use crate::common::{
    CATEGORICAL, SEQ, accepted, clues, config, drawn, gaussian, graph, host, host_priors, mean_and_error,
    points, posterior, posterior_draws, size_of, tensor, trunk,
};
use burn::optim::{GradientsParams, SgdConfig};
use burn::tensor::{Device, TensorData};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use vmd_graph::DependencyGraph;
use vmd_latent::{
    LatentConfig, LatentDistribution, LatentFamily, LatentStructure, Prior, PriorKind, PriorNetwork, charge,
};
use vmd_nn::{ParameterInit, load_parameters, named_parameters};

#[test]
fn densities_integrate_to_one() {
    for config in accepted() {
        for prior in host_priors(&config) {
            let total: f64 =
                points(&prior).iter().map(|(z, weight)| weight * prior.log_density(z).exp()).sum();
            // Sums of f64, and for a grid what lies outside of it.
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
                // Some ten f32 terms of order 1.
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
            // Clues matter, and a row without any is the prior without clues.
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
                // Five standard errors, and what the grid leaves out.
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
                // Where a mixture is not a normal.
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
        let per_unit = network.divergence(&q, &z, None);
        let n_units = match config.prior {
            PriorKind::Mixture { .. } => 1,
            PriorKind::Markov { .. } => config.family.n_units(),
            _ => config.n_latents(SEQ) * config.family.n_units(),
        };
        assert_eq!(per_unit.dims(), [ROWS, n_units], "{config:?}");
        let (found, found_error) = mean_and_error(&host(charge(per_unit, 0.0)));
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

/// Slopes of the mean divergence along a random direction of all parameters of the prior.
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
        if parameters.is_empty() {
            assert_eq!(config.prior, PriorKind::Markov { strength: 1.5, learned: false });
            continue;
        }
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
        let gradients = GradientsParams::from_grads(value(&network, &autodiff).backward(), &network);
        let after = named_parameters(&SgdConfig::new().init().step(1.0, network, gradients));
        let mut found = 0.0;
        for (((name, before), after), direction) in parameters.iter().zip(after.values()).zip(&direction) {
            let gradient: Vec<f64> =
                before.iter::<f64>().zip(after.iter::<f64>()).map(|(before, after)| before - after).collect();
            assert!(gradient.iter().any(|g| g.abs() > 1e-7), "{config:?}: {name} has no gradient");
            found += gradient.iter().zip(direction).map(|(g, d)| g * f64::from(*d)).sum::<f64>();
        }
        // Central differences of f32 sums of order 10, and kinks of hidden units.
        assert!((found - wanted).abs() < 0.01 * wanted.abs() + 0.005, "{config:?}: {found}, not {wanted}");
        assert!(wanted.abs() > 0.02, "{config:?}: {wanted} is too flat to test anything");
    }
}

#[test]
fn a_fresh_prior_is_the_standard_one_where_it_can_be() {
    let device = Device::flex();
    for config in accepted() {
        let init = &mut ParameterInit::new(ChaCha8Rng::seed_from_u64(1), &device);
        let network = PriorNetwork::new(&config, 3, SEQ, None, Some(&graph()), init).unwrap();
        let standard = Prior::standard(&config, SEQ);
        let differs = matches!(config.prior, PriorKind::Mixture { .. } | PriorKind::Markov { .. });
        let (mut z, mut rng) = (Vec::new(), ChaCha8Rng::seed_from_u64(2));
        standard.sample_into(&mut rng, &mut z);
        let fresh = network.to_host_given(clues(&device), None);
        for prior in fresh {
            let distance = (prior.log_density(&z) - standard.log_density(&z)).abs();
            assert_eq!(distance > 1e-5, differs, "{config:?}: {distance}");
        }
    }
    // Components that start alike would stay alike.
    let mixture = config(CATEGORICAL, LatentStructure::Pooled, PriorKind::Mixture { components: 2 }, false);
    let init = &mut ParameterInit::new(ChaCha8Rng::seed_from_u64(1), &device);
    let network = PriorNetwork::new(&mixture, 3, SEQ, None, None, init).unwrap();
    let logits: Vec<f32> = named_parameters(&network)["learned.Products.logits"].iter::<f32>().collect();
    assert!(logits[..6].iter().zip(&logits[6..]).all(|(a, b)| a != b));
}

/// A Markov prior over `graph` with `dim` channels and a posterior of order 1.
fn markov(graph: &DependencyGraph, strength: f64) -> (LatentConfig, PriorNetwork) {
    let kind = PriorKind::Markov { strength, learned: false };
    let family = LatentFamily::Gaussian { dim: 2 };
    let config = LatentConfig {
        prior: kind,
        ..config(family, LatentStructure::PerToken, PriorKind::Standard {}, false)
    };
    let device = Device::flex();
    let init = &mut ParameterInit::new(ChaCha8Rng::seed_from_u64(1), &device);
    let network = PriorNetwork::new(&config, 3, graph.n_nodes(), None, Some(graph), init).unwrap();
    (config, network)
}

#[test]
fn a_markov_prior_without_strength_is_independent() {
    let (config, network) = markov(&DependencyGraph::sudoku(2, 2).unwrap(), 0.0);
    let standard = Prior::standard(&config, 16);
    let (mut z, mut same) = (Vec::new(), Vec::new());
    standard.sample_into(&mut ChaCha8Rng::seed_from_u64(2), &mut z);
    network.to_host().sample_into(&mut ChaCha8Rng::seed_from_u64(2), &mut same);
    assert!((network.to_host().log_density(&z) - standard.log_density(&z)).abs() < 1e-9);
    // The same numbers, channel after channel.
    let by_channel: Vec<f32> = (0..16).flat_map(|node| [z[node], z[16 + node]]).collect();
    assert_eq!(same, by_channel);
}

#[test]
fn draws_of_a_markov_prior_have_its_covariance() {
    const ROWS: usize = 20_000;
    const STRENGTH: f64 = 2.0;
    let graph = DependencyGraph::from_edges(5, [("tie", vec![(0, 1), (1, 2), (2, 0), (2, 3)])]).unwrap();
    let (_, network) = markov(&graph, STRENGTH);
    let (prior, mut rng, mut z) = (network.to_host(), ChaCha8Rng::seed_from_u64(7), Vec::new());
    (0..ROWS).for_each(|_| prior.sample_into(&mut rng, &mut z));
    let laplacian = graph.normalised_laplacian();
    let covariance = |i: usize, j: usize, channels: [usize; 2]| {
        let products: Vec<f64> = z
            .chunks_exact(10)
            .map(|z| f64::from(z[2 * i + channels[0]]) * f64::from(z[2 * j + channels[1]]))
            .collect();
        mean_and_error(&products)
    };
    // Q·Σ = I, entry by entry.
    for i in 0..5 {
        for j in 0..5 {
            let (mut product, mut error) = (0.0, 0.0);
            for k in 0..5 {
                let q = STRENGTH * laplacian[i * 5 + k] + f64::from(u8::from(i == k));
                let (mean, standard_error) = covariance(k, j, [0, 0]);
                product += q * mean;
                error += q.abs() * standard_error;
            }
            // Five standard errors, added up as if they went the same way.
            assert!(
                (product - f64::from(u8::from(i == j))).abs() < 5.0 * error,
                "{i} {j}: {product} ± {error}"
            );
        }
        let (mean, error) = covariance(i, i, [0, 1]);
        assert!(mean.abs() < 5.0 * error, "channels are independent: {mean}");
    }
    // Neighbours are alike, and the node without any is free.
    assert!(covariance(0, 1, [0, 0]).0 > 0.1 && (covariance(4, 4, [0, 0]).0 - 1.0).abs() < 0.06);
}

#[test]
fn the_divergence_from_a_markov_prior_is_the_closed_form() {
    const STRENGTH: f64 = 2.0;
    let device = Device::flex();
    let graph = DependencyGraph::chain(3).unwrap();
    let (_, network) = markov(&graph, STRENGTH);
    let (mean, log_variance) = ([0.3f32, -1.0, 0.8, 0.1, -0.4, 0.9], [0.2f32, -0.3, 0.1, 0.5, -1.0, 0.0]);
    let q = LatentDistribution::Gaussian {
        mean: tensor(mean.to_vec(), [1, 3, 2], &device),
        log_variance: tensor(log_variance.to_vec(), [1, 3, 2], &device),
    };
    let found = host(network.divergence(&q, &tensor(mean.to_vec(), [1, 3, 2], &device), None));
    // L_G = I − A/√(d_i d_j): eigenvalues 0, 1 and 2, so that det Q = 1·(1 + λ)·(1 + 2λ).
    let log_det = ((1.0 + STRENGTH) * (1.0 + 2.0 * STRENGTH)).ln();
    let beside = -STRENGTH / 2f64.sqrt();
    for channel in 0..2 {
        let of = |values: &[f32; 6], node: usize| f64::from(values[2 * node + channel]);
        let m: Vec<f64> = (0..3).map(|node| of(&mean, node)).collect();
        let quadratic = (1.0 + STRENGTH) * m.iter().map(|m| m * m).sum::<f64>()
            + 2.0 * beside * (m[0] * m[1] + m[1] * m[2]);
        let trace: f64 = (0..3).map(|node| (1.0 + STRENGTH) * of(&log_variance, node).exp()).sum();
        let logs: f64 = (0..3).map(|node| of(&log_variance, node)).sum();
        let wanted = 0.5 * (trace + quadratic - 3.0 - log_det - logs);
        assert!((found[channel] - wanted).abs() < 1e-5, "{} and {wanted}", found[channel]);
    }
}

#[test]
fn what_does_not_go_together_is_refused_with_the_reason() {
    let graph = DependencyGraph::chain(SEQ).unwrap();
    let per_token = LatentStructure::PerToken;
    let pooled = LatentStructure::Pooled;
    let refused = |config: &LatentConfig, seq: usize, graph: Option<&DependencyGraph>, words: &str| {
        let problems = config.validate("latent", seq, graph);
        assert_eq!(problems.len(), 1, "{config:?}: {problems:#?}");
        assert!(problems[0].starts_with("latent.") && problems[0].contains(words), "{problems:?}");
    };
    let of = |family, structure, prior| config(family, structure, prior, false);
    let with = |family, structure, prior| config(family, structure, prior, true);
    let markov = |strength, learned| PriorKind::Markov { strength, learned };
    let g = Some(&graph);
    refused(
        &of(gaussian(pooled), pooled, PriorKind::Autoregressive { hidden: 0 }),
        SEQ,
        g,
        "table over classes",
    );
    refused(&of(CATEGORICAL, per_token, PriorKind::Autoregressive { hidden: 0 }), 683, None, "4098 classes");
    assert!(
        of(CATEGORICAL, per_token, PriorKind::Autoregressive { hidden: 0 })
            .validate("latent", 682, None)
            .is_empty()
    );
    refused(&of(CATEGORICAL, per_token, PriorKind::Recurrent { hidden: 0 }), SEQ, g, "hidden = 0");
    refused(&of(gaussian(pooled), pooled, PriorKind::Recurrent { hidden: 2 }), SEQ, g, "table over classes");
    refused(&of(CATEGORICAL, pooled, PriorKind::Mixture { components: 0 }), SEQ, g, "components = 0");
    refused(&of(CATEGORICAL, per_token, markov(1.0, true)), SEQ, g, "family \"gaussian\"");
    refused(&of(gaussian(pooled), pooled, markov(1.0, true)), SEQ, g, "structure \"per_token\"");
    refused(&of(gaussian(per_token), per_token, markov(1.0, true)), SEQ, None, "give the model a graph");
    refused(&of(gaussian(per_token), per_token, markov(0.0, true)), SEQ, g, "strength = 0");
    refused(&of(gaussian(per_token), per_token, markov(-1.0, false)), SEQ, g, "strength = -1");
    let long = DependencyGraph::chain(1025).unwrap();
    refused(&of(gaussian(per_token), per_token, markov(1.0, false)), 1025, Some(&long), "up to 1024 tokens");
    for family in [gaussian(pooled), CATEGORICAL] {
        refused(&with(family, pooled, PriorKind::Standard {}), SEQ, g, "use \"independent\"");
    }
    refused(&with(gaussian(per_token), per_token, markov(1.0, true)), SEQ, g, "one strength for all");
    let past = LatentConfig { sees_past: true, ..of(gaussian(pooled), pooled, PriorKind::Standard {}) };
    refused(&past, SEQ, g, "latent.sees_past: ");
    let mixture = PriorKind::Mixture { components: 2 };
    let free = LatentConfig { free_nats: 0.1, ..of(gaussian(pooled), pooled, mixture) };
    refused(&free, SEQ, g, "estimated from one draw");
    let mut clues = with(CATEGORICAL, pooled, PriorKind::Independent {});
    clues.clues = Some(vmd_nn::TrunkConfig { heads: 3, ..trunk() });
    refused(&clues, SEQ, g, "latent.clues");
}
