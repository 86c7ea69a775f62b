//! Tests of the inference network, the standard prior and the diagnostics.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use burn::tensor::{Device, Int, Tensor, TensorData};
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use vmd_latent::{
    DrawGradient, HostPosterior, LatentConfig, LatentDistribution, LatentFamily, LatentHealth,
    LatentStructure, Posterior, PosteriorConfig, Prior, PriorKind,
};
use vmd_nn::{Activation, ParameterInit, PositionEncoding, TrunkConfig};

const SEQ: usize = 4;
const GAUSSIAN: LatentFamily = LatentFamily::Gaussian { dim: 3 };
const CATEGORICAL: LatentFamily =
    LatentFamily::Categorical { n_groups: 2, n_classes: 3, gradient: DrawGradient::StraightThrough };

fn config(family: LatentFamily, structure: LatentStructure) -> LatentConfig {
    let trunk = TrunkConfig {
        mixing: vmd_nn::Mixing::Attention,
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
    let posterior = PosteriorConfig { trunk, init_scale: 1.0 };
    LatentConfig {
        family,
        structure,
        prior: PriorKind::Standard {},
        clues: None,
        sees_past: false,
        posterior,
    }
}

/// The latent encodes all tokens.
const ALL: [i32; SEQ] = [1; SEQ];

fn infer(config: &LatentConfig, x0: [i32; SEQ], latent_mask: [i32; SEQ]) -> LatentDistribution {
    let device = Device::flex();
    let init = &mut ParameterInit::new(ChaCha8Rng::seed_from_u64(1), &device);
    let posterior = Posterior::new(config, 5, SEQ, None, None, init).unwrap();
    let upload =
        |tokens: [i32; SEQ]| Tensor::<2, Int>::from_data(TensorData::new(tokens.to_vec(), [1, SEQ]), &device);
    posterior.forward(upload(x0), upload(latent_mask), None)
}

/// Returns all parameters of a distribution.
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
            let config = config(family, structure);
            let q = infer(&config, [0, 1, 2, 3], ALL);
            assert_eq!(q.divergence_from_standard().dims(), [1]);
            assert_eq!(config.row_len(SEQ), n_latents * family.channels());
            assert_eq!(q.to_host().n_rows(), 1);
            if let LatentDistribution::Categorical { log_probabilities, .. } = &q {
                let sums = log_probabilities.clone().exp().sum_dim(3).into_data();
                assert!(sums.iter::<f32>().all(|sum| (sum - 1.0).abs() < 1e-5));
            }
        }
    }
}

#[test]
fn the_latent_mask_changes_what_is_inferred() {
    for family in [GAUSSIAN, CATEGORICAL] {
        for structure in [LatentStructure::Pooled, LatentStructure::PerToken] {
            let config = config(family, structure);
            let with = |latent_mask| infer(&config, [0, 1, 2, 3], latent_mask);
            let some = with([1, 0, 0, 1]);
            assert!(distance(&some, &with([1, 0, 1, 1])) > 1e-3);
            assert!(distance(&some, &with([1, 0, 0, 1])) == 0.0);
        }
    }
}

#[test]
fn a_pooled_posterior_depends_on_the_order_of_tokens() {
    let config = config(GAUSSIAN, LatentStructure::Pooled);
    let change = distance(&infer(&config, [0, 1, 2, 3], ALL), &infer(&config, [3, 1, 2, 0], ALL));
    // The pooled head depends on positions even though the trunk does not.
    assert!(change > 1e-3);
}

#[test]
fn enumeration_lists_every_value_once() {
    let prior = |structure| Prior::standard(&config(CATEGORICAL, structure), 2);
    let pooled = prior(LatentStructure::Pooled).enumerate(9).unwrap();
    assert_eq!((pooled.n_rows(), pooled.row_len), (9, 6));
    let per_token = prior(LatentStructure::PerToken).enumerate(100).unwrap();
    assert_eq!((per_token.n_rows(), per_token.row_len), (81, 12));
    for rows in [pooled, per_token] {
        let all: std::collections::BTreeSet<Vec<u32>> =
            (0..rows.n_rows()).map(|i| rows.row(i).iter().map(|&value| value as u32).collect()).collect();
        assert_eq!(all.len(), rows.n_rows());
        assert!(all.iter().flat_map(|row| row.chunks_exact(3)).all(|group| group.iter().sum::<u32>() == 1));
        // Every class is listed equally often, as under the uniform prior.
        for i in 0..rows.row_len {
            let listed = (0..rows.n_rows()).filter(|&row| rows.row(row)[i] == 1.0).count();
            assert_eq!(3 * listed, rows.n_rows());
        }
    }
    assert_eq!(prior(LatentStructure::Pooled).enumerate(8), None);
    let gaussian = Prior::standard(&config(GAUSSIAN, LatentStructure::Pooled), 2);
    assert_eq!(gaussian.enumerate(usize::MAX), None);
    // 3^162 overflows `usize`.
    let huge = Prior::standard(&config(CATEGORICAL, LatentStructure::PerToken), 81);
    assert_eq!(huge.enumerate(usize::MAX), None);
}

/// Returns mean and variance.
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
    let settings = config(GAUSSIAN, LatentStructure::PerToken);
    let gaussian = Prior::standard(&settings, 2);
    let (mut drawn, mut noise) = (Vec::new(), Vec::new());
    for _ in 0..ROWS {
        gaussian.sample_into(&mut rng, &mut drawn);
        settings.noise_into(2, &mut rng, &mut noise);
    }
    for values in [&drawn, &noise] {
        assert_eq!(values.len(), ROWS * gaussian.row_len());
        let (mean, variance) = moments(values);
        // Five standard errors over at least ROWS draws: 1/√n and √2/√n.
        assert!(mean.abs() < 5.0 / root && (variance - 1.0).abs() < 5.0 * 2f64.sqrt() / root);
        // Adjacent values are uncorrelated.
        let product: f64 = values.chunks_exact(2).map(|pair| f64::from(pair[0] * pair[1])).sum();
        assert!((product / (values.len() / 2) as f64).abs() < 5.0 / root);
    }

    let settings = config(CATEGORICAL, LatentStructure::Pooled);
    let categorical = Prior::standard(&settings, 2);
    let (mut drawn, mut noise) = (Vec::new(), Vec::new());
    for _ in 0..ROWS {
        categorical.sample_into(&mut rng, &mut drawn);
        settings.noise_into(2, &mut rng, &mut noise);
    }
    assert!(drawn.chunks_exact(3).all(|group| {
        group.iter().filter(|&&x| x == 1.0).count() == 1 && group.iter().filter(|&&x| x == 0.0).count() == 2
    }));
    for i in 0..6 {
        let share = drawn.iter().skip(i).step_by(6).filter(|&&x| x == 1.0).count() as f64 / ROWS as f64;
        // Five standard errors of a share of 1/3.
        assert!((share - 1.0 / 3.0).abs() < 5.0 * (2.0f64 / 9.0).sqrt() / root, "{i}: {share}");
    }
    // Gumbel: mean γ, variance π²/6; the standard error of the variance is below √(4.4·σ⁴/n).
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
        // Tolerance: sums of a few f64.
        assert!(health.kl == 0.25 && health.mutual_information.abs() < 1e-12, "{health:?}");
        assert_eq!((health.active_units, health.n_units), (0, units));
    }
}

#[test]
fn an_informative_categorical_is_worth_its_entropy() {
    const K: usize = 5;
    for impossible in [f64::NEG_INFINITY, -60.0] {
        // Row i has class i of the first group with near certainty; the second group has the
        // prior.
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
        // With −60 in place of −∞ the error is of order e^−60.
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
