//! Rows of tokens in memory.

use std::sync::Arc;

use thiserror::Error;
use vmd_core::DataSource;

use crate::text::Permutation;

/// One of this many rows is held out for validation.
const HELD_OUT: usize = 10;

/// Rows that cannot be used for training.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RowsError {
    /// The training or the validation split would be empty.
    #[error("{rows} rows are too few; training and validation need one each")]
    TooFew {
        /// Number of rows.
        rows: usize,
    },
    /// The first row has no tokens.
    #[error("row 0 is empty; leave empty rows out")]
    Empty,
    /// A row has another length than the first one.
    #[error("row {row} has {len} tokens, and row 0 has {seq_len}; pad the rows to one length, or cut them")]
    Length {
        /// The row.
        row: usize,
        /// Its length.
        len: usize,
        /// Length of the first row.
        seq_len: usize,
    },
    /// A token is not below the size of the vocabulary.
    #[error("row {row} has the token {token}, and the vocabulary has {vocab} values; tokens are 0..{vocab}")]
    Token {
        /// The row.
        row: usize,
        /// The token.
        token: u32,
        /// Number of token values.
        vocab: usize,
    },
}

/// The training or validation split of rows in memory.
///
/// In training, every epoch visits all rows of the split once, in a new order. In validation, the
/// order is fixed.
///
/// ```
/// use vmd_core::DataSource;
/// use vmd_data::RowSource;
/// let rows: Vec<Vec<u32>> = (0..20).map(|i| vec![i % 5; 3]).collect();
/// let (training, validation) = RowSource::split(&rows, 5, 1)?;
/// assert_eq!((training.len(), validation.len()), (18, 2));
/// let mut tokens = [0; 3];
/// validation.fill(0, &mut tokens);
/// assert_eq!(tokens, [4, 4, 4]); // row 9
/// # Ok::<(), vmd_data::RowsError>(())
/// ```
#[derive(Debug, Clone)]
pub struct RowSource {
    /// `[rows, seq_len]`.
    tokens: Arc<[u32]>,
    seq_len: usize,
    vocab: usize,
    /// Seed of the training order; `None` for validation.
    seed: Option<u64>,
}

impl RowSource {
    /// Splits `rows`, whose tokens are `0..vocab`, into training and validation. Every tenth row is
    /// held out for validation; of fewer than ten rows, the last one. `seed` determines the
    /// training order.
    ///
    /// # Errors
    ///
    /// [`RowsError`] if there are fewer than two rows, if they differ in length, or if a token is
    /// not below `vocab`.
    pub fn split(rows: &[Vec<u32>], vocab: usize, seed: u64) -> Result<(Self, Self), RowsError> {
        let seq_len = check(rows, vocab)?;
        let is_held_out = |row: usize| row % HELD_OUT == HELD_OUT - 1 || row + 1 == rows.len().min(HELD_OUT);
        let part = |held_out: bool| {
            let rows = rows.iter().enumerate().filter(|(row, _)| is_held_out(*row) == held_out);
            rows.flat_map(|(_, tokens)| tokens).copied().collect()
        };
        let source =
            |held_out| Self { tokens: part(held_out), seq_len, vocab, seed: (!held_out).then_some(seed) };
        Ok((source(false), source(true)))
    }

    /// Number of rows of the split.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "an empty part is refused")]
    pub fn len(&self) -> usize {
        self.tokens.len() / self.seq_len
    }
}

impl DataSource for RowSource {
    fn seq_len(&self) -> usize {
        self.seq_len
    }

    fn vocab(&self) -> usize {
        self.vocab
    }

    fn fill(&self, index: u64, tokens: &mut [u32]) {
        let len = self.len() as u64;
        let (epoch, place) = (index / len, index % len);
        let row = self.seed.map_or(place, |seed| Permutation::new(len, seed, epoch).at(place)) as usize;
        tokens.copy_from_slice(&self.tokens[row * self.seq_len..(row + 1) * self.seq_len]);
    }
}

/// Checks the rows, and returns their length.
fn check(rows: &[Vec<u32>], vocab: usize) -> Result<usize, RowsError> {
    if rows.len() < 2 {
        return Err(RowsError::TooFew { rows: rows.len() });
    }
    let seq_len = rows[0].len();
    if seq_len == 0 {
        return Err(RowsError::Empty);
    }
    for (row, tokens) in rows.iter().enumerate() {
        if tokens.len() != seq_len {
            return Err(RowsError::Length { row, len: tokens.len(), seq_len });
        }
        if let Some(&token) = tokens.iter().find(|&&token| token as usize >= vocab) {
            return Err(RowsError::Token { row, token, vocab });
        }
    }
    Ok(seq_len)
}
