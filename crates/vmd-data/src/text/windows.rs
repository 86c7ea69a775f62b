//! Windows of a text as examples.

use std::sync::Arc;

use vmd_core::{DataSource, Purpose, index_below, keyed_rng};

use super::{Permutation, Shares, Split, TextError, TokenFile};

/// Windows of `seq_len` tokens of a text's split. The splits are contiguous, in the order training,
/// validation, test.
///
/// In training, every epoch cuts the split at a new offset and visits its windows once each, in a
/// new order; fewer than two windows of tokens at its ends are left out. Otherwise, windows are
/// consecutive from the start of the split. They are visited in a fixed order in which any prefix
/// is spread over the split.
#[derive(Debug, Clone)]
pub struct TextSource {
    tokens: Arc<TokenFile>,
    start: u64,
    end: u64,
    seq_len: usize,
    windows: u64,
    /// Seed of the epochs, or the stride between examples.
    order: Order,
}

#[derive(Debug, Clone, Copy)]
enum Order {
    Shuffled { seed: u64 },
    Spread { stride: u64 },
}

impl TextSource {
    /// Windows of a split. `seed` determines the order of the training epochs and has no effect on
    /// other splits.
    ///
    /// # Errors
    ///
    /// [`TextError::ShortSplit`] if the split is shorter than one window, [`TextError::NoWindow`]
    /// if `seq_len` is 0, and [`TextError::Shares`].
    pub fn new(
        tokens: Arc<TokenFile>,
        split: Split,
        shares: Shares,
        seq_len: usize,
        seed: u64,
    ) -> Result<Self, TextError> {
        let range = shares.range(split, tokens.len())?;
        let (len, window) = (range.end - range.start, seq_len as u64);
        if window == 0 {
            return Err(TextError::NoWindow);
        }
        if len < window {
            let path = tokens.path().to_path_buf();
            return Err(TextError::ShortSplit { path, split, tokens: len, seq_len });
        }
        let (windows, order) = match split {
            // The number of windows that fit at every offset, so that all epochs have the same
            // length.
            Split::Train => (((len + 1) / window).saturating_sub(1).max(1), Order::Shuffled { seed }),
            Split::Validation | Split::Test => (len / window, Order::Spread { stride: stride(len / window) }),
        };
        Ok(Self { tokens, start: range.start, end: range.end, seq_len, windows, order })
    }

    /// Number of windows of the split; in training, per epoch.
    #[must_use]
    pub fn windows(&self) -> u64 {
        self.windows
    }

    /// Position in the text of the first token of an example.
    #[must_use]
    pub fn position(&self, index: u64) -> u64 {
        let (epoch, within) = (index / self.windows, index % self.windows);
        let window = self.seq_len as u64;
        self.start
            + match self.order {
                Order::Shuffled { seed } => {
                    let mut rng = keyed_rng(seed, epoch, Purpose::Data);
                    let spare = self.end - self.start - self.windows * window;
                    let phase = index_below(&mut rng, spare.min(window - 1) as usize + 1) as u64;
                    phase + Permutation::drawn(self.windows, &mut rng).at(within) * window
                }
                Order::Spread { stride } => {
                    let place = u128::from(within) * u128::from(stride) % u128::from(self.windows);
                    place as u64 * window
                }
            }
    }
}

impl DataSource for TextSource {
    fn seq_len(&self) -> usize {
        self.seq_len
    }

    fn vocab(&self) -> usize {
        self.tokens.vocab()
    }

    fn fill(&self, index: u64, tokens: &mut [u32]) {
        assert_eq!(tokens.len(), self.seq_len, "tokens.len() must be seq_len");
        self.tokens.read(self.position(index), tokens);
    }
}

/// A step coprime to `n`, near its golden section, so that any first multiples are spread evenly
/// over `0..n`.
fn stride(n: u64) -> u64 {
    let golden = (n as f64 * 0.618_033_988_749_895).round() as u64;
    (golden.max(1)..).find(|&stride| divisor(stride, n) == 1).unwrap_or(1)
}

/// The greatest common divisor.
fn divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { divisor(b, a % b) }
}
