//! What every denoising network offers.

use burn::tensor::{Int, Tensor};
use vmd_nn::{EdgeGates, Loops};

use crate::{NfeCounter, ParentHead};

/// What a denoiser sees.
#[derive(Debug, Clone)]
pub struct DenoiserInput {
    /// Tokens, `[batch, seq]`, values `0..vocab` or the mask token `vocab`.
    pub xt: Tensor<2, Int>,
    /// The latent, `[batch, 1, d_latent]` when pooled, `[batch, seq, d_latent]` when per token, `[batch, 1 + seq, d_latent]` when
    /// there are both.
    pub z: Option<Tensor<3>>,
    /// Diffusion time, `[batch]`, in `[0, 1]`; networks that are not conditioned on time ignore it.
    pub t: Option<Tensor<1>>,
    /// `1/T` for a sampler of `T` steps, 0 in continuous time, `[batch]`; networks that are not told ignore it.
    pub budget: Option<Tensor<1>>,
    /// 1 for the tokens that the step reveals, `[batch, seq]`; networks that are not told ignore it.
    pub reveals: Option<Tensor<2, Int>>,
    /// Uniform noise for learned edges, `[batch, seq, seq]`, the same for both directions of a pair; absent outside
    /// training.
    pub gate_noise: Option<Tensor<3>>,
}

/// A network for `p_θ(x0 | xt, z)`, factorised over positions; with a [`ParentHead`], over positions given their parents.
pub trait Denoiser {
    /// Logits of the clean token at every position, `[batch, seq, vocab]`.
    ///
    /// An implementation calls [`NfeCounter::record`] with the batch size, once.
    fn logits(&self, input: DenoiserInput) -> Tensor<3>;

    /// The logits, and what the [`parent_head`](Self::parent_head) reads, `[batch, seq, hidden]`, in one evaluation.
    fn logits_and_features(&self, input: DenoiserInput) -> (Tensor<3>, Option<Tensor<3>>) {
        (self.logits(input), None)
    }

    /// In training, the logits after each of the tracked loops of a network that has any, the last ones with what the parent head
    /// reads.
    fn logits_of_loops(&self, input: DenoiserInput, _loops: Loops) -> (Vec<Tensor<3>>, Option<Tensor<3>>) {
        let (logits, features) = self.logits_and_features(input);
        (vec![logits], features)
    }

    /// Whether the logits depend on the time that the network is told.
    fn sees_time(&self) -> bool {
        true
    }

    /// What ties the tokens of one step, if anything does.
    fn parent_head(&self) -> Option<&ParentHead> {
        None
    }

    /// The edges that the network learns, if it does.
    fn edge_gates(&self) -> Option<&EdgeGates> {
        None
    }

    /// The counter that [`logits`](Self::logits) increments.
    fn nfe_counter(&self) -> &NfeCounter;
}
