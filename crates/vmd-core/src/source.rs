//! What every source of training examples offers.

/// Examples by number: example `index` is a pure function of the source (its seed included) and the index.
///
/// The position of a data stream is therefore one integer to save, and workers need no shared state.
pub trait DataSource: Send + Sync {
    /// Number of tokens of every example.
    fn seq_len(&self) -> usize;

    /// Number of token values; tokens are `0..vocab`.
    fn vocab(&self) -> usize;

    /// Writes example `index` into `tokens`.
    ///
    /// # Shapes
    /// `tokens` is `[seq_len]`.
    ///
    /// # Panics
    /// If `tokens` has another length.
    fn fill(&self, index: u64, tokens: &mut [u32]);

    /// Sets `clues` at the tokens of example `index` that are given whenever it is trained on, as the clues of a puzzle are.
    /// Nothing is given by default.
    ///
    /// # Shapes
    /// `clues` is `[seq_len]`, false everywhere.
    ///
    /// # Panics
    /// If something is given and `clues` has another length.
    fn mark_clues(&self, _index: u64, _clues: &mut [bool]) {}
}
