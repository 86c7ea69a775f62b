//! Predictors with fixed outputs.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use std::cell::RefCell;

use rand::rngs::ChaCha8Rng;
use vmd_core::{Purpose, index_below, keyed_rng, standard_normal, uniform};
use vmd_graph::{DependencyGraph, GraphSpec};
use vmd_process::NoiseSchedule;
use vmd_sampler::{Prediction, Predictor, Query, RevealRule, Sampler, SamplerConfig, Scope};

/// One call of [`Predictor::predict`].
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) xt: Vec<u32>,
    pub(crate) t: Vec<f64>,
    pub(crate) z: Vec<f32>,
}

impl Call {
    /// The latent of a row.
    pub(crate) fn latent(&self, row: usize) -> &[f32] {
        let len = self.z.len() / self.t.len();
        &self.z[row * len..(row + 1) * len]
    }
}

/// Arguments of [`Predictor::fit_latents`].
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fitted {
    pub(crate) guess: Vec<u32>,
    pub(crate) latent_mask: Vec<u32>,
}

/// A predictor with fixed probabilities that records its calls.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) vocab: usize,
    /// Logits, `[seq, vocab]`.
    pub(crate) logits: Vec<f32>,
    /// Whether the logits also depend on the other tokens and the latent.
    pub(crate) mixes: bool,
    /// Number of normal values of a latent.
    pub(crate) latent: usize,
    pub(crate) redraws: bool,
    pub(crate) schedule: NoiseSchedule,
    pub(crate) graph: Option<DependencyGraph>,
    /// Whether latents are fitted to the clues. A fitted latent is the sum and the first token of
    /// the guess, plus ten.
    pub(crate) fits: bool,
    pub(crate) calls: RefCell<Vec<Call>>,
    pub(crate) fitted: RefCell<Vec<Fitted>>,
}

impl Table {
    pub(crate) fn new(probabilities: &[&[f64]]) -> Self {
        Self {
            vocab: probabilities[0].len(),
            logits: probabilities.concat().iter().map(|p| p.ln() as f32).collect(),
            mixes: false,
            latent: 0,
            redraws: false,
            schedule: NoiseSchedule::default(),
            graph: None,
            fits: false,
            calls: RefCell::default(),
            fitted: RefCell::default(),
        }
    }

    pub(crate) fn mask(&self) -> u32 {
        self.vocab as u32
    }

    /// Number of rows evaluated so far.
    pub(crate) fn evaluated(&self) -> usize {
        self.calls.borrow().iter().map(|call| call.t.len()).sum()
    }

    /// Term added to a logit for these tokens and this latent.
    fn mixed(&self, logit: usize, xt: &[u32], z: &[f32]) -> f32 {
        let tokens: f32 = (1..).zip(xt).map(|(i, &token)| i as f32 * token as f32).sum();
        let latent: f32 = z.iter().sum();
        if self.mixes { (0.7 * tokens + 1.9 * logit as f32 + latent).sin() } else { 0.0 }
    }
}

impl Predictor for Table {
    fn vocab(&self) -> usize {
        self.vocab
    }

    fn seq_len(&self) -> usize {
        self.logits.len() / self.vocab
    }

    fn schedule(&self) -> NoiseSchedule {
        self.schedule
    }

    fn latent_scope(&self) -> Scope {
        if self.redraws { Scope::Step } else { Scope::Block }
    }

    fn draw_latents(&self, _: &[usize], _: &[u32], rngs: &mut [&mut ChaCha8Rng]) -> Vec<f32> {
        let draw = |rng: &mut &mut ChaCha8Rng| -> Vec<f32> {
            (0..self.latent).map(|_| standard_normal(*rng) as f32).collect()
        };
        rngs.iter_mut().flat_map(draw).collect()
    }

    fn fits_latents(&self) -> bool {
        self.fits
    }

    fn fit_latents(
        &self,
        _: &[usize],
        _: &[u32],
        guess: &[u32],
        latent_mask: &[u32],
        _: &mut [&mut ChaCha8Rng],
    ) -> Vec<f32> {
        self.fitted.borrow_mut().push(Fitted { guess: guess.to_vec(), latent_mask: latent_mask.to_vec() });
        let rows = guess.chunks_exact(self.seq_len());
        rows.flat_map(|row| [row.iter().sum::<u32>() as f32 + 10.0, row[0] as f32 + 10.0]).collect()
    }

    fn graph(&self) -> Option<&DependencyGraph> {
        self.graph.as_ref()
    }

    fn predict(&self, query: Query<'_>) -> Prediction {
        let call = Call { xt: query.xt.to_vec(), t: query.t.to_vec(), z: query.z.to_vec() };
        let rows = query.xt.chunks_exact(self.seq_len()).enumerate();
        let logits = rows.flat_map(|(row, xt)| {
            let z = call.latent(row);
            (0..).zip(&self.logits).map(move |(i, logit)| logit + self.mixed(i, xt, z))
        });
        let logits: Vec<f32> = logits.collect();
        self.calls.borrow_mut().push(call);
        logits.into()
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

/// A chain of six tokens with three values each, none of them certain.
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

/// As [`table`], with tokens that depend on each other and on a latent of two values.
pub(crate) fn mixing_table(redraws: bool) -> Table {
    Table { mixes: true, latent: 2, redraws, ..table() }
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

pub(crate) fn masks(row: &[u32]) -> usize {
    row.iter().filter(|&&token| token == MASK).count()
}

pub(crate) fn of(config: SamplerConfig) -> Sampler {
    Sampler::new(config)
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
