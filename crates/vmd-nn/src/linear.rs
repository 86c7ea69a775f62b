//! Affine maps of the last dimension.

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use vmd_kernels::Precision;

use crate::ParameterInit;

/// Initial weights of a [`Linear`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Weights {
    /// Standard deviation `gain / √d_input`.
    Scaled {
        /// Factor on the variance-preserving scale.
        gain: f64,
    },
    /// All zero: the layer has no effect at first (adaLN modulation).
    Zero,
}

/// `y = x·W + b` over the last dimension.
#[derive(Module, Debug)]
pub struct Linear {
    /// `[d_input, d_output]`.
    pub weight: Param<Tensor<2>>,
    /// `[d_output]`.
    pub bias: Param<Tensor<1>>,
    #[module(skip)]
    pub(crate) precision: Precision,
}

impl Linear {
    /// Creates a map from `d_input` to `d_output` channels; the bias starts at zero.
    pub fn new(d_input: usize, d_output: usize, weights: Weights, init: &mut ParameterInit<'_>) -> Self {
        let weight = match weights {
            Weights::Scaled { gain } => {
                init.uniform([d_input, d_output], gain / (d_input.max(1) as f64).sqrt())
            }
            Weights::Zero => init.constant([d_input, d_output], 0.0),
        };
        Self { weight, bias: init.constant([d_output], 0.0), precision: Precision::F32 }
    }

    /// Rounds factors to `precision`.
    #[must_use]
    pub fn with_precision(self, precision: Precision) -> Self {
        Self { precision, ..self }
    }

    /// Applies the map.
    ///
    /// # Shapes
    ///
    /// - `x`: `[batch, seq, d_input]`
    /// - output: `[batch, seq, d_output]`
    pub fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        vmd_kernels::linear(x, self.weight.val(), self.bias.val(), None, self.precision)
    }

    /// Applies the map to `x` and adds the result to `h`, which has the shape of the output.
    pub(crate) fn forward_added(&self, x: Tensor<3>, h: Tensor<3>) -> Tensor<3> {
        vmd_kernels::linear(x, self.weight.val(), self.bias.val(), Some(h), self.precision)
    }

    /// Weight and bias.
    pub(crate) fn parameters(&self) -> (Tensor<2>, Tensor<1>) {
        (self.weight.val(), self.bias.val())
    }
}
