//! Batches of examples from a source.

use rayon::prelude::*;
use vmd_core::DataSource;

/// Consecutive examples.
#[derive(Debug)]
pub(crate) struct Examples {
    /// Clean tokens, `[examples, seq]`.
    pub(crate) tokens: Vec<u32>,
    /// Whether each token is a clue, `[examples, seq]`.
    pub(crate) clues: Vec<bool>,
}

impl Examples {
    /// Reads the examples `indices` of `data`.
    pub(crate) fn of(data: &dyn DataSource, indices: impl Iterator<Item = u64>) -> Self {
        let (seq, indices) = (data.seq_len(), indices.collect::<Vec<_>>());
        let (mut tokens, mut clues) = (vec![0; indices.len() * seq], vec![false; indices.len() * seq]);
        let rows = tokens.par_chunks_exact_mut(seq).zip(clues.par_chunks_exact_mut(seq));
        rows.zip(&indices).for_each(|((tokens, clues), &index)| {
            data.fill(index, tokens);
            data.mark_clues(index, clues);
        });
        Self { tokens, clues }
    }
}

/// The tokens of the first `n` examples of `data`, `[n, seq]`.
pub(crate) fn first_tokens(data: &dyn DataSource, n: usize) -> Vec<u32> {
    let seq = data.seq_len();
    let mut tokens = vec![0; n * seq];
    tokens.chunks_exact_mut(seq).zip(0..).for_each(|(row, index)| data.fill(index, row));
    tokens
}
