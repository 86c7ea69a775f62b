//! Element-wise non-linearities.

use burn::tensor::{Tensor, activation};
use serde::{Deserialize, Serialize};

/// Non-linearity of a feed-forward layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// `x·Φ(x)` (arXiv 1606.08415).
    #[default]
    Gelu,
    /// `x·σ(x)`.
    Silu,
    /// `max(x, 0)`, the cheapest on a CPU.
    Relu,
}

impl Activation {
    /// Applies the function to every element.
    pub fn forward<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        crate::fused_or!(
            crate::fused::run(Elementwise(self), [crate::fused::Input::of(&x)]),
            self.composed(x)
        )
    }

    fn composed<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        match self {
            Self::Gelu => activation::gelu(x),
            Self::Silu => activation::silu(x),
            Self::Relu => activation::relu(x),
        }
    }
}

#[cfg(feature = "flex")]
#[derive(Debug, Clone)]
struct Elementwise(Activation);

#[cfg(feature = "flex")]
impl crate::fused::Fused<1> for Elementwise {
    type Kept = ();

    fn forward(
        &self,
        [x]: [crate::fused::View<'_>; 1],
        _: bool,
    ) -> (crate::cpu::scratch::Scratch, Vec<usize>, ()) {
        (crate::cpu::activation::forward(self.0, x.values), x.dims.to_vec(), ())
    }

    fn backward(
        &self,
        [x]: [crate::fused::View<'_>; 1],
        _: &[f32],
        (): &(),
        grad: &[f32],
        _: [bool; 1],
    ) -> [Option<crate::cpu::scratch::Scratch>; 1] {
        [Some(crate::cpu::activation::backward(self.0, x.values, grad))]
    }
}
