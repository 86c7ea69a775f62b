//! Tests of divergences and draws of posterior distributions.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use burn::tensor::{Device, Tensor, TensorData, activation::log_softmax};
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use vmd_core::Validate;
use vmd_graph::DependencyGraph;
use vmd_latent::{
    DrawGradient, LatentConfig, LatentDistribution, LatentFamily, LatentStructure, PosteriorConfig, PriorKind,
};
use vmd_nn::{Activation, PositionEncoding, TrunkConfig};

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
        position: PositionEncoding::Learned,
        edge_heads: Vec::new(),
        precision: Default::default(),
    };
    LatentConfig {
        family,
        structure,
        prior: PriorKind::Standard {},
        clues: None,
        sees_past: false,
        posterior: PosteriorConfig { trunk, init_scale: 1.0 },
    }
}

fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, shape), &Device::flex())
}

fn host<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

/// Returns `rows` equal rows of a distribution over `n_latents` sub-latents with parameters of
/// order 1.
fn distribution(family: LatentFamily, n_latents: usize, rows: usize) -> LatentDistribution {
    let n = n_latents * family.channels();
    let repeated = |f: fn(f32) -> f32| {
        let row: Vec<f32> = (0..n).map(|i| f(i as f32)).collect();
        row.repeat(rows)
    };
    match family {
        LatentFamily::Gaussian { dim } => LatentDistribution::Gaussian {
            mean: tensor(repeated(|i| (i * 1.7).sin()), [rows, n_latents, dim]),
            log_variance: tensor(repeated(|i| (i * 2.3).cos() - 0.5), [rows, n_latents, dim]),
        },
        LatentFamily::Categorical { n_groups, n_classes, .. } => LatentDistribution::Categorical {
            log_probabilities: log_softmax(
                tensor(repeated(|i| 1.5 * (i * 1.7).sin()), [rows, n_latents, n_groups, n_classes]),
                3,
            ),
        },
    }
}

/// Returns one draw from each of `rows` equal rows.
fn draws(family: LatentFamily, structure: LatentStructure, seq: usize, rows: usize) -> Vec<f32> {
    let config = config(family, structure);
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let mut noise = Vec::new();
    (0..rows).for_each(|_| config.noise_into(seq, &mut rng, &mut noise));
    let n_latents = config.n_latents(seq);
    let noise = tensor(noise, [rows, n_latents, family.channels()]);
    let z = distribution(family, n_latents, rows).sample(noise, true);
    assert_eq!(z.dims(), [rows, n_latents, family.channels()]);
    host(z)
}

fn log_prior(family: LatentFamily, z: &[f32]) -> f64 {
    match family {
        LatentFamily::Gaussian { .. } => {
            z.iter().map(|&z| -0.5 * (f64::from(z).powi(2) + std::f64::consts::TAU.ln())).sum()
        }
        LatentFamily::Categorical { n_classes, .. } => {
            -((z.len() / n_classes) as f64) * (n_classes as f64).ln()
        }
    }
}

#[test]
fn closed_form_kl_agrees_with_monte_carlo() {
    const ROWS: usize = 40_000;
    for family in [GAUSSIAN, CATEGORICAL] {
        for (structure, n_latents) in [(LatentStructure::Pooled, 1), (LatentStructure::PerToken, 4)] {
            let one = distribution(family, n_latents, 1);
            let closed = f64::from(host(one.divergence_from_standard().sum())[0]);
            let posterior = one.to_host();
            let z = draws(family, structure, 4, ROWS);
            let terms: Vec<f64> = z
                .chunks_exact(n_latents * family.channels())
                .map(|z| posterior.log_density(0, z) - log_prior(family, z))
                .collect();
            let mean = terms.iter().sum::<f64>() / ROWS as f64;
            let variance = terms.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (ROWS - 1) as f64;
            let standard_error = (variance / ROWS as f64).sqrt();
            assert!(standard_error < 0.02 * closed, "{family:?}: a weak test, {standard_error}");
            // Five standard errors.
            assert!(
                (mean - closed).abs() < 5.0 * standard_error,
                "{family:?} {structure:?}: {mean} ± {standard_error} against {closed}"
            );
        }
    }
}

#[test]
fn kl_golden_values() {
    // ½(μ² + σ² − ln σ² − 1) for μ = 2, σ² = e; and ln K − H.
    let gaussian = LatentDistribution::Gaussian {
        mean: tensor(vec![2.0, 0.0], [2, 1, 1]),
        log_variance: tensor(vec![1.0, 0.0], [2, 1, 1]),
    };
    let golden = 0.5 * (4.0 + 1f32.exp() - 2.0);
    let found = host(gaussian.divergence_from_standard());
    // The tolerance is a few ulps of f32 at 2.
    assert!((found[0] - golden).abs() < 1e-6 && found[1].abs() < 1e-6, "{found:?}");
    let categorical = LatentDistribution::Categorical {
        log_probabilities: tensor(vec![0.5f32.ln(), 0.25f32.ln(), 0.25f32.ln()], [1, 1, 1, 3]),
    };
    let golden = 3f32.ln() - 1.5 * 2f32.ln();
    assert!((host(categorical.divergence_from_standard())[0] - golden).abs() < 1e-6);
}

proptest! {
    #[test]
    fn kl_is_never_negative(parameters in prop::collection::vec(-8.0f32..8.0, 12)) {
        let gaussian = LatentDistribution::Gaussian {
            mean: tensor(parameters[..6].to_vec(), [6, 1, 1]),
            log_variance: tensor(parameters[6..].to_vec(), [6, 1, 1]),
        };
        let categorical = LatentDistribution::Categorical {
            log_probabilities: log_softmax(tensor(parameters, [3, 1, 1, 4]), 3) };
        for kl in [host(gaussian.divergence_from_standard()), host(categorical.divergence_from_standard())].concat() {
            // Rounding: terms of order 1 cancel, each rounded at 6e-8.
            prop_assert!(kl > -1e-6, "{}", kl);
        }
    }
}

#[test]
fn a_categorical_draw_is_exactly_one_hot_and_follows_the_probabilities() {
    const ROWS: usize = 20_000;
    let z = draws(CATEGORICAL, LatentStructure::Pooled, 4, ROWS);
    assert!(z.iter().all(|&value| value == 0.0 || value == 1.0));
    assert!(z.chunks_exact(3).all(|group| group.iter().sum::<f32>() == 1.0));
    let LatentDistribution::Categorical { log_probabilities, .. } = distribution(CATEGORICAL, 1, 1) else {
        unreachable!()
    };
    for (i, log_probability) in host(log_probabilities).into_iter().enumerate() {
        let p = f64::from(log_probability.exp());
        let share = z.iter().skip(i).step_by(6).map(|&value| f64::from(value)).sum::<f64>() / ROWS as f64;
        let standard_error = (p * (1.0 - p) / ROWS as f64).sqrt();
        assert!((share - p).abs() < 5.0 * standard_error, "class {i}: {share} against {p}");
    }
}

#[test]
fn gradients_flow_through_a_categorical_draw() {
    const ROWS: usize = 20_000;
    let device = Device::flex().autodiff();
    let upload =
        |values: Vec<f32>, shape: [usize; 4]| Tensor::<4>::from_data(TensorData::new(values, shape), &device);
    let (logits, weights) = ([0.5f32, 1.0, -0.4], [1.0f32, -2.0, 0.5]);
    let family =
        LatentFamily::Categorical { n_groups: 1, n_classes: 3, gradient: DrawGradient::StraightThrough };
    let config = config(family, LatentStructure::Pooled);
    let (mut noise, mut rng) = (Vec::new(), ChaCha8Rng::seed_from_u64(4));
    (0..ROWS).for_each(|_| config.noise_into(1, &mut rng, &mut noise));
    let leaf = upload(logits.repeat(ROWS), [ROWS, 1, 1, 3]).require_grad();
    let q = LatentDistribution::Categorical { log_probabilities: log_softmax(leaf.clone(), 3) };
    let z = q.sample(upload(noise, [ROWS, 1, 1, 3]).reshape([ROWS, 1, 3]), true);
    let loss = (z * upload(weights.to_vec(), [1, 1, 1, 3]).reshape([1, 1, 3])).sum();
    let gradients = host(leaf.grad(&loss.backward()).expect("a gradient"));
    // The loss does not change if a constant is added to all logits, so the gradients of a row sum
    // to 0, up to the rounding of f32 sums of terms of order 1.
    assert!(gradients.chunks_exact(3).all(|row| row.iter().sum::<f32>().abs() < 1e-5));

    // The gradient of E[w·z] is p·(w − Σ p·w). The straight-through estimator is biased, so only
    // the direction and the scale of its mean over draws are checked.
    let total: f64 = logits.iter().map(|&x| f64::from(x).exp()).sum();
    let p: Vec<f64> = logits.iter().map(|&x| f64::from(x).exp() / total).collect();
    let centre: f64 = p.iter().zip(&weights).map(|(p, w)| p * f64::from(*w)).sum();
    let exact: Vec<f64> = p.iter().zip(&weights).map(|(p, w)| p * (f64::from(*w) - centre)).collect();
    let mean: Vec<f64> = (0..3)
        .map(|i| gradients.iter().skip(i).step_by(3).map(|&g| f64::from(g)).sum::<f64>() / ROWS as f64)
        .collect();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let (length, exact_length) = (dot(&mean, &mean).sqrt(), dot(&exact, &exact).sqrt());
    let cosine = dot(&mean, &exact) / (length * exact_length);
    assert!(cosine > 0.95, "{mean:?} against {exact:?}");
    assert!(length > 0.5 * exact_length && length < 2.0 * exact_length, "{mean:?} against {exact:?}");
}

#[test]
fn gradients_flow_through_a_gaussian_draw() {
    let device = Device::flex().autodiff();
    let upload =
        |values: &[f32; 3]| Tensor::<3>::from_data(TensorData::new(values.to_vec(), [1, 1, 3]), &device);
    let (noise, weights) = ([0.3f32, -0.2, 1.1], [1.0f32, -2.0, 0.5]);
    let mean = upload(&[0.0, 1.0, 2.0]).require_grad();
    let log_variance = upload(&[0.0, 2.0, -2.0]).require_grad();
    let q = LatentDistribution::Gaussian { mean: mean.clone(), log_variance: log_variance.clone() };
    let gradients = (q.sample(upload(&noise), true) * upload(&weights)).sum().backward();
    assert_eq!(host(mean.grad(&gradients).expect("a gradient")), weights);
    let found = host(log_variance.grad(&gradients).expect("a gradient"));
    for (i, log_variance) in [0.0f32, 2.0, -2.0].into_iter().enumerate() {
        let expected = 0.5 * (0.5 * log_variance).exp() * noise[i] * weights[i];
        assert!((found[i] - expected).abs() < 1e-5, "{i}: {} {expected}", found[i]);
    }
}

#[test]
fn configurations_with_problems_are_refused_in_words() {
    let sound = config(CATEGORICAL, LatentStructure::Pooled);
    assert!(sound.problems((4, None)).is_empty());
    let mut bad = config(
        LatentFamily::Categorical { n_groups: 0, n_classes: 3, gradient: DrawGradient::LeaveOneOut },
        LatentStructure::Pooled,
    );
    bad.posterior.init_scale = -1.0;
    bad.posterior.trunk.edge_heads = vec!["rwo".into()];
    let problems = bad.problems_under("latent", (16, Some(&DependencyGraph::sudoku(2, 2).unwrap())));
    for part in
        ["latent.family: ", "latent.posterior.init_scale: must be 0 or more and finite, not -1", "`rwo`"]
    {
        assert!(problems.iter().any(|problem| problem.to_string().contains(part)), "{part}: {problems:#?}");
    }
    assert_eq!(problems.len(), 3);
}

#[test]
fn a_straight_through_draw_has_the_gradient_of_the_relaxed_one() {
    let device = Device::flex().autodiff();
    let (log_q, noise, slope) = ([0.2f64, -1.0, 0.4], [0.3f64, 0.9, -0.5], [1.0f64, -2.0, 0.7]);
    let upload =
        |values: &[f64; 3]| Tensor::<1>::from_data(TensorData::from(values.map(|x| x as f32)), &device);
    let leaf = upload(&log_q).reshape([1, 1, 1, 3]).require_grad();
    let q = LatentDistribution::Categorical { log_probabilities: leaf.clone() };
    let z = q.sample(upload(&noise).reshape([1, 1, 3]), true);
    assert_eq!(host(z.clone()), [1.0, 0.0, 0.0]);
    let gradients = (z * upload(&slope).reshape([1, 1, 3])).sum().backward();
    let found: Vec<f64> = leaf.grad(&gradients).unwrap().into_data().iter::<f64>().collect();

    // softmax(scores) has the Jacobian diag(p) − p pᵀ.
    let scores: Vec<f64> = log_q.iter().zip(&noise).map(|(l, g)| (l + g).exp()).collect();
    let p: Vec<f64> = scores.iter().map(|s| s / scores.iter().sum::<f64>()).collect();
    let mean: f64 = p.iter().zip(&slope).map(|(p, c)| p * c).sum();
    for k in 0..3 {
        let wanted = p[k] * (slope[k] - mean);
        assert!((found[k] - wanted).abs() < 1e-6, "{found:?}[{k}] is not {wanted}");
    }
    // Without `straight_through`, the draw has no gradient.
    let draw = q.sample(upload(&noise).reshape([1, 1, 3]), false);
    assert!(
        leaf.grad(&(draw.sum() + leaf.clone().sum() * 0.0).backward())
            .unwrap()
            .into_data()
            .iter::<f64>()
            .all(|g| g == 0.0)
    );
}
