//! What the tests of this crate share.
#![allow(dead_code, reason = "every test file uses its own part")]

use std::cell::RefCell;

use burn::tensor::{Device, TensorData};
use rand_chacha::ChaCha8Rng;
use vmd_denoiser::TransformerConfig;
use vmd_latent::{
    DrawGradient, LatentConfig, LatentFamily, LatentRows, LatentStructure, Pooling, PosteriorConfig, Prior,
    PriorKind,
};
use vmd_model::{Budgets, ModelConfig, ObjectiveConfig, Query, Scope, TokenPredictor, VmdModel};
use vmd_nn::{Activation, PositionEncoding, TrunkConfig, load_parameters, named_parameters};
use vmd_process::{NoiseSchedule, Purpose, keyed_rng, uniform};

/// Two groups of two classes: four values of `z`.
pub(crate) const CATEGORICAL: LatentFamily = LatentFamily::Categorical {
    n_groups: 2,
    n_classes: 2,
    gradient: DrawGradient::StraightThrough,
    temperature: 1.0,
};

pub(crate) fn trunk() -> TrunkConfig {
    TrunkConfig {
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
        posterior: PosteriorConfig { trunk: trunk(), pooling: Pooling::Flatten, loudness: 1.0 },
        free_nats: 0.0,
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
        denoiser: TransformerConfig {
            trunk: trunk(),
            adaln_on_latent: true,
            adaln_on_time: true,
            sees_budget: false,
        },
        scope,
        latent: family.map(latent),
    }
}

pub(crate) fn fresh(config: &ModelConfig) -> VmdModel {
    VmdModel::new(config, keyed_rng(1, 0, Purpose::Init), &Device::flex()).unwrap()
}

/// A model whose parameters, also the zero-initialised ones, are all drawn from `(-0.7, 0.7)`.
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

/// One call of [`TokenPredictor::predict`].
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) xt: Vec<u32>,
    pub(crate) t: Vec<f64>,
    pub(crate) z: LatentRows,
}

/// A predictor that answers with the same probabilities whatever it is asked, and remembers the questions.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) vocab: usize,
    /// Logits, `[seq, vocab]`.
    pub(crate) logits: Vec<f32>,
    pub(crate) prior: Option<Prior>,
    pub(crate) redraws: bool,
    pub(crate) calls: RefCell<Vec<Call>>,
}

impl Table {
    pub(crate) fn new(probabilities: &[&[f64]]) -> Self {
        Self {
            vocab: probabilities[0].len(),
            logits: probabilities.concat().iter().map(|p| p.ln() as f32).collect(),
            prior: None,
            redraws: false,
            calls: RefCell::default(),
        }
    }

    pub(crate) fn mask(&self) -> u32 {
        self.vocab as u32
    }

    /// Rows that were evaluated so far.
    pub(crate) fn evaluated(&self) -> usize {
        self.calls.borrow().iter().map(|call| call.t.len()).sum()
    }
}

impl TokenPredictor for Table {
    fn vocab(&self) -> usize {
        self.vocab
    }

    fn seq_len(&self) -> usize {
        self.logits.len() / self.vocab
    }

    fn redraws_latent_each_step(&self) -> bool {
        self.redraws
    }

    fn draw_latent(&self, _: &[u32], _: usize, rngs: &mut [&mut ChaCha8Rng]) -> LatentRows {
        let Some(prior) = &self.prior else { return LatentRows::default() };
        let mut values = Vec::new();
        rngs.iter_mut().for_each(|rng| prior.sample_into(rng, &mut values));
        LatentRows { values, row_len: prior.row_len() }
    }

    fn predict(&self, query: Query<'_>) -> Vec<f32> {
        self.calls.borrow_mut().push(Call { xt: query.xt.to_vec(), t: query.t.to_vec(), z: query.z.clone() });
        self.logits.repeat(query.t.len())
    }
}
