//! What a model is asked and answers on the way to a solution.

use std::cell::RefCell;

use rand_chacha::ChaCha8Rng;
use vmd::graph::DependencyGraph;
use vmd::kernels::softmax_f64;
use vmd::latent::LatentRows;
use vmd::model::{Prediction, Query, Scope, TokenPredictor, VmdModel};

/// One sequence at one time.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Frame {
    /// Its tokens, `[seq]`.
    pub(super) tokens: Vec<u32>,
    /// How probable each of them was when it appeared, `[seq]`; 1 for clues.
    pub(super) confidence: Vec<f64>,
}

/// A model that remembers the evaluations of one sequence.
#[derive(Debug)]
pub(super) struct Recorder<'a> {
    model: &'a VmdModel,
    /// Tokens and logits of every evaluation.
    evaluations: RefCell<Vec<(Vec<u32>, Vec<f32>)>>,
}

impl<'a> Recorder<'a> {
    pub(super) fn new(model: &'a VmdModel) -> Self {
        Self { model, evaluations: RefCell::default() }
    }

    /// The sequence before every evaluation, and `last`, what became of it.
    pub(super) fn frames(self, last: &[u32]) -> Vec<Frame> {
        let evaluations = self.evaluations.into_inner();
        let (vocab, mask) = (self.model.vocab(), self.model.vocab() as u32);
        let mut frames: Vec<Frame> = Vec::new();
        for tokens in evaluations.iter().map(|(tokens, _)| tokens.as_slice()).chain([last]) {
            // A search jumps: what it goes on from is the fullest sequence so far that agrees with this one.
            let agrees = |from: &[u32]| from.iter().zip(tokens).all(|(a, b)| a == b || *a == mask);
            let n_open = |from: &[u32]| from.iter().filter(|&&token| token == mask).count();
            let from = (0..frames.len()).filter(|&i| agrees(&evaluations[i].0));
            let from = from.min_by_key(|&i| n_open(&evaluations[i].0));
            let confidence = |i: usize| match from {
                Some(from) if evaluations[from].0[i] == tokens[i] => frames[from].confidence[i],
                Some(from) => {
                    let logits = &evaluations[from].1[i * vocab..(i + 1) * vocab];
                    let mut probabilities = Vec::new();
                    softmax_f64(logits, 1.0, &mut probabilities);
                    probabilities.get(tokens[i] as usize).copied().unwrap_or(1.0)
                }
                None => 1.0,
            };
            let confidence = (0..tokens.len()).map(confidence).collect();
            frames.push(Frame { tokens: tokens.to_vec(), confidence });
        }
        frames
    }
}

impl TokenPredictor for Recorder<'_> {
    fn vocab(&self) -> usize {
        self.model.vocab()
    }

    fn seq_len(&self) -> usize {
        self.model.seq_len()
    }

    fn n_blocks(&self) -> usize {
        self.model.n_blocks()
    }

    fn latent_scope(&self) -> Scope {
        self.model.latent_scope()
    }

    fn draw_latent(&self, rows: &[usize], xt: &[u32], rngs: &mut [&mut ChaCha8Rng]) -> LatentRows {
        self.model.draw_latent(rows, xt, rngs)
    }

    fn infer_latent(
        &self,
        rows: &[usize],
        x0: &[u32],
        tied: &[u32],
        rngs: &mut [&mut ChaCha8Rng],
    ) -> Option<LatentRows> {
        self.model.infer_latent(rows, x0, tied, rngs)
    }

    fn fits_latents(&self) -> bool {
        self.model.fits_latents()
    }

    fn redraw_latent(
        &self,
        rows: &[usize],
        xt: &[u32],
        z: &LatentRows,
        rngs: &mut [&mut ChaCha8Rng],
    ) -> Option<LatentRows> {
        self.model.redraw_latent(rows, xt, z, rngs)
    }

    fn graph(&self) -> Option<&DependencyGraph> {
        TokenPredictor::graph(self.model)
    }

    fn predict(&self, query: Query<'_>) -> Prediction {
        let prediction = self.model.predict(query);
        self.evaluations.borrow_mut().push((query.xt.to_vec(), prediction.logits.clone()));
        prediction
    }
}
