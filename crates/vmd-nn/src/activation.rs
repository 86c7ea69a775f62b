//! Element-wise non-linearities of the feed-forward layers.

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
        match self {
            Self::Gelu => activation::gelu(x),
            Self::Silu => activation::silu(x),
            Self::Relu => activation::relu(x),
        }
    }
}
