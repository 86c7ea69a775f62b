//! What every denoising network offers.

use burn::tensor::{Int, Tensor};

use crate::NfeCounter;

/// What a denoiser sees.
#[derive(Debug, Clone)]
pub struct DenoiserInput {
    /// Tokens, `[batch, seq]`, values `0..vocab` or the mask token `vocab`.
    pub xt: Tensor<2, Int>,
    /// The latent, `[batch, 1, d_latent]` when pooled, `[batch, seq, d_latent]` when per token.
    pub z: Option<Tensor<3>>,
    /// Diffusion time, `[batch]`, in `[0, 1]`; networks that are not conditioned on time ignore it.
    pub t: Option<Tensor<1>>,
    /// `1/T` for a sampler of `T` steps, 0 in continuous time, `[batch]`; networks that are not told ignore it.
    pub budget: Option<Tensor<1>>,
    /// 1 for the tokens that the step reveals, `[batch, seq]`; networks that are not told ignore it.
    pub reveals: Option<Tensor<2, Int>>,
}

/// A network for `p_θ(x0 | xt, z)`, factorised over positions.
pub trait Denoiser {
    /// Logits of the clean token at every position, `[batch, seq, vocab]`.
    ///
    /// An implementation calls [`NfeCounter::record`] with the batch size, once.
    fn logits(&self, input: DenoiserInput) -> Tensor<3>;

    /// The counter that [`logits`](Self::logits) increments.
    fn nfe_counter(&self) -> &NfeCounter;
}
