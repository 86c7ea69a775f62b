//! Layer normalisation, optionally modulated by a condition.

use burn::module::{Module, Param};
use burn::tensor::Tensor;

use crate::{Linear, ParameterInit, Weights};

/// `(x − mean)/√(var + 1e-5) · gamma + beta` over the last dimension (arXiv 1607.06450).
#[derive(Module, Debug)]
pub struct LayerNorm {
    gamma: Param<Tensor<1>>,
    beta: Param<Tensor<1>>,
}

impl LayerNorm {
    /// Creates a norm over `width` channels with `gamma` 1 and `beta` 0.
    pub fn new(width: usize, init: &mut ParameterInit<'_>) -> Self {
        Self { gamma: init.constant([width], 1.0), beta: init.constant([width], 0.0) }
    }

    /// Normalises, scales and shifts.
    ///
    /// # Shapes
    ///
    /// - `x` and output: `[batch, seq, width]`
    /// - `modulation`: scale and shift, each `[batch, 1 | seq, width]`; the output is then
    ///   `norm(x)·(1 + scale) + shift`
    pub fn forward(&self, x: Tensor<3>, modulation: Option<(Tensor<3>, Tensor<3>)>) -> Tensor<3> {
        vmd_kernels::layer_norm(x, self.gamma.val(), self.beta.val(), modulation)
    }
}

/// The adaLN projection of a condition: scale and shift for each norm of a block (arXiv 2212.09748,
/// without the gates).
///
/// The projection starts at zero, so a new block ignores the condition.
#[derive(Module, Debug)]
pub struct Modulation {
    projection: Linear,
}

impl Modulation {
    /// Creates a projection from `condition` channels to a scale and a shift of `width` channels
    /// for each of `n_norms` norms.
    pub fn new(condition: usize, width: usize, n_norms: usize, init: &mut ParameterInit<'_>) -> Self {
        Self { projection: Linear::new(condition, 2 * n_norms * width, Weights::Zero, init) }
    }

    /// Returns a `(scale, shift)` pair for every norm.
    ///
    /// # Shapes
    ///
    /// - `condition`: `[batch, 1 | seq, condition]`
    /// - each of the pair: `[batch, 1 | seq, width]`
    pub fn forward(&self, condition: Tensor<3>, n_norms: usize) -> Vec<(Tensor<3>, Tensor<3>)> {
        let parts = self.projection.forward(condition).chunk(2 * n_norms, 2);
        parts.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect()
    }
}
