//! Networks that shift the parameters of a prior.

use burn::module::Module;
use burn::tensor::{Int, Tensor};
use vmd_core::Problem;
use vmd_graph::DependencyGraph;
use vmd_nn::{Embedding, Linear, ParameterInit, Trunk, TrunkConfig, Weights};

use crate::posterior::nothing_before;
use crate::{LatentConfig, LatentFamily, LatentStructure, PriorKind};

/// Maps the clues of a sequence to terms that are added to the parameters of a prior.
///
/// A pooled latent uses the concatenated final states of all positions; a per-token latent uses
/// the state of its own token.
#[derive(Module, Debug)]
pub(super) struct ClueNetwork {
    token: Embedding,
    trunk: Trunk,
    head: Linear,
    #[module(skip)]
    structure: LatentStructure,
    /// Token of an unknown value.
    #[module(skip)]
    unknown: usize,
    #[module(skip)]
    seq: usize,
}

impl ClueNetwork {
    /// Creates the network. Its head starts at zero, so that clues have no effect at first.
    ///
    /// # Errors
    ///
    /// A [`Problem`] if the trunk cannot be built.
    pub(super) fn new(
        trunk: &TrunkConfig,
        config: &LatentConfig,
        vocab: usize,
        seq: usize,
        graph: Option<&DependencyGraph>,
        init: &mut ParameterInit<'_>,
    ) -> Result<Self, Problem> {
        let d_input = match config.structure {
            LatentStructure::Pooled => seq * trunk.width,
            LatentStructure::PerToken => trunk.width,
        };
        Ok(Self {
            token: Embedding::new(vocab + 1, trunk.width, init),
            trunk: Trunk::new(trunk, seq, None, graph, init).map_err(|problem| problem.under("clues"))?,
            head: Linear::new(d_input, n_shifts(config), Weights::Zero, init),
            structure: config.structure,
            unknown: vocab,
            seq,
        })
    }

    /// Returns the terms of every (sub-)latent, `[batch, n_latents, n_shifts]`; a single row if
    /// `clues` is `None`.
    pub(super) fn shift(&self, clues: Option<Tensor<2, Int>>) -> Tensor<3> {
        let clues = clues.unwrap_or_else(|| {
            Tensor::full([1, self.seq], self.unknown as i32, &self.head.weight.val().device())
        });
        let h = self.trunk.forward(self.token.forward(clues), None);
        let [batch, seq, width] = h.dims();
        self.head.forward(match self.structure {
            LatentStructure::Pooled => h.reshape([batch, 1, seq * width]),
            LatentStructure::PerToken => h,
        })
    }
}

/// Maps a summary of the preceding tokens to terms that are added to the parameters of a prior.
#[derive(Module, Debug)]
pub(super) struct PastShift {
    head: Linear,
    #[module(skip)]
    n_latents: usize,
}

impl PastShift {
    /// Creates a layer for summaries of `channels` values. It starts at zero.
    pub(super) fn new(
        channels: usize,
        config: &LatentConfig,
        seq: usize,
        init: &mut ParameterInit<'_>,
    ) -> Self {
        let n_latents = config.n_latents(seq);
        Self { head: Linear::new(channels, n_latents * n_shifts(config), Weights::Zero, init), n_latents }
    }

    /// Returns the terms of every (sub-)latent, `[batch, n_latents, n_shifts]`, given `before`,
    /// `[batch, 1, channels]`; a single row if there are no preceding tokens.
    pub(super) fn shift(&self, before: Option<Tensor<3>>) -> Tensor<3> {
        let shift = self.head.forward(before.unwrap_or_else(|| nothing_before(&self.head)));
        let [batch, _, terms] = shift.dims();
        shift.reshape([batch, self.n_latents, terms / self.n_latents])
    }
}

/// Returns the number of terms of one (sub-)latent.
fn n_shifts(config: &LatentConfig) -> usize {
    let channels = config.family.channels();
    match (config.prior, config.family) {
        (PriorKind::Independent {}, LatentFamily::Gaussian { .. }) => 2 * channels,
        (PriorKind::Autoregressive { hidden } | PriorKind::Recurrent { hidden }, _) => {
            channels + config.family.n_units() * hidden
        }
        (PriorKind::Mixture { components }, _) => components * (1 + channels),
        _ => channels,
    }
}
