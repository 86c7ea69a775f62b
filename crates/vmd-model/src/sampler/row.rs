//! One sequence that is being filled.

use std::ops::Range;

use rand_chacha::ChaCha8Rng;

use super::RowPrediction;
use super::probabilities::{argmax, softmax};
use super::search::Search;
use crate::Scope;

/// A sequence with its own random stream, latent and count of evaluations.
#[derive(Debug)]
pub(super) struct Row {
    pub tokens: Vec<u32>,
    pub rng: ChaCha8Rng,
    pub z: Vec<f32>,
    pub nfe: usize,
    /// Positions of the current block that are no clues.
    pub free: Vec<usize>,
    /// The current block.
    pub block: Range<usize>,
    /// Tokens to reveal in each step, for rules that count.
    pub counts: Vec<usize>,
    /// Positions chosen before the network was asked.
    pub chosen: Vec<usize>,
    /// Positions that this step masks again.
    pub taken_back: Vec<usize>,
    /// How sure each token was when it was predicted; for rules that rank tokens.
    pub surety: Vec<f64>,
    /// The row with the most probable values in place of its masks.
    pub guess: Vec<u32>,
    /// What else there is to try.
    pub search: Search,
    /// Its number among the caller's rows.
    pub index: usize,
    mask_token: u32,
}

impl Row {
    pub(super) fn new(index: usize, tokens: &[u32], mask_token: u32, rng: ChaCha8Rng) -> Self {
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
            guess: Vec::new(),
            search: Search::default(),
            mask_token,
        }
    }

    /// Starts a block: what is still masked in it is free.
    pub(super) fn enter(&mut self, block: Range<usize>) {
        self.block = block.clone();
        self.free = block.filter(|&i| self.is_masked(i)).collect();
        self.search = Search::default();
    }

    pub(super) fn mask_token(&self) -> u32 {
        self.mask_token
    }

    pub(super) fn is_masked(&self, position: usize) -> bool {
        self.tokens[position] == self.mask_token
    }

    pub(super) fn masked(&self) -> impl Iterator<Item = usize> + '_ {
        self.free.iter().copied().filter(|&i| self.is_masked(i))
    }

    pub(super) fn n_masked(&self) -> usize {
        self.masked().count()
    }

    /// Masks the tokens that were taken back.
    pub(super) fn mask_again(&mut self) {
        for position in std::mem::take(&mut self.taken_back) {
            self.tokens[position] = self.mask_token;
        }
    }

    /// 1 for the tokens that a latent of `scope` is for if nothing is known of them.
    pub(super) fn covered(&self, scope: Scope) -> Vec<u32> {
        let covers = |i: &usize| scope != Scope::Block || self.block.contains(i);
        (0..self.tokens.len()).map(|i| u32::from(covers(&i))).collect()
    }

    /// Guesses the most probable values where something is masked.
    pub(super) fn guess_from(&mut self, prediction: RowPrediction<'_>) {
        // Where nothing is masked the network was never trained: the token itself is the guess.
        let best = |i| argmax(&softmax(prediction.logits(i), 1.0)) as u32;
        let guess = |i| if self.is_masked(i) { best(i) } else { self.tokens[i] };
        self.guess = (0..self.tokens.len()).map(guess).collect();
    }

    /// What is revealed, and the guess elsewhere.
    pub(super) fn finished_guess(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.tokens.len()).map(|i| if self.is_masked(i) { self.guess[i] } else { self.tokens[i] })
    }
}
