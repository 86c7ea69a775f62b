//! The trait for sources of training examples.

/// Training examples, addressed by index.
///
/// Example `index` is a pure function of the source (including its seed) and the index. A single
/// integer therefore gives the position in a data stream, and workers share no state.
pub trait DataSource: Send + Sync {
    /// Returns the number of tokens of every example.
    fn seq_len(&self) -> usize;

    /// Returns the vocabulary size; tokens are in `0..vocab`.
    fn vocab(&self) -> usize;

    /// Writes example `index` into `tokens`.
    ///
    /// # Shapes
    /// `tokens` is `[seq_len]`.
    ///
    /// # Panics
    /// If `tokens` has another length.
    fn fill(&self, index: u64, tokens: &mut [u32]);

    /// Sets `clues` to true at the tokens of example `index` that are given in every training
    /// step, such as the clues of a puzzle.
    ///
    /// The default implementation marks no tokens.
    ///
    /// # Shapes
    /// `clues` is `[seq_len]` and must be false everywhere.
    ///
    /// # Panics
    /// If the example has clues and `clues` has another length.
    fn mark_clues(&self, _index: u64, _clues: &mut [bool]) {}
}
