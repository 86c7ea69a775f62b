//! The interface of sources of training examples.

/// Training examples by index.
///
/// Example `index` is a pure function of the source (including its seed) and the index. The position in a data stream
/// is therefore a single integer, and workers share no state.
pub trait DataSource: Send + Sync {
    /// Number of tokens of every example.
    fn seq_len(&self) -> usize;

    /// Vocabulary size; tokens are in `0..vocab`.
    fn vocab(&self) -> usize;

    /// Writes example `index` into `tokens`.
    ///
    /// # Shapes
    /// `tokens` is `[seq_len]`.
    ///
    /// # Panics
    /// If `tokens` has another length.
    fn fill(&self, index: u64, tokens: &mut [u32]);

    /// Sets `clues` at the tokens of example `index` that are given in every training step, such as the clues of a
    /// puzzle.
    ///
    /// By default no tokens are given.
    ///
    /// # Shapes
    /// `clues` is `[seq_len]`, false everywhere.
    ///
    /// # Panics
    /// If the example has clues and `clues` has another length.
    fn mark_clues(&self, _index: u64, _clues: &mut [bool]) {}
}
