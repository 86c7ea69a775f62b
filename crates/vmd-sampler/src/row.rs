//! A sequence that is being filled.

use std::ops::Range;

use rand::rngs::ChaCha8Rng;

use crate::RowPrediction;
use crate::probabilities::{argmax, softmax};

/// A sequence with its random stream, latent and number of evaluations.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) tokens: Vec<u32>,
    pub(crate) rng: ChaCha8Rng,
    pub(crate) z: Vec<f32>,
    pub(crate) nfe: usize,
    /// Positions of the current block that are not clues.
    pub(crate) free: Vec<usize>,
    /// The current block.
    pub(crate) block: Range<usize>,
    /// Tokens to reveal in each step, for rules with a fixed count.
    pub(crate) counts: Vec<usize>,
    /// Positions chosen before the network is evaluated.
    pub(crate) chosen: Vec<usize>,
    /// Positions that this step masks again.
    pub(crate) taken_back: Vec<usize>,
    /// Score of each token when it was predicted, for rules that rank tokens.
    pub(crate) surety: Vec<f64>,
    /// Index of the row in the request.
    pub(crate) index: usize,
    mask_token: u32,
}

impl Row {
    pub(crate) fn new(index: usize, tokens: &[u32], mask_token: u32, rng: ChaCha8Rng) -> Self {
        Self {
            index,
            tokens: tokens.to_vec(),
            rng,
            z: Vec::new(),
            nfe: 0,
            free: Vec::new(),
            block: 0..tokens.len(),
            counts: Vec::new(),
            chosen: Vec::new(),
            taken_back: Vec::new(),
            surety: vec![0.0; tokens.len()],
            mask_token,
        }
    }

    /// Starts a block; its masked positions become free.
    pub(crate) fn enter(&mut self, block: Range<usize>) {
        self.block = block.clone();
        self.free = block.filter(|&i| self.is_masked(i)).collect();
    }

    pub(crate) fn mask_token(&self) -> u32 {
        self.mask_token
    }

    pub(crate) fn is_masked(&self, position: usize) -> bool {
        self.tokens[position] == self.mask_token
    }

    /// Masked positions of the current block.
    pub(crate) fn masked(&self) -> impl Iterator<Item = usize> + '_ {
        self.free.iter().copied().filter(|&i| self.is_masked(i))
    }

    /// Number of masked tokens of the current block.
    pub(crate) fn n_masked(&self) -> usize {
        self.masked().count()
    }

    /// Whether no token of any block is masked.
    pub(crate) fn is_filled(&self) -> bool {
        !self.tokens.contains(&self.mask_token)
    }

    /// Masks the tokens in `taken_back`.
    pub(crate) fn mask_again(&mut self) {
        for position in std::mem::take(&mut self.taken_back) {
            self.tokens[position] = self.mask_token;
        }
    }

    /// 1 for the tokens that the latent of the block covers, including clues.
    pub(crate) fn covered(&self) -> Vec<u32> {
        (0..self.tokens.len()).map(|i| u32::from(self.block.contains(&i))).collect()
    }

    /// The tokens, with the most probable values instead of masks.
    pub(crate) fn guess(&self, prediction: RowPrediction<'_>) -> Vec<u32> {
        let best = |i| argmax(&softmax(prediction.logits(i), 1.0)) as u32;
        (0..self.tokens.len()).map(|i| if self.is_masked(i) { best(i) } else { self.tokens[i] }).collect()
    }
}
