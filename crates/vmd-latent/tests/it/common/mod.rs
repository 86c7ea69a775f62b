//! Helpers shared by the tests of priors.
#![allow(dead_code, reason = "every test file uses its own part")]
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use burn::tensor::{Device, Int, Tensor, TensorData, activation::log_softmax};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use vmd_core::Validate;
use vmd_latent::{
    DrawGradient, LatentConfig, LatentDistribution, LatentFamily, LatentStructure, PosteriorConfig, Prior,
    PriorKind, PriorNetwork,
};
use vmd_nn::{Activation, ParameterInit, PositionEncoding, TrunkConfig, load_parameters, named_parameters};

pub(crate) const SEQ: usize = 2;
pub(crate) const VOCAB: usize = 3;

/// A Gaussian family with two values of `z` per row, so that densities can be integrated on a
/// grid: two channels, or one for each of two tokens.
pub(crate) fn gaussian(structure: LatentStructure) -> LatentFamily {
    LatentFamily::Gaussian { dim: if structure == LatentStructure::Pooled { 2 } else { 1 } }
}

pub(crate) const CATEGORICAL: LatentFamily =
    LatentFamily::Categorical { n_groups: 2, n_classes: 3, gradient: DrawGradient::LeaveOneOut };

pub(crate) fn trunk() -> TrunkConfig {
    TrunkConfig {
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
    }
}

pub(crate) fn config(
    family: LatentFamily,
    structure: LatentStructure,
    prior: PriorKind,
    clues: bool,
) -> LatentConfig {
    LatentConfig {
        family,
        structure,
        prior,
        sees_past: false,
        clues: clues.then(trunk),
        posterior: PosteriorConfig { trunk: trunk(), init_scale: 1.0 },
    }
}

pub(crate) const KINDS: [PriorKind; 6] = [
    PriorKind::Standard {},
    PriorKind::Independent {},
    PriorKind::Autoregressive { hidden: 0 },
    PriorKind::Autoregressive { hidden: 3 },
    PriorKind::Recurrent { hidden: 3 },
    PriorKind::Mixture { components: 3 },
];

/// Returns every valid combination.
pub(crate) fn accepted() -> Vec<LatentConfig> {
    let structures = [LatentStructure::Pooled, LatentStructure::PerToken];
    let families = structures.into_iter().flat_map(|s| [(gaussian(s), s), (CATEGORICAL, s)]);
    families
        .flat_map(|(family, structure)| {
            KINDS
                .into_iter()
                .flat_map(move |kind| [false, true].map(|clues| config(family, structure, kind, clues)))
        })
        .filter(|config| config.problems((SEQ, None)).is_empty())
        .collect()
}

/// Returns the scale of draws and changes of the parameter with this name; logits are smaller
/// because they are multiplied by ten.
pub(crate) fn size_of(name: &str) -> f32 {
    let tenfold = ["logits", "Autoregressive", "Recurrent.output"];
    if tenfold.into_iter().any(|part| name.contains(part)) { 0.12 } else { 0.7 }
}

/// Returns the prior of `config` on `device` with random values for all parameters, including
/// those that start at zero.
pub(crate) fn drawn(config: &LatentConfig, device: &Device) -> PriorNetwork {
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let init = &mut ParameterInit::new(ChaCha8Rng::seed_from_u64(4), device);
    let network = PriorNetwork::new(config, VOCAB, SEQ, None, None, init).unwrap();
    let parameters = named_parameters(&network)
        .into_iter()
        .map(|(name, old)| {
            let size = size_of(&name);
            let values: Vec<f32> =
                (0..old.num_elements()).map(|_| (rng.random::<f32>() * 2.0 - 1.0) * size).collect();
            (name, TensorData::new(values, old.shape().to_vec()))
        })
        .collect();
    load_parameters(network, parameters).unwrap()
}

/// Clues of three rows: none, one token, both.
pub(crate) const CLUES: [i32; 6] = [3, 3, 1, 3, 2, 0];

pub(crate) fn clues(device: &Device) -> Tensor<2, Int> {
    Tensor::from_data(TensorData::new(CLUES.to_vec(), [3, SEQ]), device)
}

pub(crate) fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, shape), device)
}

pub(crate) fn host<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.into_data().iter::<f64>().collect()
}

/// Returns `rows` equal rows of a posterior with parameters of order 1.
pub(crate) fn posterior(config: &LatentConfig, rows: usize, device: &Device) -> LatentDistribution {
    let n_latents = config.n_latents(SEQ);
    let repeated = |f: fn(f32) -> f32| {
        let row: Vec<f32> = (0..config.row_len(SEQ)).map(|i| f(i as f32)).collect();
        row.repeat(rows)
    };
    match config.family {
        LatentFamily::Gaussian { dim } => LatentDistribution::Gaussian {
            mean: tensor(repeated(|i| (i * 1.7 + 0.5).sin()), [rows, n_latents, dim], device),
            log_variance: tensor(repeated(|i| (i * 2.3).cos() - 0.5), [rows, n_latents, dim], device),
        },
        LatentFamily::Categorical { n_groups, n_classes, .. } => LatentDistribution::Categorical {
            log_probabilities: log_softmax(
                tensor(repeated(|i| 1.5 * (i * 1.7).sin()), [rows, n_latents, n_groups, n_classes], device),
                3,
            ),
        },
    }
}

/// Returns one draw from each row of [`posterior`], `[rows, n_latents, channels]`.
pub(crate) fn posterior_draws(config: &LatentConfig, rows: usize, device: &Device) -> Tensor<3> {
    let (mut rng, mut noise) = (ChaCha8Rng::seed_from_u64(11), Vec::new());
    (0..rows).for_each(|_| config.noise_into(SEQ, &mut rng, &mut noise));
    let shape = [rows, config.n_latents(SEQ), config.family.channels()];
    posterior(config, rows, device).sample(tensor(noise, shape, device), false)
}

/// Returns the priors of a configuration on the host: one for each row of clues if it depends on
/// them.
pub(crate) fn host_priors(config: &LatentConfig) -> Vec<Prior> {
    let device = Device::flex();
    let network = drawn(config, &device);
    if config.clues.is_some() { network.to_host_given(clues(&device), None) } else { vec![network.to_host()] }
}

/// Returns the points of a grid with their weights for a Gaussian latent of two values, or every
/// value of a categorical one with weight 1.
pub(crate) fn points(prior: &Prior) -> Vec<(Vec<f32>, f64)> {
    if let Some(all) = prior.enumerate(1000) {
        return (0..all.n_rows()).map(|row| (all.row(row).to_vec(), 1.0)).collect();
    }
    // The density is smooth with light tails, so the error of equal weights is exponentially
    // small.
    const STEP: f64 = 0.125;
    assert_eq!(prior.row_len(), 2);
    let axis = || (-96..=96).map(|i| (f64::from(i) * STEP) as f32);
    axis().flat_map(|a| axis().map(move |b| (vec![a, b], STEP * STEP))).collect()
}

/// Returns the mean and its standard error.
pub(crate) fn mean_and_error(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, (variance / n).sqrt())
}
