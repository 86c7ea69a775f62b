//! Input and output of a sampler.

use rand::rngs::ChaCha8Rng;
use vmd_core::{Purpose, keyed_rng};

use crate::row::Row;
use crate::{Checker, Predictor};

/// Rows to fill.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// Tokens, `[rows, seq]`. Mask tokens are filled; all others are clues and stay unchanged.
    pub xt: &'a [u32],
    /// Seed of all random numbers.
    pub seed: u64,
    /// Keys of the rows' random streams; empty for `0, 1, …`.
    pub numbers: &'a [usize],
    /// The rules of the data, if known.
    pub checker: Option<&'a dyn Checker>,
}

impl<'a> Request<'a> {
    /// A request without rules, with rows numbered from 0.
    pub fn new(xt: &'a [u32], seed: u64) -> Self {
        Self { xt, seed, numbers: &[], checker: None }
    }

    /// Sets the rules of the data.
    #[must_use]
    pub fn checked(self, checker: &'a dyn Checker) -> Self {
        Self { checker: Some(checker), ..self }
    }

    /// Sets the row numbers: row `i` is filled as row `numbers[i]` of a larger request.
    #[must_use]
    pub fn numbered(self, numbers: &'a [usize]) -> Self {
        Self { numbers, ..self }
    }

    /// Checks the tokens and returns the number of rows.
    pub(crate) fn n_rows(&self, model: &dyn Predictor) -> usize {
        let (seq, mask_token) = (model.seq_len(), model.vocab() as u32);
        assert!(self.xt.len().is_multiple_of(seq), "xt holds whole sequences of {seq} tokens");
        assert!(
            self.xt.iter().all(|&token| token <= mask_token),
            "tokens are at most {mask_token}, the mask token"
        );
        self.xt.len() / seq
    }

    /// Row `i`, for one attempt.
    pub(crate) fn row(&self, model: &dyn Predictor, i: usize, attempt: usize) -> Row {
        let seq = model.seq_len();
        Row::new(i, &self.xt[i * seq..(i + 1) * seq], model.vocab() as u32, self.stream(i, attempt))
    }

    fn stream(&self, i: usize, attempt: usize) -> ChaCha8Rng {
        let number = self.numbers.get(i).copied().unwrap_or(i);
        let mut rng = keyed_rng(self.seed, number as u64, Purpose::Sample);
        // Streams of one key never overlap; a generator starts with stream 0.
        rng.set_stream(attempt as u64);
        rng
    }
}

/// Filled sequences and their cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleOutput {
    /// Tokens, `[rows, seq]`.
    pub tokens: Vec<u32>,
    /// Network evaluations of each row, over all its attempts.
    pub nfe: Vec<usize>,
}

impl SampleOutput {
    /// The evaluations as floating-point numbers.
    pub fn nfe_values(&self) -> Vec<f64> {
        self.nfe.iter().map(|&nfe| nfe as f64).collect()
    }

    /// Mean number of network evaluations per sequence.
    pub fn mean_nfe(&self) -> f64 {
        self.nfe.iter().sum::<usize>() as f64 / self.nfe.len().max(1) as f64
    }
}
