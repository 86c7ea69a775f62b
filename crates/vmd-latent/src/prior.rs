//! Priors, drawn and enumerated on the host.

use burn::module::{Module, Param};
use burn::tensor::{
    Device, Tensor, TensorData,
    activation::{log_softmax, relu},
};
use rand::{Rng, RngExt};
use vmd_nn::ParameterInit;

use crate::{LatentConfig, LatentFamily, PriorKind};

/// Factor on the logits. Adam moves every parameter by about the learning rate a step; a class that nothing uses
/// has to fall by several nats while the network's weights hardly move.
const LOGIT_SCALE: f64 = 10.0;

/// The parameters of a learned prior, shared by all tokens.
///
/// Group `g` of an autoregressive prior has the logits `b_g + Σ_{h<g} W_{hg} z_h`, linear in the one-hot classes of the
/// groups before it: any joint distribution of two groups, and of more all that pairwise terms can say. With hidden
/// units it adds `V_g·relu(c_g + Σ_{h<g} U_{hg} z_h)`, for what more than two groups have to settle together.
#[derive(Module, Debug)]
pub struct LearnedPrior {
    /// `b`, `[n_groups, n_classes]`.
    logits: Param<Tensor<2>>,
    /// `W`, `[n_groups · n_classes, n_groups · n_classes]`; row blocks of groups at or after the column's are unused.
    dependence: Option<Param<Tensor<2>>>,
    hidden: Option<HiddenLayer>,
}

/// One hidden layer per group.
#[derive(Module, Debug)]
struct HiddenLayer {
    /// `U`, `[n_groups · n_classes, n_groups · hidden]`; row blocks of groups at or after the column's are unused.
    input: Param<Tensor<2>>,
    /// `c`, `[n_groups · hidden]`.
    bias: Param<Tensor<1>>,
    /// `V`, `[n_groups, hidden, n_classes]`.
    output: Param<Tensor<3>>,
}

impl LearnedPrior {
    /// Parameters for `config`, starting uniform; `None` where its prior has none.
    pub fn new(config: &LatentConfig, init: &mut ParameterInit<'_>) -> Option<Self> {
        let LatentFamily::Categorical { n_groups, n_classes, .. } = config.family else { return None };
        let channels = n_groups * n_classes;
        let logits = init.constant([n_groups, n_classes], 0.0);
        match config.prior {
            PriorKind::Standard {} => None,
            PriorKind::Independent {} => Some(Self { logits, dependence: None, hidden: None }),
            PriorKind::Autoregressive { hidden } => Some(Self {
                logits,
                dependence: Some(init.constant([channels, channels], 0.0)),
                hidden: (hidden > 0).then(|| HiddenLayer {
                    // One-hot inputs: at most one term per group.
                    input: init.uniform([channels, n_groups * hidden], (n_groups as f64).sqrt().recip()),
                    bias: init.constant([n_groups * hidden], 0.0),
                    output: init.constant([n_groups, hidden, n_classes], 0.0),
                }),
            }),
        }
    }

    /// `ln p` of every class given the groups before its own in `z` (`[batch, n_latents, channels]`, one-hot),
    /// normalised, `[batch, n_latents, n_groups, n_classes]`.
    pub fn log_probabilities(&self, z: &Tensor<3>) -> Tensor<4> {
        let [n_groups, n_classes] = self.logits.dims();
        let [batch, n_latents, channels] = z.dims();
        let shape = [batch, n_latents, n_groups, n_classes];
        let own = self.logits.val().reshape([1, 1, n_groups, n_classes]);
        let logits = match &self.dependence {
            None => own.expand(shape),
            Some(dependence) => {
                let used = earlier_groups(n_groups, n_classes, n_classes, &z.device());
                let given = z.clone().reshape([batch * n_latents, channels]).matmul(dependence.val() * used);
                own + given.reshape(shape)
            }
        };
        let logits = match &self.hidden {
            None => logits,
            Some(hidden) => {
                let z = z.clone().reshape([batch * n_latents, channels]);
                logits + hidden.forward(z, n_groups, n_classes).reshape(shape)
            }
        };
        log_softmax(logits * LOGIT_SCALE, 3)
    }

    /// `b` and `W` on the host, as they enter the softmax.
    fn to_host(&self) -> LearnedLogits {
        let host = |parameter: &Param<Tensor<2>>| -> Vec<f64> {
            (parameter.val() * LOGIT_SCALE).into_data().iter::<f64>().collect()
        };
        LearnedLogits {
            own: host(&self.logits),
            dependence: self.dependence.as_ref().map(host),
            hidden: self.hidden.as_ref().map(HiddenLayer::to_host),
        }
    }
}

impl HiddenLayer {
    /// What the layer adds to the logits, `[rows, n_groups, n_classes]`, given `z` of `[rows, channels]`.
    fn forward(&self, z: Tensor<2>, n_groups: usize, n_classes: usize) -> Tensor<3> {
        let [rows, _] = z.dims();
        let [_, per_group, _] = self.output.dims();
        let used = earlier_groups(n_groups, n_classes, per_group, &z.device());
        let h = z.matmul(self.input.val() * used) + self.bias.val().unsqueeze();
        let h = relu(h).reshape([rows, n_groups, per_group]).swap_dims(0, 1);
        h.matmul(self.output.val()).swap_dims(0, 1)
    }

    fn to_host(&self) -> HostHidden {
        HostHidden {
            input: self.input.val().into_data().iter::<f64>().collect(),
            bias: self.bias.val().into_data().iter::<f64>().collect(),
            output: (self.output.val() * LOGIT_SCALE).into_data().iter::<f64>().collect(),
            per_group: self.output.dims()[1],
        }
    }
}

/// 1 where the row's group comes before the column's, `[n_groups · n_classes, n_groups · per_group]`.
fn earlier_groups(n_groups: usize, n_classes: usize, per_group: usize, device: &Device) -> Tensor<2> {
    let shape = [n_groups * n_classes, n_groups * per_group];
    let used = |index: usize| index / shape[1] / n_classes < index % shape[1] / per_group;
    let used: Vec<f32> = (0..shape[0] * shape[1]).map(|index| f32::from(u8::from(used(index)))).collect();
    Tensor::from_data(TensorData::new(used, shape), device)
}

/// Parameters of a [`LearnedPrior`] on the host.
#[derive(Debug, Clone)]
struct LearnedLogits {
    /// `[n_groups, n_classes]`.
    own: Vec<f64>,
    /// `[channels, channels]`.
    dependence: Option<Vec<f64>>,
    hidden: Option<HostHidden>,
}

/// Parameters of a [`HiddenLayer`] on the host.
#[derive(Debug, Clone)]
struct HostHidden {
    input: Vec<f64>,
    bias: Vec<f64>,
    output: Vec<f64>,
    per_group: usize,
}

impl HostHidden {
    /// Adds to the logits of the group after those in `before`.
    fn add_to(&self, logits: &mut [f64], before: &[usize]) {
        let group = before.len();
        let own = group * self.per_group..(group + 1) * self.per_group;
        let mut h = self.bias[own.clone()].to_vec();
        for &channel in before {
            let given = &self.input[channel * self.bias.len()..][own.clone()];
            h.iter_mut().zip(given).for_each(|(h, given)| *h += given);
        }
        let weights = self.output[own.start * logits.len()..].chunks_exact(logits.len());
        for (h, weights) in h.iter().zip(weights).filter(|(h, _)| **h > 0.0) {
            logits.iter_mut().zip(weights).for_each(|(logit, weight)| *logit += h * weight);
        }
    }
}

impl LearnedLogits {
    /// Probabilities of the classes of the group after those in `before`, which are channels of one (sub-)latent.
    fn next_group(&self, before: &[usize], n_classes: usize) -> Vec<f64> {
        let own = before.len() * n_classes..(before.len() + 1) * n_classes;
        let mut logits = self.own[own.clone()].to_vec();
        if let Some(dependence) = &self.dependence {
            for &channel in before {
                let given = &dependence[channel * self.own.len()..][own.clone()];
                logits.iter_mut().zip(given).for_each(|(logit, given)| *logit += given);
            }
        }
        if let Some(hidden) = &self.hidden {
            hidden.add_to(&mut logits, before);
        }
        let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        logits.iter_mut().for_each(|logit| *logit = (*logit - largest).exp());
        let total: f64 = logits.iter().sum();
        logits.iter_mut().for_each(|p| *p /= total);
        logits
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
    learned: Option<LearnedLogits>,
}

impl Prior {
    /// The standard prior of `config`'s family for sequences of `seq` tokens.
    pub fn standard(config: &LatentConfig, seq: usize) -> Self {
        Self { family: config.family, n_latents: config.n_latents(seq), learned: None }
    }

    /// The prior of `config`, with the parameters of a learned one.
    pub fn new(config: &LatentConfig, learned: Option<&LearnedPrior>, seq: usize) -> Self {
        Self { learned: learned.map(LearnedPrior::to_host), ..Self::standard(config, seq) }
    }

    /// `ln p(z)` of one row of a categorical latent; 0 for a Gaussian, whose draws are never weighted.
    pub fn log_mass(&self, z: &[f32]) -> f64 {
        let LatentFamily::Categorical { n_groups, n_classes, .. } = self.family else { return 0.0 };
        let Some(learned) = &self.learned else {
            return -((self.n_latents * n_groups) as f64) * (n_classes as f64).ln();
        };
        let of_latent = |z: &[f32]| -> f64 {
            let chosen: Vec<usize> = (0..z.len()).filter(|&channel| z[channel] > 0.5).collect();
            let of_group = |group: usize| {
                learned.next_group(&chosen[..group], n_classes)[chosen[group] % n_classes].ln()
            };
            (0..n_groups).map(of_group).sum()
        };
        z.chunks_exact(n_groups * n_classes).map(of_latent).sum()
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
                for _ in 0..self.n_latents {
                    let mut chosen = Vec::with_capacity(n_groups);
                    for group in 0..n_groups {
                        let class = match &self.learned {
                            None => rng.random_range(0..n_classes),
                            Some(learned) => draw_class(&learned.next_group(&chosen, n_classes), rng),
                        };
                        chosen.push(group * n_classes + class);
                        values.extend((0..n_classes).map(|k| if k == class { 1.0 } else { 0.0 }));
                    }
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

/// An index with the given probabilities.
fn draw_class(probabilities: &[f64], rng: &mut impl Rng) -> usize {
    let mut rest = rng.random::<f64>();
    let below = |p: &f64| {
        rest -= p;
        rest < 0.0
    };
    probabilities.iter().position(below).unwrap_or(probabilities.len() - 1)
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
