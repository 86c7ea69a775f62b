//! The interface of denoising networks.

use std::ops::Range;

use burn::tensor::{Int, Tensor, TensorData};
use vmd_nn::{EdgeGates, KeysValues, Loops};

use crate::{NfeCounter, ParentHead};

/// Clean tokens of earlier blocks, as encoded by a network.
#[derive(Debug, Clone)]
pub struct Context {
    /// Keys and values for later tokens, `[rows, n, …]`.
    pub past: KeysValues,
    /// Features of each token, `[rows, n, width]`, which depend on all tokens up to the end of its
    /// block.
    pub features: Tensor<3>,
    /// Positions of the tokens in the text.
    pub positions: Range<usize>,
}

impl Context {
    /// Number of texts.
    pub fn rows(&self) -> usize {
        self.features.dims()[0]
    }

    /// Repeats all texts `n` times.
    #[must_use]
    pub fn repeat(&self, n: usize) -> Self {
        Self { past: self.past.repeat(n), features: self.features.clone().repeat_dim(0, n), ..self.clone() }
    }

    /// Selects texts.
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

    /// Detaches from autodiff.
    #[must_use]
    pub fn inner(&self) -> Self {
        Self { past: self.past.inner(), features: self.features.clone().inner(), ..self.clone() }
    }
}

/// Inputs of a denoiser.
#[derive(Debug, Clone)]
pub struct DenoiserInput {
    /// Tokens, `[batch, seq]`, values `0..vocab` or the mask token `vocab`.
    pub xt: Tensor<2, Int>,
    /// The latent, `[batch, 1, d_latent]` when pooled, `[batch, seq, d_latent]` when per token.
    pub z: Option<Tensor<3>>,
    /// Diffusion time, `[batch]`, in `[0, 1]`; networks that are not conditioned on time ignore it.
    pub t: Option<Tensor<1>>,
    /// `1/T` for a sampler of `T` steps, 0 in continuous time, `[batch]`; ignored by networks
    /// without this input.
    pub budget: Option<Tensor<1>>,
    /// Uniform noise for learned edges, `[batch, seq, seq]`, symmetric; absent outside training.
    pub gate_noise: Option<Tensor<3>>,
    /// The tokens before `xt`, for a network that processes blocks. `xt` is then
    /// `[rows · blocks, block_len]`, with the blocks of a text in order. Each block attends to the
    /// clean tokens before it and not to the other blocks.
    pub context: Option<Context>,
    /// Position of a text's first token in `xt`, if there is a context: 0 if the context holds the
    /// same tokens, its end if they follow it.
    pub first: usize,
}

impl DenoiserInput {
    /// An input of tokens only.
    pub fn of(xt: Tensor<2, Int>) -> Self {
        Self { xt, z: None, t: None, budget: None, gate_noise: None, context: None, first: 0 }
    }
}

/// A network for `p_θ(x0 | xt, z)`, factorised over positions or, with a [`ParentHead`], over
/// positions given their parents.
pub trait Denoiser {
    /// Logits of the clean token at every position, `[batch, seq, vocab]`.
    ///
    /// Implementations call [`NfeCounter::record`] with the batch size, once.
    fn logits(&self, input: DenoiserInput) -> Tensor<3>;

    /// The logits, and the input of the [`parent_head`](Self::parent_head), `[batch, seq, hidden]`,
    /// in one evaluation.
    fn logits_and_features(&self, input: DenoiserInput) -> (Tensor<3>, Option<Tensor<3>>) {
        (self.logits(input), None)
    }

    /// In training, the logits after each tracked loop, and the input of the parent head after the
    /// last.
    fn logits_of_loops(&self, input: DenoiserInput, _loops: Loops) -> (Vec<Tensor<3>>, Option<Tensor<3>>) {
        let (logits, features) = self.logits_and_features(input);
        (vec![logits], features)
    }

    /// Encodes clean tokens, `[rows, n]`, as context for later tokens; `None` for networks that
    /// process whole sequences.
    ///
    /// The tokens are whole blocks of texts whose earlier blocks are in `before`. This does not
    /// count as an evaluation, because it predicts no tokens.
    fn read(&self, _clean: Tensor<2, Int>, _before: Option<&Context>) -> Option<Context> {
        None
    }

    /// Whether the logits depend on the diffusion time.
    fn sees_time(&self) -> bool {
        true
    }

    /// The head that conditions tokens of one step on each other, if any.
    fn parent_head(&self) -> Option<&ParentHead> {
        None
    }

    /// The learned edges, if any.
    fn edge_gates(&self) -> Option<&EdgeGates> {
        None
    }

    /// The counter that [`logits`](Self::logits) increments.
    fn nfe_counter(&self) -> &NfeCounter;
}
