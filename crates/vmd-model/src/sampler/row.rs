//! One sequence that is being filled.

use rand_chacha::ChaCha8Rng;

/// A sequence with its own random stream, latent and count of evaluations.
#[derive(Debug)]
pub(super) struct Row {
    pub tokens: Vec<u32>,
    pub rng: ChaCha8Rng,
    pub z: Vec<f32>,
    pub nfe: usize,
    /// Tokens to reveal in each step, for rules that count.
    pub counts: Vec<usize>,
    /// Positions chosen before the network was asked.
    pub chosen: Vec<usize>,
    mask_token: u32,
}

impl Row {
    pub(super) fn new(tokens: &[u32], mask_token: u32, rng: ChaCha8Rng) -> Self {
        Self {
            tokens: tokens.to_vec(),
            rng,
            z: Vec::new(),
            nfe: 0,
            counts: Vec::new(),
            chosen: Vec::new(),
            mask_token,
        }
    }

    pub(super) fn masked(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.tokens.len()).filter(|&i| self.tokens[i] == self.mask_token)
    }

    pub(super) fn n_masked(&self) -> usize {
        self.masked().count()
    }

    pub(super) fn is_done(&self) -> bool {
        !self.tokens.contains(&self.mask_token)
    }
}
