//! Priors, drawn and enumerated on the host.

use burn::module::{Module, Param};
use burn::tensor::{Tensor, activation::log_softmax};
use rand::{Rng, RngExt};
use vmd_nn::ParameterInit;

use crate::{LatentConfig, LatentFamily, PriorKind};

/// Factor on the logits. Adam moves every parameter by about the learning rate a step; a class that nothing uses
/// has to fall by several nats while the network's weights hardly move.
const LOGIT_SCALE: f64 = 10.0;

/// The parameters of a learned prior: logits of every class of every group, shared by all tokens.
#[derive(Module, Debug)]
pub struct LearnedPrior {
    logits: Param<Tensor<2>>,
}

impl LearnedPrior {
    /// Parameters for `config`, starting uniform; `None` where its prior has none.
    pub fn new(config: &LatentConfig, init: &mut ParameterInit<'_>) -> Option<Self> {
        match (config.prior, config.family) {
            (PriorKind::Learned, LatentFamily::Categorical { n_groups, n_classes, .. }) => {
                Some(Self { logits: init.constant([n_groups, n_classes], 0.0) })
            }
            _ => None,
        }
    }

    /// `ln p`, normalised, `[n_groups, n_classes]`.
    pub fn log_probabilities(&self) -> Tensor<2> {
        log_softmax(self.logits.val() * LOGIT_SCALE, 1)
    }
}

/// Latents of several sequences on the host, row after row.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LatentRows {
    /// Values, `[rows, row_len]`, row-major.
    pub values: Vec<f32>,
    /// Values per sequence.
    pub row_len: usize,
}

impl LatentRows {
    /// Number of sequences.
    pub fn n_rows(&self) -> usize {
        self.values.len() / self.row_len.max(1)
    }

    /// The latent of one sequence.
    pub fn row(&self, index: usize) -> &[f32] {
        &self.values[index * self.row_len..(index + 1) * self.row_len]
    }
}

/// A prior on the host. Standard: `N(0, I)` for a Gaussian latent, uniform over classes for a categorical one.
#[derive(Debug, Clone)]
pub struct Prior {
    family: LatentFamily,
    n_latents: usize,
    /// Learned class probabilities, `[n_groups, n_classes]`.
    probabilities: Option<Vec<f64>>,
}

impl Prior {
    /// The standard prior of `config`'s family for sequences of `seq` tokens.
    pub fn standard(config: &LatentConfig, seq: usize) -> Self {
        Self { family: config.family, n_latents: config.n_latents(seq), probabilities: None }
    }

    /// The prior of `config`, with the parameters of a learned one.
    pub fn new(config: &LatentConfig, learned: Option<&LearnedPrior>, seq: usize) -> Self {
        let probabilities =
            learned.map(|prior| prior.log_probabilities().exp().into_data().iter::<f64>().collect());
        Self { probabilities, ..Self::standard(config, seq) }
    }

    /// `ln p(z)` of one row of a categorical latent; 0 for a Gaussian, whose draws are never weighted.
    pub fn log_mass(&self, z: &[f32]) -> f64 {
        let LatentFamily::Categorical { n_groups, n_classes, .. } = self.family else { return 0.0 };
        let of_class = |index: usize| match &self.probabilities {
            Some(probabilities) => probabilities[index % (n_groups * n_classes)].ln(),
            None => -(n_classes as f64).ln(),
        };
        (0..z.len()).filter(|&index| z[index] > 0.5).map(of_class).sum()
    }

    /// Values per sequence.
    pub fn row_len(&self) -> usize {
        self.n_latents * self.family.channels()
    }

    /// Appends one exact draw to `values`.
    pub fn sample_into(&self, rng: &mut impl Rng, values: &mut Vec<f32>) {
        match self.family {
            LatentFamily::Gaussian { dim } => {
                values.extend((0..self.n_latents * dim).map(|_| standard_normal(rng) as f32));
            }
            LatentFamily::Categorical { n_groups, n_classes, .. } => {
                for index in 0..self.n_latents * n_groups {
                    let class = self.class(index % n_groups, n_classes, rng);
                    values.extend((0..n_classes).map(|k| if k == class { 1.0 } else { 0.0 }));
                }
            }
        }
    }

    /// Appends the noise that [`LatentDistribution::sample`](crate::LatentDistribution::sample) turns into a
    /// draw: standard normal for a Gaussian, Gumbel for a categorical.
    pub fn noise_into(&self, rng: &mut impl Rng, values: &mut Vec<f32>) {
        let n = self.row_len();
        match self.family {
            LatentFamily::Gaussian { .. } => values.extend((0..n).map(|_| standard_normal(rng) as f32)),
            LatentFamily::Categorical { .. } => {
                values.extend((0..n).map(|_| -(-open_unit(rng).ln()).ln() as f32));
            }
        }
    }

    /// A class of one group.
    fn class(&self, group: usize, n_classes: usize, rng: &mut impl Rng) -> usize {
        let Some(probabilities) = &self.probabilities else { return rng.random_range(0..n_classes) };
        let group = &probabilities[group * n_classes..(group + 1) * n_classes];
        let mut rest = rng.random::<f64>() * group.iter().sum::<f64>();
        let below = |p: &f64| {
            rest -= p;
            rest < 0.0
        };
        group.iter().position(below).unwrap_or(n_classes - 1)
    }

    /// Every value of `z`, if there are at most `limit`; `None` for a Gaussian.
    /// [`log_mass`](Self::log_mass) says how likely each is.
    pub fn enumerate(&self, limit: usize) -> Option<LatentRows> {
        let LatentFamily::Categorical { n_groups, n_classes, .. } = self.family else { return None };
        let digits = self.n_latents * n_groups;
        let count = n_classes.checked_pow(u32::try_from(digits).ok()?).filter(|&n| n <= limit)?;
        let row_len = self.row_len();
        let mut values = vec![0.0; count * row_len];
        for (code, row) in values.chunks_exact_mut(row_len).enumerate() {
            let mut rest = code;
            for group in row.chunks_exact_mut(n_classes) {
                group[rest % n_classes] = 1.0;
                rest /= n_classes;
            }
        }
        Some(LatentRows { values, row_len })
    }
}

/// A draw from the open interval `(0, 1)`.
fn open_unit(rng: &mut impl Rng) -> f64 {
    rng.random::<f64>().max(f64::MIN_POSITIVE)
}

/// Box–Muller, one of the pair.
fn standard_normal(rng: &mut impl Rng) -> f64 {
    let radius = (-2.0 * open_unit(rng).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.random::<f64>()).cos()
}
