//! The inference network of a latent.

use burn::module::{Module, Param};
use burn::tensor::{Int, Tensor, activation::log_softmax};
use vmd_core::Problem;
use vmd_graph::DependencyGraph;
use vmd_nn::{Embedding, Linear, ParameterInit, Trunk, Weights};

use crate::distribution::LOG_VARIANCE_LIMIT;
use crate::{LatentConfig, LatentDistribution, LatentFamily, LatentStructure};

/// The inference network `q_φ(z | x0)`, or `q_φ(z | x0, xt)` if the latent encodes only some of
/// the tokens.
#[derive(Module, Debug)]
pub struct Posterior {
    token: Embedding,
    latent_mask: Embedding,
    /// Projects a summary of the preceding tokens.
    before: Option<Linear>,
    trunk: Trunk,
    head: Linear,
    #[module(skip)]
    family: LatentFamily,
    #[module(skip)]
    structure: LatentStructure,
}

impl Posterior {
    /// Creates the network of `config` for sequences of `seq` tokens over `vocab` values.
    ///
    /// `before` is the number of channels of a summary of the preceding tokens, if there is one.
    ///
    /// # Errors
    ///
    /// A [`Problem`] if the trunk cannot be built.
    pub fn new(
        config: &LatentConfig,
        vocab: usize,
        seq: usize,
        before: Option<usize>,
        graph: Option<&DependencyGraph>,
        init: &mut ParameterInit<'_>,
    ) -> Result<Self, Problem> {
        let trunk = &config.posterior.trunk;
        let d_input = match config.structure {
            LatentStructure::Pooled => seq * trunk.width,
            LatentStructure::PerToken => trunk.width,
        };
        let d_output = match config.family {
            LatentFamily::Gaussian { dim } => 2 * dim,
            LatentFamily::Categorical { .. } => config.family.channels(),
        };
        Ok(Self {
            token: Embedding::new(vocab, trunk.width, init),
            latent_mask: Embedding::new(2, trunk.width, init),
            before: before
                .map(|channels| Linear::new(channels, trunk.width, Weights::Scaled { gain: 1.0 }, init)),
            trunk: Trunk::new(trunk, seq, None, graph, init)
                .map_err(|problem| problem.under("posterior.trunk"))?,
            head: head(config, d_input, d_output, init),
            family: config.family,
            structure: config.structure,
        })
    }

    /// Computes the posterior of a batch.
    ///
    /// # Shapes
    ///
    /// - `x0`: `[batch, seq]`, clean tokens
    /// - `latent_mask`: `[batch, seq]`, 1 for the tokens that the latent encodes, 0 elsewhere; all
    ///   1 for `q(z | x0)`. Without this input the posterior collapses.
    /// - `before`: `[batch, 1, channels]`, a summary of the preceding tokens; `None` at the start
    ///   of a text. Ignored if the network was built without this input.
    pub fn forward(
        &self,
        x0: Tensor<2, Int>,
        latent_mask: Tensor<2, Int>,
        before: Option<Tensor<3>>,
    ) -> LatentDistribution {
        let [batch, seq] = x0.dims();
        let mut h = self.token.forward(x0) + self.latent_mask.forward(latent_mask);
        if let Some(projection) = &self.before {
            h = h + projection.forward(before.unwrap_or_else(|| nothing_before(projection)));
        }
        let h = self.trunk.forward(h, None);
        let [_, _, width] = h.dims();
        self.distribution(self.head.forward(match self.structure {
            LatentStructure::Pooled => h.reshape([batch, 1, seq * width]),
            LatentStructure::PerToken => h,
        }))
    }

    fn distribution(&self, parameters: Tensor<3>) -> LatentDistribution {
        let [batch, n_latents, _] = parameters.dims();
        match self.family {
            LatentFamily::Gaussian { .. } => {
                let halves = parameters.chunk(2, 2);
                LatentDistribution::Gaussian {
                    mean: halves[0].clone(),
                    log_variance: halves[1].clone().clamp(-LOG_VARIANCE_LIMIT, LOG_VARIANCE_LIMIT),
                }
            }
            LatentFamily::Categorical { n_groups, n_classes, .. } => LatentDistribution::Categorical {
                log_probabilities: log_softmax(
                    parameters.reshape([batch, n_latents, n_groups, n_classes]),
                    3,
                ),
            },
        }
    }
}

/// Returns the input of `layer` if there are no preceding tokens: zeros, `[1, 1, channels]`.
pub(crate) fn nothing_before(layer: &Linear) -> Tensor<3> {
    let weight = layer.weight.val();
    Tensor::zeros([1, 1, weight.dims()[0]], &weight.device())
}

/// Creates the last layer. The logits or means start with a standard deviation of `init_scale`;
/// the variances of a Gaussian start at 1.
fn head(config: &LatentConfig, d_input: usize, d_output: usize, init: &mut ParameterInit<'_>) -> Linear {
    let gain = config.posterior.init_scale;
    let LatentFamily::Gaussian { dim } = config.family else {
        return Linear::new(d_input, d_output, Weights::Scaled { gain }, init);
    };
    let mut head = Linear::new(d_input, d_output, Weights::Zero, init);
    let means = Linear::new(d_input, dim, Weights::Scaled { gain }, init).weight.val();
    let weight = head.weight.val().slice_assign([0..d_input, 0..dim], means);
    head.weight = Param::from_tensor(weight.detach());
    head
}
