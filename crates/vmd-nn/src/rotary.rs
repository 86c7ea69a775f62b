//! Rotary positions.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};

/// Turns pairs of channels of queries and keys by an angle that grows with the position (arXiv 2104.09864).
#[derive(Module, Debug)]
pub struct Rotary {
    cos: Tensor<4>,
    sin: Tensor<4>,
}

impl Rotary {
    /// For sequences of `seq` tokens and heads of `channels` channels (an even number).
    pub fn new(seq: usize, channels: usize, device: &Device) -> Self {
        let half = channels / 2;
        let angle =
            |position: usize, pair: usize| position as f64 / 10_000f64.powf(pair as f64 / half.max(1) as f64);
        let table = |f: fn(f64) -> f64| {
            let values: Vec<f32> = (0..seq * half).map(|i| f(angle(i / half, i % half)) as f32).collect();
            Tensor::from_data(TensorData::new(values, [1, 1, seq, half]), device)
        };
        Self { cos: table(f64::cos), sin: table(f64::sin) }
    }

    /// Turns `x`, `[batch, heads, seq, channels]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let halves = x.chunk(2, 3);
        let (a, b) = (halves[0].clone(), halves[1].clone());
        let (cos, sin) = (self.cos.clone(), self.sin.clone());
        Tensor::cat(vec![a.clone() * cos.clone() - b.clone() * sin.clone(), a * sin + b * cos], 3)
    }
}
