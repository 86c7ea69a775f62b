//! Records the states of a sequence while it is filled.

use vmd::kernels::softmax_f64;
use vmd::sampler::{Observer, Prediction, Query};

/// A sequence at one time.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Frame {
    /// Tokens, `[seq]`.
    pub(super) tokens: Vec<u32>,
    /// Probability of each token when it was set, `[seq]`; 1 for clues.
    pub(super) confidence: Vec<f64>,
}

/// Records the evaluations of one sequence.
#[derive(Debug)]
pub(super) struct Recorder {
    vocab: usize,
    /// Tokens and logits of every evaluation.
    evaluations: Vec<(Vec<u32>, Vec<f32>)>,
}

impl Recorder {
    pub(super) fn new(vocab: usize) -> Self {
        Self { vocab, evaluations: Vec::new() }
    }

    /// The sequence before every evaluation, and `last`, the final sequence.
    pub(super) fn frames(self, last: &[u32]) -> Vec<Frame> {
        let Self { vocab, evaluations } = self;
        let mask = vocab as u32;
        let mut frames: Vec<Frame> = Vec::new();
        for tokens in evaluations.iter().map(|(tokens, _)| tokens.as_slice()).chain([last]) {
            // A search changes branches. Each step is compared with the fullest earlier sequence
            // that agrees with it.
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

impl Observer for Recorder {
    fn on_evaluation(&mut self, query: &Query<'_>, prediction: &Prediction) {
        self.evaluations.push((query.xt.to_vec(), prediction.logits.clone()));
    }
}
