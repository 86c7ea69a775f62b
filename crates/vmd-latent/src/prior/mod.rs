//! Priors of the latent.
//!
//! Every kind has two implementations: density and divergence on the device, with gradients;
//! density and exact draws on the host, in double precision.

mod autoregressive;
mod clues;
mod groups;
mod host;
mod independent;
mod mixture;
mod recurrent;
mod standard;

use std::fmt::Debug;
use std::sync::Arc;

use burn::module::Module;
use burn::tensor::{Int, Tensor};
use rand::Rng;
use vmd_core::Problem;
use vmd_graph::DependencyGraph;
use vmd_nn::ParameterInit;

use self::autoregressive::Autoregressive;
use self::clues::{ClueNetwork, PastShift};
pub use self::host::{LatentRows, Prior};
use self::independent::{ChannelNormals, GroupLogits};
use self::mixture::{NormalMixture, ProductMixture};
use self::recurrent::Recurrent;
use self::standard::Standard;
use crate::{LatentConfig, LatentDistribution, LatentFamily, PriorKind};

/// Factor on the logits. Adam changes every parameter by about the learning rate per step. The
/// logit of an unused class has to fall by several nats while the weights of the network hardly
/// change.
const LOGIT_SCALE: f64 = 10.0;

/// A kind of prior on the device. `shift` holds the terms that clues and preceding tokens add to
/// its parameters, `[1 | batch, n_latents, n_shifts]`.
trait DeviceKind {
    /// Returns `ln p(z)` in nats, `[batch]`, for `z` of `[batch, n_latents, channels]`.
    fn log_density(&self, z: &Tensor<3>, shift: Option<&Tensor<3>>) -> Tensor<1>;

    /// Returns `KL(q ‖ p)` in nats, `[batch]`; estimated from the draw `z ~ q` unless the kind has
    /// a closed form.
    fn divergence(&self, q: &LatentDistribution, z: &Tensor<3>, shift: Option<&Tensor<3>>) -> Tensor<1> {
        q.log_density(z.clone()) - self.log_density(z, shift)
    }

    /// Copies the prior to the host.
    fn to_host(&self) -> Arc<dyn HostKind>;
}

/// A kind of prior on the host. `shift` holds the terms that clues and preceding tokens add to the
/// parameters of a row, `[n_latents, n_shifts]`; empty for a prior that depends on neither.
trait HostKind: Debug + Send + Sync {
    /// Returns `ln p(z)` of one row, in nats.
    fn log_density(&self, z: &[f32], shift: &[f64]) -> f64;

    /// Appends one exact draw to `values`.
    fn sample_into(&self, shift: &[f64], rng: &mut dyn Rng, values: &mut Vec<f32>);

    /// Returns `ln p` of the classes of the group that follows those in `before` (channels of a
    /// row); `None` unless `p(z)` is a product of such conditionals.
    fn next_group(&self, _before: &[usize], _shift: &[f64]) -> Option<Vec<f64>> {
        None
    }
}

/// Priors with learned parameters.
#[derive(Module, Debug)]
enum Learned {
    Groups(GroupLogits),
    Channels(ChannelNormals),
    Autoregressive(Autoregressive),
    Recurrent(Recurrent),
    Normals(NormalMixture),
    Products(ProductMixture),
}

impl Learned {
    fn new(config: &LatentConfig, seq: usize, init: &mut ParameterInit<'_>) -> Option<Self> {
        let n_latents = config.n_latents(seq);
        Some(match (config.prior, config.family) {
            (PriorKind::Standard {}, _) => return None,
            (PriorKind::Independent {}, LatentFamily::Categorical { n_groups, n_classes, .. }) => {
                Self::Groups(GroupLogits::new(n_latents, n_groups, n_classes, init))
            }
            (PriorKind::Independent {}, LatentFamily::Gaussian { dim }) => {
                Self::Channels(ChannelNormals::new(dim, n_latents, init))
            }
            (PriorKind::Autoregressive { hidden }, LatentFamily::Categorical { n_groups, n_classes, .. }) => {
                Self::Autoregressive(Autoregressive::new(n_latents, n_groups, n_classes, hidden, init))
            }
            (PriorKind::Recurrent { hidden }, LatentFamily::Categorical { n_groups, n_classes, .. }) => {
                Self::Recurrent(Recurrent::new(n_latents, n_groups, n_classes, hidden, init))
            }
            (PriorKind::Mixture { components }, LatentFamily::Gaussian { dim }) => {
                Self::Normals(NormalMixture::new(components, n_latents * dim, init))
            }
            (PriorKind::Mixture { components }, LatentFamily::Categorical { n_groups, n_classes, .. }) => {
                Self::Products(ProductMixture::new(components, n_latents * n_groups, n_classes, init))
            }
            // Validation of the configuration reports this combination.
            (
                PriorKind::Autoregressive { .. } | PriorKind::Recurrent { .. },
                LatentFamily::Gaussian { .. },
            ) => {
                return None;
            }
        })
    }

    fn kind(&self) -> &dyn DeviceKind {
        match self {
            Self::Groups(kind) => kind,
            Self::Channels(kind) => kind,
            Self::Autoregressive(kind) => kind,
            Self::Recurrent(kind) => kind,
            Self::Normals(kind) => kind,
            Self::Products(kind) => kind,
        }
    }
}

/// The prior `p(z)` or `p(z | clues)` on the device, with its parameters.
#[derive(Module, Debug)]
pub struct PriorNetwork {
    learned: Option<Learned>,
    clues: Option<ClueNetwork>,
    past: Option<PastShift>,
    #[module(skip)]
    standard: Standard,
    #[module(skip)]
    family: LatentFamily,
}

impl PriorNetwork {
    /// Creates the prior of `config`, a valid [`LatentConfig`], for sequences of `seq` tokens over
    /// `vocab` values.
    ///
    /// `before` is the number of channels of a summary of the preceding tokens, if the prior
    /// depends on one.
    ///
    /// # Errors
    ///
    /// A [`Problem`] if the network for clues cannot be built.
    pub fn new(
        config: &LatentConfig,
        vocab: usize,
        seq: usize,
        before: Option<usize>,
        graph: Option<&DependencyGraph>,
        init: &mut ParameterInit<'_>,
    ) -> Result<Self, Problem> {
        Ok(Self {
            learned: Learned::new(config, seq, init),
            clues: match &config.clues {
                Some(trunk) => Some(ClueNetwork::new(trunk, config, vocab, seq, graph, init)?),
                None => None,
            },
            past: before.map(|channels| PastShift::new(channels, config, seq, init)),
            standard: Standard::new(config.family, config.n_latents(seq)),
            family: config.family,
        })
    }

    /// Computes the terms that `clues` and the preceding tokens add to the parameters of the
    /// prior.
    ///
    /// They are inputs of [`divergence`](Self::divergence) and [`log_density`](Self::log_density).
    /// Returns `None` if the prior depends on neither.
    ///
    /// # Shapes
    ///
    /// - `clues`: `[batch, seq]`, values in `0..vocab`, and `vocab` where unknown; `None` if all
    ///   are unknown
    /// - `before`: `[batch, 1, channels]`, a summary of the preceding tokens; `None` if there are
    ///   none
    /// - output: `[batch, n_latents, n_shifts]`, with a single row if both are `None`
    pub fn shift(&self, clues: Option<Tensor<2, Int>>, before: Option<Tensor<3>>) -> Option<Tensor<3>> {
        let of_clues = self.clues.as_ref().map(|network| network.shift(clues));
        let of_past = self.past.as_ref().map(|network| network.shift(before));
        match (of_clues, of_past) {
            (Some(clues), Some(past)) => Some(clues + past),
            (clues, past) => clues.or(past),
        }
    }

    /// Returns `KL(q ‖ p)` in nats, `[batch]`, with gradients with respect to both.
    ///
    /// `standard` and `independent` priors have a closed form. `autoregressive` and `recurrent`
    /// priors have one for each group given the preceding groups in the draw `z ~ q`, which is
    /// unbiased over draws. For a `mixture` the result is the estimate `ln q(z) − ln p(z)` from
    /// that draw, which may be negative.
    ///
    /// # Shapes
    ///
    /// - `z`: `[batch, n_latents, channels]`
    /// - `shift`: the result of [`shift`](Self::shift), with a single row or all rows
    pub fn divergence(&self, q: &LatentDistribution, z: &Tensor<3>, shift: Option<&Tensor<3>>) -> Tensor<1> {
        self.kind().divergence(q, z, shift)
    }

    /// Returns `ln p(z)` in nats, `[batch]`, for `z` of `[batch, n_latents, channels]`; one-hot
    /// for categorical latents.
    pub fn log_density(&self, z: &Tensor<3>, shift: Option<&Tensor<3>>) -> Tensor<1> {
        self.kind().log_density(z, shift)
    }

    /// Copies the prior to the host, without clues or preceding tokens.
    pub fn to_host(&self) -> Prior {
        let shift: Vec<f64> =
            self.shift(None, None).map_or_else(Vec::new, |shift| shift.into_data().iter::<f64>().collect());
        Prior::new(self.kind().to_host(), self.family, self.standard.n_latents, shift)
    }

    /// Copies the prior of every row to the host, given its `clues` (`[batch, seq]`) and a summary
    /// of the tokens `before` them.
    pub fn to_host_given(&self, clues: Tensor<2, Int>, before: Option<Tensor<3>>) -> Vec<Prior> {
        let ([rows, _], prior) = (clues.dims(), self.to_host());
        let Some(shift) = self.shift(Some(clues), before) else { return vec![prior; rows] };
        let [given, ..] = shift.dims();
        let shift: Vec<f64> = shift.into_data().iter::<f64>().collect();
        // A single shift applies to all rows.
        (0..rows)
            .map(|row| prior.given(&shift[row % given * (shift.len() / given)..][..shift.len() / given]))
            .collect()
    }

    fn kind(&self) -> &dyn DeviceKind {
        self.learned.as_ref().map_or(&self.standard as &dyn DeviceKind, Learned::kind)
    }
}

/// Copies a tensor to the host.
fn host<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.into_data().iter::<f64>().collect()
}
