//! Tests of priors with ordered groups.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use crate::common::{CATEGORICAL, SEQ, accepted, config, drawn, host, host_priors, tensor};
use burn::tensor::Device;
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use vmd_core::Validate;
use vmd_latent::{DrawGradient, LatentFamily, LatentStructure, PriorKind};

#[test]
fn groups_of_an_autoregressive_prior_follow_those_before_them_across_tokens() {
    for kind in [PriorKind::Autoregressive { hidden: 3 }, PriorKind::Recurrent { hidden: 3 }] {
        let prior = &host_priors(&config(CATEGORICAL, LatentStructure::PerToken, kind, false))[0];
        let all = prior.enumerate(81).unwrap();
        let mass: Vec<f64> = (0..81).map(|row| prior.log_density(all.row(row)).exp()).collect();
        // Probability of the last group of the second token given the first group of the first
        // token.
        let share = |first: usize, last: usize| {
            let of_first: f64 = (0..81).filter(|row| row % 3 == first).map(|row| mass[row]).sum();
            let both: f64 =
                (0..81).filter(|row| row % 3 == first && row / 27 == last).map(|row| mass[row]).sum();
            both / of_first
        };
        assert!((share(0, 0) - share(1, 0)).abs() > 1e-3, "{kind:?}: tokens are independent");
        // The search lists all values in descending order of probability.
        let (listed, left) = prior.likeliest(0.0, 81);
        let of_listed: Vec<f64> = (0..81).map(|row| prior.log_density(listed.row(row)).exp()).collect();
        let mut sorted = mass.clone();
        sorted.sort_by(|a, b| b.total_cmp(a));
        assert!(left < 1e-9, "{kind:?}: {left} is left");
        assert!(of_listed.iter().zip(&sorted).all(|(found, wanted)| (found - wanted).abs() < 1e-12));
    }
}

#[test]
fn a_recurrent_prior_may_have_a_single_group() {
    let family = LatentFamily::Categorical { n_groups: 1, n_classes: 3, gradient: DrawGradient::LeaveOneOut };
    let config = config(family, LatentStructure::Pooled, PriorKind::Recurrent { hidden: 3 }, false);
    assert!(config.problems((SEQ, None)).is_empty());
    let (device, all) = (Device::flex(), [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
    let network = drawn(&config, &device);
    let on_device = host(network.log_density(&tensor(all.to_vec(), [3, 1, 3], &device), None));
    let prior = network.to_host();
    let on_host: Vec<f64> = all.chunks_exact(3).map(|z| prior.log_density(z)).collect();
    assert!(on_device.iter().zip(&on_host).all(|(found, wanted)| (found - wanted).abs() < 1e-5));
    assert!((on_host.iter().map(|log_p| log_p.exp()).sum::<f64>() - 1.0).abs() < 1e-12);
}

/// Keeps the latent of the second token, then that of the first one.
#[test]
fn what_is_kept_stays_and_what_follows_it_is_drawn_given_it() {
    const DRAWS: usize = 20_000;
    for config in accepted().into_iter().filter(|config| config.structure == LatentStructure::PerToken) {
        let prior = &host_priors(&config)[0];
        let (channels, mut rng) = (prior.row_len() / 2, ChaCha8Rng::seed_from_u64(3));
        let mut z = Vec::new();
        prior.sample_into(&mut rng, &mut z);
        let mut redrawn = |kept: [bool; 2]| {
            let mut values = Vec::new();
            (0..DRAWS).for_each(|_| prior.redraw_into(&z, &kept, &mut rng, &mut values));
            values
        };
        let second = redrawn([false, true]);
        assert!(second.chunks_exact(2 * channels).all(|row| row[channels..] == z[channels..]), "{config:?}");
        assert!(second.chunks_exact(2 * channels).any(|row| row[..channels] != z[..channels]), "{config:?}");
        let first = redrawn([true, false]);
        assert!(first.chunks_exact(2 * channels).all(|row| row[..channels] == z[..channels]), "{config:?}");
        if !matches!(config.family, LatentFamily::Categorical { .. }) {
            continue;
        }
        // Compare the shares of the second latent's values with their probabilities given the
        // first one.
        let all = prior.enumerate(81).unwrap();
        let given: Vec<&[f32]> = all.rows().filter(|row| row[..channels] == z[..channels]).collect();
        let mass: Vec<f64> = given.iter().map(|row| prior.log_density(row).exp()).collect();
        let total: f64 = mass.iter().sum();
        for (row, mass) in given.iter().zip(&mass) {
            let found = first.chunks_exact(2 * channels).filter(|drawn| drawn == row).count() as f64;
            let (share, p) = (found / DRAWS as f64, mass / total);
            let exact = !matches!(config.prior, PriorKind::Mixture { .. });
            assert!(
                !exact || (share - p).abs() < 5.0 * (p / DRAWS as f64).sqrt(),
                "{config:?}: {share} and {p}"
            );
        }
    }
}
