//! The inference network and the prior.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use std::collections::BTreeMap;

use burn::tensor::{Device, Int, Tensor, TensorData};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use vmd_latent::{
    DrawGradient, HostPosterior, LatentConfig, LatentDistribution, LatentFamily, LatentHealth,
    LatentStructure, LearnedPrior, Pooling, Posterior, PosteriorConfig, Prior, PriorKind,
};
use vmd_nn::{Activation, ParameterInit, PositionEncoding, TrunkConfig, load_parameters, named_parameters};

const SEQ: usize = 4;
const GAUSSIAN: LatentFamily = LatentFamily::Gaussian { dim: 3 };
const CATEGORICAL: LatentFamily = LatentFamily::Categorical {
    n_groups: 2,
    n_classes: 3,
    gradient: DrawGradient::StraightThrough,
    temperature: 1.0,
};

fn config(family: LatentFamily, structure: LatentStructure, pooling: Pooling) -> LatentConfig {
    let trunk = TrunkConfig {
        width: 8,
        layers: 1,
        loops: 1,
        heads: 1,
        mlp_ratio: 1,
        activation: Activation::Gelu,
        position: PositionEncoding::None,
        edge_heads: Vec::new(),
        precision: Default::default(),
    };
    let posterior = PosteriorConfig { trunk, pooling, loudness: 1.0 };
    LatentConfig { family, structure, prior: PriorKind::Standard {}, posterior, free_nats: 0.0 }
}

fn infer(config: &LatentConfig, x0: [i32; SEQ], masked: Option<[i32; SEQ]>) -> LatentDistribution {
    let device = Device::flex();
    let init = &mut ParameterInit::new(ChaCha8Rng::seed_from_u64(1), &device);
    let posterior = Posterior::new(config, 5, SEQ, None, init).unwrap();
    let upload =
        |tokens: [i32; SEQ]| Tensor::<2, Int>::from_data(TensorData::new(tokens.to_vec(), [1, SEQ]), &device);
    posterior.forward(upload(x0), masked.map(upload))
}

/// All parameters of a distribution.
fn parameters(q: &LatentDistribution) -> Vec<f64> {
    match q.to_host() {
        HostPosterior::Gaussian { mean, log_variance, .. } => [mean, log_variance].concat(),
        HostPosterior::Categorical { log_probabilities, .. } => log_probabilities,
    }
}

fn distance(a: &LatentDistribution, b: &LatentDistribution) -> f64 {
    parameters(a).iter().zip(parameters(b)).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

#[test]
fn every_family_and_structure_has_its_shape() {
    for family in [GAUSSIAN, CATEGORICAL] {
        for (structure, n_latents) in [(LatentStructure::Pooled, 1), (LatentStructure::PerToken, SEQ)] {
            for pooling in [Pooling::Flatten, Pooling::Mean] {
                let config = config(family, structure, pooling);
                let q = infer(&config, [0, 1, 2, 3], None);
                assert_eq!(q.kl_per_unit(None).dims(), [1, n_latents, family.n_units()]);
                assert_eq!(q.kl(0.0, None).dims(), [1]);
                assert_eq!(config.row_len(SEQ), n_latents * family.channels());
                assert_eq!(q.to_host().n_rows(), 1);
                if let LatentDistribution::Categorical { log_probabilities, .. } = &q {
                    let sums = log_probabilities.clone().exp().sum_dim(3).into_data();
                    assert!(sums.iter::<f32>().all(|sum| (sum - 1.0).abs() < 1e-5));
                }
            }
        }
    }
}

#[test]
fn the_mask_indicator_changes_what_is_inferred() {
    for family in [GAUSSIAN, CATEGORICAL] {
        for structure in [LatentStructure::Pooled, LatentStructure::PerToken] {
            let config = config(family, structure, Pooling::Flatten);
            let with = |masked| infer(&config, [0, 1, 2, 3], masked);
            let some = with(Some([1, 0, 0, 1]));
            assert!(distance(&some, &with(Some([1, 0, 1, 1]))) > 1e-3);
            assert!(distance(&some, &with(None)) > 1e-3);
            assert!(distance(&some, &with(Some([1, 0, 0, 1]))) == 0.0);
        }
    }
}

#[test]
fn flattening_keeps_order_and_the_mean_does_not() {
    let (sorted, mixed) = ([0, 1, 2, 3], [3, 1, 2, 0]);
    let change = |pooling| {
        let config = config(GAUSSIAN, LatentStructure::Pooled, pooling);
        distance(&infer(&config, sorted, None), &infer(&config, mixed, None))
    };
    assert!(change(Pooling::Flatten) > 1e-3);
    // Without positions the mean sees a multiset; sums in another order differ by some 1e-7.
    assert!(change(Pooling::Mean) < 1e-5);
}

#[test]
fn enumeration_lists_every_value_once() {
    let prior = |structure| Prior::standard(&config(CATEGORICAL, structure, Pooling::Flatten), 2);
    let pooled = prior(LatentStructure::Pooled).enumerate(9).unwrap();
    assert_eq!((pooled.n_rows(), pooled.row_len), (9, 6));
    let per_token = prior(LatentStructure::PerToken).enumerate(100).unwrap();
    assert_eq!((per_token.n_rows(), per_token.row_len), (81, 12));
    for rows in [pooled, per_token] {
        let all: std::collections::BTreeSet<Vec<u32>> =
            (0..rows.n_rows()).map(|i| rows.row(i).iter().map(|&value| value as u32).collect()).collect();
        assert_eq!(all.len(), rows.n_rows());
        assert!(all.iter().flat_map(|row| row.chunks_exact(3)).all(|group| group.iter().sum::<u32>() == 1));
        // Equal weights: every class is listed equally often, as the uniform prior wants.
        for i in 0..rows.row_len {
            let listed = (0..rows.n_rows()).filter(|&row| rows.row(row)[i] == 1.0).count();
            assert_eq!(3 * listed, rows.n_rows());
        }
    }
    assert_eq!(prior(LatentStructure::Pooled).enumerate(8), None);
    let gaussian = Prior::standard(&config(GAUSSIAN, LatentStructure::Pooled, Pooling::Flatten), 2);
    assert_eq!(gaussian.enumerate(usize::MAX), None);
    // 3^162 does not fit a word.
    let huge = Prior::standard(&config(CATEGORICAL, LatentStructure::PerToken, Pooling::Flatten), 81);
    assert_eq!(huge.enumerate(usize::MAX), None);
}

/// Mean and variance.
fn moments(values: &[f32]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
    (mean, values.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / n)
}

#[test]
fn prior_draws_and_noise_have_their_moments() {
    const ROWS: usize = 20_000;
    let root = (ROWS as f64).sqrt();
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let gaussian = Prior::standard(&config(GAUSSIAN, LatentStructure::PerToken, Pooling::Flatten), 2);
    let (mut drawn, mut noise) = (Vec::new(), Vec::new());
    for _ in 0..ROWS {
        gaussian.sample_into(&mut rng, &mut drawn);
        gaussian.noise_into(&mut rng, &mut noise);
    }
    for values in [&drawn, &noise] {
        assert_eq!(values.len(), ROWS * gaussian.row_len());
        let (mean, variance) = moments(values);
        // Five standard errors over at least ROWS draws: 1/√n and √2/√n.
        assert!(mean.abs() < 5.0 / root && (variance - 1.0).abs() < 5.0 * 2f64.sqrt() / root);
        // Neighbours are uncorrelated.
        let product: f64 = values.chunks_exact(2).map(|pair| f64::from(pair[0] * pair[1])).sum();
        assert!((product / (values.len() / 2) as f64).abs() < 5.0 / root);
    }

    let categorical = Prior::standard(&config(CATEGORICAL, LatentStructure::Pooled, Pooling::Flatten), 2);
    let (mut drawn, mut noise) = (Vec::new(), Vec::new());
    for _ in 0..ROWS {
        categorical.sample_into(&mut rng, &mut drawn);
        categorical.noise_into(&mut rng, &mut noise);
    }
    assert!(drawn.chunks_exact(3).all(|group| {
        group.iter().filter(|&&x| x == 1.0).count() == 1 && group.iter().filter(|&&x| x == 0.0).count() == 2
    }));
    for i in 0..6 {
        let share = drawn.iter().skip(i).step_by(6).filter(|&&x| x == 1.0).count() as f64 / ROWS as f64;
        // Five standard errors of a share of 1/3.
        assert!((share - 1.0 / 3.0).abs() < 5.0 * (2.0f64 / 9.0).sqrt() / root, "{i}: {share}");
    }
    // Gumbel: mean γ, variance π²/6; the variance's own error is below √(4.4·σ⁴/n).
    let (mean, variance) = moments(&noise);
    let expected = std::f64::consts::PI.powi(2) / 6.0;
    assert!((mean - 0.577_215_7).abs() < 5.0 * expected.sqrt() / root, "{mean}");
    assert!((variance - expected).abs() < 5.0 * 2.1 * expected / root, "{variance}");
}

#[test]
fn a_collapsed_posterior_carries_nothing() {
    let rows = 8;
    let gaussian =
        HostPosterior::Gaussian { mean: vec![0.0; rows * 3], log_variance: vec![0.0; rows * 3], row_len: 3 };
    let z: Vec<f32> = (0..rows * 3).map(|i| (i as f32).sin()).collect();
    let uniform = HostPosterior::Categorical {
        log_probabilities: vec![-(4f64.ln()); rows * 8],
        n_groups: 2,
        n_classes: 4,
    };
    let one_hot: Vec<f32> = [1.0, 0.0, 0.0, 0.0].repeat(rows * 2);
    for (posterior, z, units) in [(gaussian, z, 3), (uniform, one_hot, 2)] {
        let health = LatentHealth::measure(&posterior, &z, 0.25);
        // Sums of a few f64.
        assert!(health.kl == 0.25 && health.mutual_information.abs() < 1e-12, "{health:?}");
        assert_eq!((health.active_units, health.n_units), (0, units));
    }
}

#[test]
fn an_informative_categorical_is_worth_its_entropy() {
    const K: usize = 5;
    for impossible in [f64::NEG_INFINITY, -60.0] {
        // Row i is surely class i of the first group; the second group is the prior.
        let log_probabilities: Vec<f64> = (0..K)
            .flat_map(|row| {
                let sure = (0..K).map(move |class| if class == row { 0.0 } else { impossible });
                sure.chain(std::iter::repeat_n(-(K as f64).ln(), K))
            })
            .collect();
        let z: Vec<f32> = (0..K)
            .flat_map(|row| {
                (0..K).map(move |class| f32::from(u8::from(class == row))).chain([1.0, 0.0, 0.0, 0.0, 0.0])
            })
            .collect();
        let posterior = HostPosterior::Categorical { log_probabilities, n_groups: 2, n_classes: K };
        let health = LatentHealth::measure(&posterior, &z, 1.0);
        let all = (K as f64).ln();
        // −60 in place of −∞ is worth e^−60.
        assert!((health.mutual_information - all).abs() < 1e-9, "{health:?}");
        assert_eq!((health.active_units, health.n_units), (1, 2));
    }
}

#[test]
fn far_apart_gaussians_tell_the_rows() {
    let rows = 6;
    let mean: Vec<f64> = (0..rows).flat_map(|row| [10.0 * row as f64, 0.0]).collect();
    let z: Vec<f32> = mean.iter().map(|&mean| mean as f32).collect();
    let posterior = HostPosterior::Gaussian { mean, log_variance: [-2.0, 0.0].repeat(rows), row_len: 2 };
    let health = LatentHealth::measure(&posterior, &z, 1.0);
    assert!((health.mutual_information - (rows as f64).ln()).abs() < 1e-9);
    assert_eq!((health.active_units, health.n_units), (1, 2));
    // ln N(0; 0, e⁻²) + ln N(0; 0, 1).
    let log_density = posterior.log_density(1, &[10.0, 0.0]);
    assert!((log_density - (1.0 - std::f64::consts::TAU.ln())).abs() < 1e-12);
}

#[test]
fn a_learned_prior_draws_weighs_and_pays_by_its_own_probabilities() {
    const ROWS: usize = 20_000;
    const GROUP: usize = 3;
    // Logarithms of the probabilities of two groups of three classes.
    let wanted = [0.7f64, 0.2, 0.1, 0.05, 0.05, 0.9];
    let learned_kind = |structure| LatentConfig {
        prior: PriorKind::Independent {},
        ..config(CATEGORICAL, structure, Pooling::Flatten)
    };
    let device = Device::flex();
    let init = &mut ParameterInit::new(ChaCha8Rng::seed_from_u64(1), &device);
    let fresh = LearnedPrior::new(&learned_kind(LatentStructure::Pooled), init).unwrap();
    assert!(
        LearnedPrior::new(&config(CATEGORICAL, LatentStructure::Pooled, Pooling::Flatten), init).is_none()
    );

    // Logits count up to a constant of the group, and ten times over.
    let shifted: Vec<f32> =
        wanted.iter().enumerate().map(|(i, p)| (p.ln() as f32 + (i / GROUP) as f32) / 10.0).collect();
    let logits = BTreeMap::from([("logits".to_string(), TensorData::new(shifted, [2, GROUP]))]);
    let learned = load_parameters(fresh.clone(), logits).unwrap();

    for structure in [LatentStructure::Pooled, LatentStructure::PerToken] {
        let config = learned_kind(structure);
        let prior = Prior::new(&config, Some(&learned), 2);
        let all = prior.enumerate(100).unwrap();
        let total: f64 = (0..all.n_rows()).map(|row| prior.log_mass(all.row(row)).exp()).sum();
        assert!((total - 1.0).abs() < 1e-12, "{total}");

        let mut drawn = Vec::new();
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        (0..ROWS).for_each(|_| prior.sample_into(&mut rng, &mut drawn));
        for i in 0..prior.row_len() {
            let share = drawn.iter().skip(i).step_by(prior.row_len()).filter(|&&x| x == 1.0).count();
            let (share, p) = (share as f64 / ROWS as f64, wanted[i % 6]);
            // Five standard errors.
            assert!(
                (share - p).abs() < 5.0 * (p * (1.0 - p) / ROWS as f64).sqrt(),
                "{i}: {share} against {p}"
            );
        }

        // A fresh one is the standard prior, for the divergence too.
        let (standard, uniform) = (Prior::standard(&config, 2), Prior::new(&config, Some(&fresh), 2));
        assert!((standard.log_mass(all.row(5)) - uniform.log_mass(all.row(5))).abs() < 1e-6);
    }

    let q = infer(&learned_kind(LatentStructure::PerToken), [0, 1, 2, 3], None);
    let anything = Tensor::zeros([1, 4, 6], &device);
    let kl = |prior: Option<&LearnedPrior>| {
        let log_prior = prior.map(|prior| prior.log_probabilities(&anything));
        q.kl(0.0, log_prior.as_ref()).into_scalar::<f32>()
    };
    assert!((kl(None) - kl(Some(&fresh))).abs() < 1e-5);
    let by_hand: f64 =
        parameters(&q).iter().enumerate().map(|(i, log_q)| log_q.exp() * (log_q - wanted[i % 6].ln())).sum();
    // A sum of 24 f32 terms of order 1.
    assert!((f64::from(kl(Some(&learned))) - by_hand).abs() < 1e-5, "{by_hand}");
    assert!((kl(Some(&learned)) - kl(None)).abs() > 1e-2);
}

/// An autoregressive prior over three groups of three classes with every parameter, the unused ones too, drawn.
fn autoregressive(config: &LatentConfig) -> LearnedPrior {
    let device = Device::flex();
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let prior = LearnedPrior::new(config, &mut ParameterInit::new(rng.clone(), &device)).unwrap();
    let drawn = named_parameters(&prior)
        .into_iter()
        .map(|(name, old)| {
            let n = old.num_elements();
            let values: Vec<f32> = (0..n).map(|_| rng.random::<f32>() * 0.2 - 0.1).collect();
            (name, TensorData::new(values, old.shape().to_vec()))
        })
        .collect();
    load_parameters(prior, drawn).unwrap()
}

#[test]
fn groups_of_an_autoregressive_prior_follow_those_before_them() {
    const ROWS: usize = 40_000;
    let family = LatentFamily::Categorical {
        n_groups: 3,
        n_classes: 3,
        gradient: DrawGradient::LeaveOneOut,
        temperature: 1.0,
    };
    let config = LatentConfig {
        prior: PriorKind::Autoregressive { hidden: 0 },
        ..config(family, LatentStructure::Pooled, Pooling::Flatten)
    };
    let learned = autoregressive(&config);
    let prior = Prior::new(&config, Some(&learned), 2);
    let all = prior.enumerate(27).unwrap();
    let mass: Vec<f64> = (0..27).map(|row| prior.log_mass(all.row(row)).exp()).collect();
    assert!((mass.iter().sum::<f64>() - 1.0).abs() < 1e-12);

    // The device's factors multiply to the host's mass.
    let z = Tensor::from_data(TensorData::new(all.values.clone(), [27, 1, 9]), &Device::flex());
    let factors = learned.log_probabilities(&z).reshape([27, 9]) * z.clone().reshape([27, 9]);
    let log_mass: Vec<f32> = factors.sum_dim(1).into_data().iter::<f32>().collect();
    for (found, mass) in log_mass.iter().zip(&mass) {
        assert!((f64::from(*found) - mass.ln()).abs() < 1e-5, "{found} and {}", mass.ln());
    }
    // No group looks at itself or at later ones: the first is the same for all, the second for those with its first.
    let groups: Vec<f32> = learned.log_probabilities(&z).into_data().iter::<f32>().collect();
    let group = |row: usize, group: usize| &groups[row * 9 + group * 3..row * 9 + (group + 1) * 3];
    for row in 0..27 {
        assert_eq!(group(row, 0), group(0, 0));
        assert_eq!(group(row, 1), group(row % 3, 1));
        assert_eq!(group(row, 2), group(row % 9, 2));
    }
    assert!(group(0, 1) != group(1, 1) && group(0, 2) != group(1, 2) && group(0, 2) != group(3, 2));

    // Draws have that mass.
    let (mut drawn, mut rng) = (Vec::new(), ChaCha8Rng::seed_from_u64(3));
    (0..ROWS).for_each(|_| prior.sample_into(&mut rng, &mut drawn));
    for (row, &p) in mass.iter().enumerate() {
        let share = drawn.chunks_exact(9).filter(|z| *z == all.row(row)).count() as f64 / ROWS as f64;
        // Five standard errors.
        assert!((share - p).abs() < 5.0 * (p * (1.0 - p) / ROWS as f64).sqrt(), "{row}: {share} against {p}");
    }
}

#[test]
fn the_divergence_to_an_autoregressive_prior_is_right_in_the_mean_over_draws() {
    let config = LatentConfig {
        prior: PriorKind::Autoregressive { hidden: 0 },
        ..config(CATEGORICAL, LatentStructure::Pooled, Pooling::Flatten)
    };
    let learned = autoregressive(&config);
    let prior = Prior::new(&config, Some(&learned), 2);
    let all = prior.enumerate(9).unwrap();
    let q = infer(&config, [0, 1, 2, 3], None);
    let z = Tensor::from_data(TensorData::new(all.values.clone(), [9, 1, 6]), &Device::flex());
    let per_draw = q.repeat(9).kl(0.0, Some(&learned.log_probabilities(&z)));
    let per_draw: Vec<f32> = per_draw.into_data().iter::<f32>().collect();
    let log_q = parameters(&q);
    let log_q = |row: usize| -> f64 { log_q.iter().zip(all.row(row)).map(|(l, &z)| l * f64::from(z)).sum() };
    let mean: f64 = (0..9).map(|row| log_q(row).exp() * f64::from(per_draw[row])).sum();
    let exact: f64 = (0..9).map(|row| log_q(row).exp() * (log_q(row) - prior.log_mass(all.row(row)))).sum();
    // f32 terms of order 1.
    assert!((mean - exact).abs() < 1e-5, "{mean} and {exact}");
    assert!(per_draw.iter().any(|kl| (f64::from(*kl) - exact).abs() > 1e-3), "the draw matters");
}
