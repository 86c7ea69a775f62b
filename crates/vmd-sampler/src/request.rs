//! What a sampler is given, and what it returns.

use rand_chacha::ChaCha8Rng;
use vmd_core::{Purpose, keyed_rng};

use crate::row::Row;
use crate::{Checker, Predictor};

/// Rows to fill.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// Tokens, `[rows, seq]`; mask tokens are filled, all others are clues and stay as they are.
    pub xt: &'a [u32],
    /// Seed of every draw.
    pub seed: u64,
    /// Numbers that key the rows' random streams, where they are not `0, 1, …`.
    pub numbers: &'a [usize],
    /// The rules of the data, where they are known.
    pub checker: Option<&'a dyn Checker>,
}

impl<'a> Request<'a> {
    /// Rows without rules, numbered from 0.
    pub fn new(xt: &'a [u32], seed: u64) -> Self {
        Self { xt, seed, numbers: &[], checker: None }
    }

    /// The same with rules.
    #[must_use]
    pub fn checked(self, checker: &'a dyn Checker) -> Self {
        Self { checker: Some(checker), ..self }
    }

    /// The same with other numbers: row `i` is filled as row `numbers[i]` of a larger request.
    #[must_use]
    pub fn numbered(self, numbers: &'a [usize]) -> Self {
        Self { numbers, ..self }
    }

    /// Checks the tokens, and counts the rows.
    pub(crate) fn n_rows(&self, model: &dyn Predictor) -> usize {
        let (seq, mask_token) = (model.seq_len(), model.vocab() as u32);
        assert!(self.xt.len().is_multiple_of(seq), "xt holds whole sequences of {seq} tokens");
        assert!(
            self.xt.iter().all(|&token| token <= mask_token),
            "tokens are at most {mask_token}, the mask token"
        );
        self.xt.len() / seq
    }

    /// Row `i` for one attempt at it.
    pub(crate) fn row(&self, model: &dyn Predictor, i: usize, attempt: usize) -> Row {
        let seq = model.seq_len();
        Row::new(i, &self.xt[i * seq..(i + 1) * seq], model.vocab() as u32, self.stream(i, attempt))
    }

    fn stream(&self, i: usize, attempt: usize) -> ChaCha8Rng {
        let number = self.numbers.get(i).copied().unwrap_or(i);
        let mut rng = keyed_rng(self.seed, number as u64, Purpose::Sample);
        // Streams of one key never overlap, and 0 is the one that a generator starts with.
        rng.set_stream(attempt as u64);
        rng
    }
}

/// Finished sequences and what they cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleOutput {
    /// Tokens, `[rows, seq]`.
    pub tokens: Vec<u32>,
    /// Network evaluations that each row took part in, in all its attempts.
    pub nfe: Vec<usize>,
}

impl SampleOutput {
    /// The evaluations as numbers to average.
    pub fn nfe_values(&self) -> Vec<f64> {
        self.nfe.iter().map(|&nfe| nfe as f64).collect()
    }

    /// Mean number of network evaluations per sequence.
    pub fn mean_nfe(&self) -> f64 {
        self.nfe.iter().sum::<usize>() as f64 / self.nfe.len().max(1) as f64
    }
}
