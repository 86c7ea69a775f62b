//! Shared helpers of the tests.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]
#![allow(dead_code, reason = "each test file uses some of the helpers")]

pub(crate) mod toy;

use burn::tensor::{Device, TensorData};
use vmd_core::{Purpose, index_below, keyed_rng, uniform};
use vmd_denoiser::DenoiserConfig;
use vmd_graph::GraphSpec;
use vmd_latent::{DrawGradient, LatentConfig, LatentFamily, LatentStructure, PosteriorConfig, PriorKind};
use vmd_model::{Budgets, ModelConfig, ObjectiveConfig, VmdModel};
use vmd_nn::{Activation, PositionEncoding, TrunkConfig, load_parameters, named_parameters};
use vmd_process::NoiseSchedule;
use vmd_sampler::Scope;

/// Two groups of two classes: four values of `z`.
pub(crate) const CATEGORICAL: LatentFamily =
    LatentFamily::Categorical { n_groups: 2, n_classes: 2, gradient: DrawGradient::StraightThrough };

pub(crate) fn trunk() -> TrunkConfig {
    TrunkConfig {
        mixing: vmd_nn::Mixing::Attention,
        width: 8,
        layers: 1,
        loops: 1,
        heads: 2,
        mlp_ratio: 2,
        activation: Activation::Relu,
        position: PositionEncoding::Learned,
        edge_heads: Vec::new(),
        precision: Default::default(),
    }
}

pub(crate) fn latent(family: LatentFamily) -> LatentConfig {
    LatentConfig {
        family,
        structure: LatentStructure::Pooled,
        prior: PriorKind::Standard {},
        clues: None,
        sees_past: false,
        posterior: PosteriorConfig { trunk: trunk(), init_scale: 1.0 },
    }
}

pub(crate) fn config(
    vocab: usize,
    seq_len: usize,
    scope: Scope,
    family: Option<LatentFamily>,
) -> ModelConfig {
    ModelConfig {
        vocab,
        seq_len,
        schedule: NoiseSchedule::default(),
        graph: None,
        denoiser: DenoiserConfig {
            trunk: trunk(),
            adaln_on_latent: true,
            sees_budget: false,
            parents: None,
            gates: None,
        },
        blocks: 1,
        window: None,
        scope,
        latent: family.map(latent),
    }
}

pub(crate) fn fresh(config: &ModelConfig) -> VmdModel {
    VmdModel::new(config, keyed_rng(1, 0, Purpose::Init), &Device::flex()).unwrap()
}

/// A model with all parameters drawn from `(-0.7, 0.7)`, including those that are initialised to
/// zero.
pub(crate) fn trained(config: &ModelConfig, seed: u64) -> VmdModel {
    let model = fresh(config);
    let mut rng = keyed_rng(seed, 1, Purpose::Init);
    let drawn = named_parameters(&model)
        .into_iter()
        .map(|(name, old)| {
            let n: usize = old.shape().iter().product();
            let values: Vec<f32> = (0..n).map(|_| (1.4 * uniform(&mut rng) - 0.7) as f32).collect();
            (name, TensorData::new(values, old.shape().to_vec()))
        })
        .collect();
    load_parameters(model, drawn).unwrap()
}

pub(crate) fn steps(steps: usize) -> ObjectiveConfig {
    ObjectiveConfig { steps: Some(Budgets::One(steps)), ..ObjectiveConfig::default() }
}

/// `ln softmax` of one token's logits, in double precision.
pub(crate) fn log_softmax(logits: &[f32]) -> Vec<f64> {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let shifted: Vec<f64> = logits.iter().map(|&x| f64::from(x) - f64::from(largest)).collect();
    let total = shifted.iter().map(|x| x.exp()).sum::<f64>().ln();
    shifted.into_iter().map(|x| x - total).collect()
}

/// Mean and its standard error.
pub(crate) fn mean_and_error(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, (variance / n).sqrt())
}

pub(crate) const SEQ: usize = 6;
pub(crate) const MASK: u32 = 3;

/// A model of a chain of six tokens with three values each.
pub(crate) fn chain_model(scope: Scope, family: Option<LatentFamily>) -> VmdModel {
    let graph = Some(GraphSpec::Chain { n: SEQ });
    trained(&ModelConfig { graph, ..config(3, SEQ, scope, family) }, 1)
}

/// Rows with random clues. The first row has no mask and the second one no clue.
pub(crate) fn puzzles(rows: usize) -> Vec<u32> {
    let mut rng = keyed_rng(9, 0, Purpose::Data);
    let mut xt: Vec<u32> = (0..rows * SEQ)
        .map(|_| if uniform(&mut rng) < 0.6 { MASK } else { index_below(&mut rng, 3) as u32 })
        .collect();
    xt[..SEQ].copy_from_slice(&[0, 1, 2, 0, 1, 2]);
    xt[SEQ..2 * SEQ].fill(MASK);
    xt
}

/// Whether a share of `n` draws is within five standard errors of `p`.
pub(crate) fn is_share(share: f64, p: f64, n: usize) -> bool {
    (share - p).abs() < 5.0 * (p * (1.0 - p) / n as f64).sqrt()
}
