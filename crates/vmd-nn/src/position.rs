//! Embeddings of tokens and of positions.

use burn::module::{Module, Param};
use burn::tensor::{Int, Tensor, module::embedding};
use serde::{Deserialize, Serialize};
use vmd_kernels::is_fused;

use crate::ParameterInit;

/// How a network encodes positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PositionEncoding {
    /// No encoding: the network is equivariant to every permutation that preserves its attention
    /// masks.
    None,
    /// One learned vector per position.
    #[default]
    Learned,
    /// Rotary positions in every attention layer.
    Rotary,
}

/// Maximum number of rows that backends without fused kernels look up by a product with one-hot
/// rows. The gradient of a gather adds its terms one after the other; that of a product does not.
const MOST_PRODUCT_ROWS: usize = 512;

/// A table with one learned row per index.
#[derive(Module, Debug)]
pub struct Embedding {
    weight: Param<Tensor<2>>,
}

impl Embedding {
    /// Creates `n` rows of `width` channels with unit variance.
    ///
    /// With a smaller variance, token embeddings would be negligible relative to the outputs that
    /// the blocks of a deep, looped trunk add to the residual stream.
    pub fn new(n: usize, width: usize, init: &mut ParameterInit<'_>) -> Self {
        Self { weight: init.uniform([n, width], 1.0) }
    }

    /// Looks rows up: `[batch, seq]` to `[batch, seq, width]`.
    pub fn forward(&self, indices: Tensor<2, Int>) -> Tensor<3> {
        let weight = self.weight.val();
        let ([n, _], device) = (weight.dims(), weight.device());
        if is_fused(&device) || n > MOST_PRODUCT_ROWS {
            return embedding(weight, indices);
        }
        let rows = Tensor::<1, Int>::arange(0..n as i64, &device).reshape([1, 1, n]);
        let [batch, seq] = indices.dims();
        let chosen =
            indices.reshape([batch, seq, 1]).expand([batch, seq, n]).equal(rows.expand([batch, seq, n]));
        chosen.float().cast(weight.dtype()).matmul(weight.unsqueeze())
    }
}

/// A learned vector for every position, added to the tokens' embeddings.
#[derive(Module, Debug)]
pub struct PositionTable {
    weight: Param<Tensor<3>>,
}

impl PositionTable {
    /// Creates vectors for `seq` positions of `width` channels.
    pub fn new(seq: usize, width: usize, init: &mut ParameterInit<'_>) -> Self {
        Self { weight: init.uniform([1, seq, width], 1.0) }
    }

    /// The table, `[1, seq, width]`.
    pub fn forward(&self) -> Tensor<3> {
        self.weight.val()
    }
}
