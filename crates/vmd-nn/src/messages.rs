//! Messages along typed edges.

use burn::module::Module;
use burn::tensor::Tensor;
use vmd_kernels::{Activation, Mask, edge_sum};

use crate::{Linear, ParameterInit, TrunkConfig, Weights};

/// Message channels per channel of the residual stream; with two, a block has as many parameters as
/// with attention.
const CHANNELS: usize = 2;

/// Message passing along typed edges. In each head, every token computes a message and receives the
/// sum of its neighbours' messages.
///
/// `h_i + W·[Σ_{j ∈ N_k(i)} φ(U_k·x_j)/√d_k]_k` with heads `k`, closed neighbourhoods `N_k(i)` and
/// their maximum size `d_k`: the sum aggregator of arXiv 1810.00826, by edge type as in arXiv
/// 1703.06103.
#[derive(Module, Debug)]
pub struct Messages {
    message_proj: Linear,
    out_proj: Linear,
    #[module(skip)]
    heads: usize,
    #[module(skip)]
    activation: Activation,
}

impl Messages {
    /// Creates the messages of a block of `config`; `gain` scales the output projection.
    pub fn new(config: &TrunkConfig, gain: f64, init: &mut ParameterInit<'_>) -> Self {
        let (width, precision) = (config.width, config.precision);
        let scaled = |gain| Weights::Scaled { gain };
        Self {
            message_proj: Linear::new(width, CHANNELS * width, scaled(1.0), init).with_precision(precision),
            out_proj: Linear::new(CHANNELS * width, width, scaled(gain), init).with_precision(precision),
            heads: config.heads,
            activation: config.activation,
        }
    }

    /// Returns `h` plus the messages received from `x`.
    ///
    /// # Shapes
    ///
    /// - `x`, `h` and output: `[batch, seq, width]`
    /// - `gates`: `[1 | batch, seq, seq]` by receiver and sender, factors on the messages; with
    ///   gates, a token receives from all others in every head
    pub(crate) fn forward_added(
        &self,
        x: Tensor<3>,
        mask: Option<Mask<'_>>,
        gates: Option<&Tensor<3>>,
        h: Tensor<3>,
    ) -> Tensor<3> {
        let messages = self.activation.forward(self.message_proj.forward(x));
        let received = match gates {
            None => edge_sum(messages, self.heads, mask),
            Some(gates) => {
                let scale = (gates.clone().sum_dim(2) + 1.0).sqrt();
                gates.clone().matmul(messages) / scale
            }
        };
        self.out_proj.forward_added(received, h)
    }
}
