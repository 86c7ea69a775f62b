//! The choices that define a latent.

use serde::{Deserialize, Serialize};
use vmd_graph::DependencyGraph;
use vmd_nn::{NetworkError, TrunkConfig};

/// A latent: its family, its structure, and the network that infers it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LatentConfig {
    /// Gaussian or categorical.
    pub family: LatentFamily,
    /// One per sequence or one per token.
    #[serde(default)]
    pub structure: LatentStructure,
    /// What the latent is drawn from when there is nothing to infer it from.
    #[serde(default)]
    pub prior: PriorKind,
    /// The inference network.
    pub posterior: PosteriorConfig,
    /// KL in nats that each sub-latent (a Gaussian channel, a categorical group) may spend without a penalty
    /// in training. Reported bounds never use it.
    #[serde(default)]
    pub free_nats: f64,
}

/// Family of the posterior and of the prior.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum LatentFamily {
    /// Diagonal Gaussian posterior, standard normal prior.
    Gaussian {
        /// Channels of a (sub-)latent.
        dim: usize,
    },
    /// Independent categorical groups; exact draws in training and in sampling.
    Categorical {
        /// Number of groups in a (sub-)latent.
        n_groups: usize,
        /// Classes of every group.
        n_classes: usize,
        /// How gradients pass through a draw.
        #[serde(default)]
        gradient: DrawGradient,
        /// Temperature of the Gumbel-softmax of `straight_through`.
        #[serde(default = "unit")]
        temperature: f64,
    },
}

fn unit() -> f64 {
    1.0
}

/// Estimator of the gradient with respect to a categorical posterior.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DrawGradient {
    /// Straight-through Gumbel-softmax (arXiv 1611.01144): one draw, little noise, but biased. A posterior
    /// that is nearly certain sees no price for being less so.
    StraightThrough,
    /// Score function with the other one of two draws as baseline (arXiv 1907.03077): unbiased, at the price
    /// of two evaluations of the denoiser in training.
    #[default]
    LeaveOneOut,
}

/// What a latent belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LatentStructure {
    /// One latent for the whole sequence.
    #[default]
    Pooled,
    /// One sub-latent per token.
    PerToken,
}

/// Prior of a latent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum PriorKind {
    /// `N(0, I)`, or uniform over classes.
    Standard {},
    /// Class probabilities of every group, learned with the model. Categorical latents only.
    Independent {},
    /// Class probabilities of every group given the classes of the groups before it, learned with the model.
    /// Categorical latents only.
    Autoregressive {
        /// Hidden units per group of the network that adds to the linear dependence; 0 for none.
        #[serde(default)]
        hidden: usize,
    },
}

impl Default for PriorKind {
    fn default() -> Self {
        Self::Standard {}
    }
}

/// The inference network `q_φ(z | x0, xt)`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PosteriorConfig {
    /// Its trunk.
    pub trunk: TrunkConfig,
    /// How a pooled latent is read off the tokens.
    #[serde(default)]
    pub pooling: Pooling,
    /// Standard deviation of the logits (of the means, for a Gaussian) at the start. A loud posterior sends different
    /// sequences to different codes before anything is learned, so that the denoiser learns to read `z` from the
    /// first step; one that starts near the prior is pulled onto it before anybody listens.
    #[serde(default = "default_loudness")]
    pub loudness: f64,
}

fn default_loudness() -> f64 {
    5.0
}

/// How the posterior of a pooled latent sees the tokens' final states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pooling {
    /// All positions side by side; nothing is averaged away.
    #[default]
    Flatten,
    /// Their mean.
    Mean,
}

impl LatentFamily {
    /// Channels of one (sub-)latent as the denoiser sees it; a categorical is one-hot per group.
    pub fn channels(&self) -> usize {
        match *self {
            Self::Gaussian { dim } => dim,
            Self::Categorical { n_groups, n_classes, .. } => n_groups * n_classes,
        }
    }

    /// Sub-latents whose KL is counted apart: channels of a Gaussian, groups of a categorical.
    pub fn n_units(&self) -> usize {
        match *self {
            Self::Gaussian { dim } => dim,
            Self::Categorical { n_groups, .. } => n_groups,
        }
    }
}

impl LatentConfig {
    /// Draws of the latent that one sequence needs in training.
    pub fn n_draws(&self) -> usize {
        match self.family {
            LatentFamily::Categorical { gradient: DrawGradient::LeaveOneOut, .. } => 2,
            _ => 1,
        }
    }

    /// Number of (sub-)latents in a sequence of `seq` tokens.
    pub fn n_latents(&self, seq: usize) -> usize {
        match self.structure {
            LatentStructure::Pooled => 1,
            LatentStructure::PerToken => seq,
        }
    }

    /// Values in the latent of one sequence of `seq` tokens.
    pub fn row_len(&self, seq: usize) -> usize {
        self.n_latents(seq) * self.family.channels()
    }

    /// Checks sizes; `path` is where this table stands in the configuration.
    ///
    /// # Errors
    ///
    /// All problems found, in words that name the key.
    pub fn validate(&self, path: &str, graph: Option<&DependencyGraph>) -> Vec<String> {
        let trunk = self.posterior.trunk.validate(&format!("{path}.posterior.trunk"), graph);
        let mut errors: Vec<String> = trunk.iter().map(NetworkError::to_string).collect();
        if self.family.channels() == 0 {
            errors.push(format!("{path}.family has no channels; set every size to 1 or more"));
        }
        if let LatentFamily::Categorical { temperature, .. } = self.family
            && (temperature <= 0.0 || !temperature.is_finite())
        {
            errors.push(format!("{path}.family.temperature = {temperature}; it must be above 0"));
        }
        if self.prior != PriorKind::default() && matches!(self.family, LatentFamily::Gaussian { .. }) {
            errors.push(format!("{path}.prior is learned for categorical latents only; use \"standard\""));
        }
        if !(self.posterior.loudness >= 0.0 && self.posterior.loudness.is_finite()) {
            errors.push(format!(
                "{path}.posterior.loudness = {}; it must be 0 or more",
                self.posterior.loudness
            ));
        }
        if self.free_nats < 0.0 || !self.free_nats.is_finite() {
            errors.push(format!("{path}.free_nats = {}; it must be 0 or more", self.free_nats));
        }
        errors
    }
}
