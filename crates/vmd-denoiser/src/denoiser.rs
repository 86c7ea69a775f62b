//! What every denoising network offers.

use std::ops::Range;

use burn::tensor::{Int, Tensor, TensorData};
use vmd_nn::{EdgeGates, KeysValues, Loops};

use crate::{NfeCounter, ParentHead};

/// Clean tokens that others come after, as a network has read them.
#[derive(Debug, Clone)]
pub struct Context {
    /// What they are to tokens that come after, `[rows, n, …]`.
    pub past: KeysValues,
    /// The network's summary of each of them and of all before its block ends, `[rows, n, width]`.
    pub features: Tensor<3>,
    /// Their positions in the text.
    pub positions: Range<usize>,
}

impl Context {
    /// Number of texts.
    pub fn rows(&self) -> usize {
        self.features.dims()[0]
    }

    /// `n` times over, one after the other.
    #[must_use]
    pub fn repeat(&self, n: usize) -> Self {
        Self { past: self.past.repeat(n), features: self.features.clone().repeat_dim(0, n), ..self.clone() }
    }

    /// Those of these texts.
    #[must_use]
    pub fn select(&self, texts: &[usize]) -> Self {
        let numbers: Vec<i32> = texts.iter().map(|&text| text as i32).collect();
        let numbers = Tensor::<1, Int>::from_data(TensorData::from(&numbers[..]), &self.features.device());
        Self {
            past: self.past.select(texts),
            features: self.features.clone().select(0, numbers),
            ..self.clone()
        }
    }

    /// The same without autodiff.
    #[must_use]
    pub fn inner(&self) -> Self {
        Self { past: self.past.inner(), features: self.features.clone().inner(), ..self.clone() }
    }
}

/// What a denoiser sees.
#[derive(Debug, Clone)]
pub struct DenoiserInput {
    /// Tokens, `[batch, seq]`, values `0..vocab` or the mask token `vocab`.
    pub xt: Tensor<2, Int>,
    /// The latent, `[batch, 1, d_latent]` when pooled, `[batch, seq, d_latent]` when per token.
    pub z: Option<Tensor<3>>,
    /// Diffusion time, `[batch]`, in `[0, 1]`; networks that are not conditioned on time ignore it.
    pub t: Option<Tensor<1>>,
    /// `1/T` for a sampler of `T` steps, 0 in continuous time, `[batch]`; ignored by networks without that input.
    pub budget: Option<Tensor<1>>,
    /// Uniform noise for learned edges, `[batch, seq, seq]`, the same for both directions of a pair; absent outside
    /// training.
    pub gate_noise: Option<Tensor<3>>,
    /// What comes before the tokens, for a network that reads blocks one after the other. `xt` is then `[rows · blocks, block_len]`,
    /// the blocks of a text one after the other, each of which sees the clean tokens before it and nothing of the other blocks.
    pub context: Option<Context>,
    /// Position of the first of a text's tokens in `xt`, where there is a context: 0 if it holds the same tokens, its end if they
    /// come after it.
    pub first: usize,
}

impl DenoiserInput {
    /// Tokens alone.
    pub fn of(xt: Tensor<2, Int>) -> Self {
        Self { xt, z: None, t: None, budget: None, gate_noise: None, context: None, first: 0 }
    }
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

    /// Reads clean tokens for those that come after, `[rows, n]`, whole blocks, of texts of which `before` has been read; `None` for
    /// networks that see all of a sequence at once. Not an evaluation of the network: it predicts nothing.
    fn read(&self, _clean: Tensor<2, Int>, _before: Option<&Context>) -> Option<Context> {
        None
    }

    /// Whether the logits depend on the diffusion time.
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
