//! Angles of rotary position embeddings.

use std::ops::Range;
use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData};

/// Cosines and sines of rotary angles: position `p` rotates pair `i` of `n` channel pairs by
/// `p / 10000^(i/n)`.
#[derive(Debug, Clone)]
pub struct RotaryTable {
    /// `[seq, channels / 2]`.
    cos: Arc<[f32]>,
    sin: Arc<[f32]>,
    half: usize,
}

impl RotaryTable {
    /// The table for tokens at `positions` and heads of `channels` channels, an even number.
    pub fn new(positions: Range<usize>, channels: usize) -> Self {
        let half = channels / 2;
        let frequency = |pair: usize| 10_000f64.powf(pair as f64 / half.max(1) as f64).recip();
        let table = |f: fn(f64) -> f64| -> Arc<[f32]> {
            let of_position = |p: usize| (0..half).map(move |pair| f(p as f64 * frequency(pair)) as f32);
            positions.clone().flat_map(of_position).collect()
        };
        Self { cos: table(f64::cos), sin: table(f64::sin), half }
    }

    /// Number of positions.
    pub fn seq(&self) -> usize {
        self.cos.len() / self.half.max(1)
    }

    /// Channels of a head.
    pub fn channels(&self) -> usize {
        2 * self.half
    }

    /// Cosines and sines of one token.
    #[cfg(feature = "flex")]
    pub(crate) fn at(&self, token: usize) -> (&[f32], &[f32]) {
        let of = token * self.half..(token + 1) * self.half;
        (&self.cos[of.clone()], &self.sin[of])
    }

    /// Both tables on a device, `[1, seq, 1, channels / 2]`.
    pub(crate) fn tensors(&self, device: &Device) -> [Tensor<4>; 2] {
        [&self.cos, &self.sin].map(|table| {
            Tensor::from_data(TensorData::new(table.to_vec(), [1, self.seq(), 1, self.half]), device)
        })
    }
}
