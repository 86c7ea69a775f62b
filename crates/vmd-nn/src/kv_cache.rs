//! Keys and values of earlier tokens.

use std::ops::Range;

use burn::tensor::{Int, Tensor, TensorData};
use vmd_kernels::{KeyRanges, Keys};

/// Keys and values of tokens in every attention layer of a trunk. Each layer is
/// `[batch, n, channels]`, and its last channels are keys and values.
#[derive(Debug, Clone)]
pub struct KeysValues {
    layers: Vec<Tensor<3>>,
}

impl KeysValues {
    pub(crate) fn new(layers: Vec<Tensor<3>>) -> Self {
        Self { layers }
    }

    pub(crate) fn layer(&self, index: usize) -> Tensor<3> {
        self.layers[index].clone()
    }

    /// Number of tokens.
    pub fn n_tokens(&self) -> usize {
        self.layers.first().map_or(0, |layer| layer.dims()[1])
    }

    /// Drops all channels except keys and values.
    #[must_use]
    pub fn compact(&self, width: usize) -> Self {
        self.map(|layer| {
            let channels = layer.dims()[2];
            layer.narrow(2, channels - 2 * width, 2 * width)
        })
    }

    /// Appends the later tokens `after` and keeps the last `n` tokens; both must be compact.
    #[must_use]
    pub fn extended(self, after: Self, n: usize) -> Self {
        let layers = self
            .layers
            .into_iter()
            .zip(after.layers)
            .map(|(before, after)| Tensor::cat(vec![before, after], 1));
        Self { layers: layers.collect() }.last(n)
    }

    /// The last `n` tokens, or all if there are fewer.
    #[must_use]
    pub fn last(self, n: usize) -> Self {
        let len = self.n_tokens();
        if len <= n { self } else { self.map(|layer| layer.narrow(1, len - n, n)) }
    }

    /// Selects sequences of the batch.
    #[must_use]
    pub fn select(&self, rows: &[usize]) -> Self {
        let rows: Vec<i32> = rows.iter().map(|&row| row as i32).collect();
        self.map(|layer| {
            let rows = Tensor::<1, Int>::from_data(TensorData::from(&rows[..]), &layer.device());
            layer.select(0, rows)
        })
    }

    /// Repeats the batch `n` times.
    #[must_use]
    pub fn repeat(&self, n: usize) -> Self {
        self.map(|layer| layer.repeat_dim(0, n))
    }

    /// Detaches from autodiff.
    #[must_use]
    pub fn inner(&self) -> Self {
        self.map(Tensor::inner)
    }

    fn map(&self, f: impl FnMut(Tensor<3>) -> Tensor<3>) -> Self {
        Self { layers: self.layers.iter().cloned().map(f).collect() }
    }
}

/// Attention mask of tokens that are processed block by block.
///
/// A token attends to its own block and to up to `window` tokens before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockMask {
    /// Tokens of a block.
    pub block_len: usize,
    /// Maximum number of tokens before its block that a token attends to.
    pub window: usize,
}

impl BlockMask {
    /// Key ranges of clean tokens at positions `own` (whole blocks). A token attends to the tokens
    /// of `own` up to the end of its block and to the `past_len` tokens before `own`, both within
    /// the window.
    pub fn clean(&self, past_len: usize, own: Range<usize>) -> KeyRanges {
        let before = own.start - past_len;
        self.ranges(past_len, own.clone(), |seen| {
            let split = |position: usize| position.clamp(before, own.start) - before;
            let keys = seen.start.max(own.start) - own.start..seen.end - own.start;
            Keys { past: split(seen.start)..past_len, own: keys }
        })
    }

    /// Key ranges of noisy tokens at positions `own` (whole blocks). A token attends to its own
    /// block and to the clean tokens at positions `past` before this block, within the window.
    pub fn noisy(&self, past: Range<usize>, own: Range<usize>) -> KeyRanges {
        self.ranges(past.len(), own.clone(), |seen| {
            let block = seen.end - self.block_len;
            let split = |position: usize| position.clamp(past.start, past.end) - past.start;
            Keys { past: split(seen.start)..split(block), own: block - own.start..seen.end - own.start }
        })
    }

    /// Calls `keys` with the positions that each query attends to, which end with the query's
    /// block.
    fn ranges(&self, past_len: usize, own: Range<usize>, keys: impl Fn(Range<usize>) -> Keys) -> KeyRanges {
        KeyRanges::new(
            past_len,
            own.map(|position| {
                let block = position / self.block_len * self.block_len;
                keys(block.saturating_sub(self.window)..block + self.block_len)
            }),
        )
    }
}
