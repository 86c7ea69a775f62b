//! Batches of examples from a source.

use vmd_data::source::DataSource;

/// Examples, one after the other.
#[derive(Debug, Default)]
pub(crate) struct Examples {
    /// Clean tokens, `[examples, seq]`.
    pub(crate) tokens: Vec<u32>,
    /// Whether each of them is given, `[examples, seq]`.
    pub(crate) clues: Vec<bool>,
}

impl Examples {
    /// Examples `indices` of `data`.
    pub(crate) fn of(data: &dyn DataSource, indices: impl Iterator<Item = u64>) -> Self {
        let seq = data.seq_len();
        let mut examples = Self::default();
        for (row, index) in indices.enumerate() {
            examples.tokens.resize((row + 1) * seq, 0);
            examples.clues.resize((row + 1) * seq, false);
            data.fill(index, &mut examples.tokens[row * seq..]);
            data.mark_clues(index, &mut examples.clues[row * seq..]);
        }
        examples
    }
}

/// The tokens of the first `n` examples of `data`, `[n, seq]`.
pub(crate) fn first_tokens(data: &dyn DataSource, n: usize) -> Vec<u32> {
    let seq = data.seq_len();
    let mut tokens = vec![0; n * seq];
    tokens.chunks_exact_mut(seq).zip(0..).for_each(|(row, index)| data.fill(index, row));
    tokens
}
