//! What the tests of this crate share.
#![allow(dead_code, reason = "every test file uses its own part")]

pub(crate) mod toy;

use std::cell::RefCell;

use burn::tensor::{Device, TensorData};
use rand_chacha::ChaCha8Rng;
use vmd_core::{Purpose, index_below, keyed_rng, uniform};
use vmd_denoiser::DenoiserConfig;
use vmd_graph::{DependencyGraph, GraphSpec};
use vmd_latent::{
    DrawGradient, LatentConfig, LatentFamily, LatentRows, LatentStructure, PosteriorConfig, Prior, PriorKind,
};
use vmd_model::{
    Budgets, ModelConfig, ObjectiveConfig, Prediction, Query, RevealRule, Sampler, SamplerConfig, Scope,
    TokenPredictor, VmdModel,
};
use vmd_nn::{Activation, PositionEncoding, TrunkConfig, load_parameters, named_parameters};
use vmd_process::NoiseSchedule;

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
            adaln_on_time: true,
            sees_budget: false,
            parents: None,
            gates: None,
        },
        blocks: 1,
        causal: false,
        window: None,
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
    pub(crate) graph: Option<DependencyGraph>,
    /// Whether there is a posterior; it answers with the sum and the first of the tokens.
    pub(crate) posterior: bool,
    /// Whether latents are made to fit what is known; then their values are ten more.
    pub(crate) fits: bool,
    pub(crate) calls: RefCell<Vec<Call>>,
    /// What the posterior was given: `x0` and `xt`.
    pub(crate) inferred: RefCell<Vec<(Vec<u32>, Vec<u32>)>>,
}

impl Table {
    pub(crate) fn new(probabilities: &[&[f64]]) -> Self {
        Self {
            vocab: probabilities[0].len(),
            logits: probabilities.concat().iter().map(|p| p.ln() as f32).collect(),
            prior: None,
            redraws: false,
            graph: None,
            posterior: false,
            fits: false,
            calls: RefCell::default(),
            inferred: RefCell::default(),
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

    fn latent_scope(&self) -> Scope {
        if self.redraws { Scope::Step } else { Scope::Sequence }
    }

    fn draw_latent(&self, _: &[usize], _: &[u32], rngs: &mut [&mut ChaCha8Rng]) -> LatentRows {
        let Some(prior) = &self.prior else { return LatentRows::default() };
        let mut values = Vec::new();
        rngs.iter_mut().for_each(|rng| prior.sample_into(rng, &mut values));
        LatentRows { values, row_len: prior.row_len() }
    }

    fn infer_latent(
        &self,
        _: &[usize],
        x0: &[u32],
        latent_mask: &[u32],
        rngs: &mut [&mut ChaCha8Rng],
    ) -> Option<LatentRows> {
        self.inferred.borrow_mut().push((x0.to_vec(), latent_mask.to_vec()));
        let rows = x0.chunks_exact(x0.len() / rngs.len());
        let values = rows.flat_map(|row| [row.iter().sum::<u32>() as f32, row[0] as f32]).collect();
        self.posterior.then_some(LatentRows { values, row_len: 2 })
    }

    fn fits_latents(&self) -> bool {
        self.fits
    }

    fn redraw_latent(
        &self,
        _: &[usize],
        _: &[u32],
        z: &LatentRows,
        _: &mut [&mut ChaCha8Rng],
    ) -> Option<LatentRows> {
        let values = z.values.iter().map(|value| value + 10.0).collect();
        Some(LatentRows { values, row_len: z.row_len })
    }

    fn graph(&self) -> Option<&DependencyGraph> {
        self.graph.as_ref()
    }

    fn predict(&self, query: Query<'_>) -> Prediction {
        self.calls.borrow_mut().push(Call { xt: query.xt.to_vec(), t: query.t.to_vec(), z: query.z.clone() });
        self.logits.repeat(query.t.len()).into()
    }
}

/// Every reveal rule.
pub(crate) const RULES: [RevealRule; 9] = [
    RevealRule::Ancestral,
    RevealRule::RandomK,
    RevealRule::TopProb,
    RevealRule::Margin,
    RevealRule::Entropy,
    RevealRule::Threshold { tau: 0.5 },
    RevealRule::Threshold { tau: 1.0 },
    RevealRule::IndependentSet,
    RevealRule::EntropyBound { gamma: 0.7 },
];

pub(crate) const SEQ: usize = 6;
pub(crate) const MASK: u32 = 3;

/// Six tokens of three values in a chain, none of them certain.
pub(crate) fn table() -> Table {
    let table = Table::new(&[
        &[0.2, 0.5, 0.3],
        &[0.6, 0.3, 0.1],
        &[0.1, 0.1, 0.8],
        &[0.4, 0.3, 0.3],
        &[0.25, 0.7, 0.05],
        &[0.9, 0.05, 0.05],
    ]);
    Table { graph: Some(GraphSpec::Chain { n: SEQ }.build().unwrap()), ..table }
}

/// A model of such sequences.
pub(crate) fn chain_model(scope: Scope, family: Option<LatentFamily>) -> VmdModel {
    let graph = Some(GraphSpec::Chain { n: SEQ });
    trained(&ModelConfig { graph, ..config(3, SEQ, scope, family) }, 1)
}

/// Rows with clues in random places, among them one without a mask and one without a clue.
pub(crate) fn puzzles(rows: usize) -> Vec<u32> {
    let mut rng = keyed_rng(9, 0, Purpose::Data);
    let mut xt: Vec<u32> = (0..rows * SEQ)
        .map(|_| if uniform(&mut rng) < 0.6 { MASK } else { index_below(&mut rng, 3) as u32 })
        .collect();
    xt[..SEQ].copy_from_slice(&[0, 1, 2, 0, 1, 2]);
    xt[SEQ..2 * SEQ].fill(MASK);
    xt
}

pub(crate) fn masks(row: &[u32]) -> usize {
    row.iter().filter(|&&token| token == MASK).count()
}

/// A sampler with the linear schedule.
pub(crate) fn of(config: SamplerConfig) -> Sampler {
    Sampler::new(config, NoiseSchedule::default())
}

/// Empirical probabilities of sequences like the table's, `[seq, vocab]`.
pub(crate) fn shares(tokens: &[u32]) -> Vec<f64> {
    let rows = (tokens.len() / SEQ) as f64;
    let count = |i: usize, value: u32| tokens.iter().skip(i).step_by(SEQ).filter(|&&t| t == value).count();
    (0..SEQ).flat_map(|i| (0..3).map(move |value| count(i, value) as f64 / rows)).collect()
}

/// Whether a share of `n` draws is within five standard errors of `p`.
pub(crate) fn is_share(share: f64, p: f64, n: usize) -> bool {
    (share - p).abs() < 5.0 * (p * (1.0 - p) / n as f64).sqrt()
}
