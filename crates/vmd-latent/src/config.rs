//! The choices that define a latent.

use rand::Rng;
use serde::{Deserialize, Serialize};
use vmd_core::{gumbel, standard_normal, uniform};
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
    /// A network that reads what is known of a sequence and shifts the prior: `p(z | clues)`.
    #[serde(default)]
    pub clues: Option<TrunkConfig>,
    /// In a causal model, lets the blocks before shift the prior of a block's latent: `p(z_b | x^{<b})`. The denoiser's own summary
    /// of them does it, so it costs a matrix product.
    #[serde(default)]
    pub sees_past: bool,
    /// The inference network.
    pub posterior: PosteriorConfig,
}

/// Family of the posterior and of the prior.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
    },
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

/// Most channels of a row under an `autoregressive` prior, whose weights are a square matrix over them.
const MAX_AUTOREGRESSIVE: usize = 4096;

/// Prior of a latent. What goes with what is in [`LatentConfig::validate`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum PriorKind {
    /// `N(0, I)`, or uniform over classes.
    Standard {},
    /// Mean and variance of every channel, or class probabilities of every group, learned with the model and shared by
    /// all tokens.
    Independent {},
    /// Class probabilities of every group given the classes of the groups before it, over all tokens in order of
    /// their positions, learned with the model. Categorical latents only.
    Autoregressive {
        /// Hidden units per group of the network that adds to the linear dependence; 0 for none.
        #[serde(default)]
        hidden: usize,
    },
    /// As `autoregressive`, through a state that every token changes by the same weights (a gated recurrent unit): for rows
    /// of many tokens, of which one comes after the other. Categorical latents only.
    Recurrent {
        /// Units of the state.
        hidden: usize,
    },
    /// `Σ_k w_k p_k(z)`, learned with the model: diagonal normals, or products of independent groups. A component is a
    /// joint setting for all latents of a row.
    Mixture {
        /// Number of components.
        components: usize,
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
    /// Standard deviation of the logits (of the means, for a Gaussian) at the start. Large initial logits give different
    /// sequences different codes before anything is learned, so that the denoiser learns to read `z` from the first
    /// step. A posterior that starts near the prior collapses onto it before the denoiser uses `z`.
    #[serde(default = "default_init_scale")]
    pub init_scale: f64,
}

fn default_init_scale() -> f64 {
    5.0
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

    /// Appends the noise that [`LatentDistribution::sample`](crate::LatentDistribution::sample) turns into a draw for a
    /// sequence of `seq` tokens: standard normal for a Gaussian, Gumbel for a categorical.
    pub fn noise_into(&self, seq: usize, rng: &mut impl Rng, values: &mut Vec<f32>) {
        let n = self.row_len(seq);
        match self.family {
            LatentFamily::Gaussian { .. } => values.extend((0..n).map(|_| standard_normal(rng) as f32)),
            LatentFamily::Categorical { .. } => values.extend((0..n).map(|_| gumbel(uniform(rng)) as f32)),
        }
    }

    /// Values in the latent of one sequence of `seq` tokens.
    pub fn row_len(&self, seq: usize) -> usize {
        self.n_latents(seq) * self.family.channels()
    }

    /// Checks sizes and what goes with what, for sequences of `seq` tokens; `path` is where this table stands in the
    /// configuration.
    ///
    /// # Errors
    ///
    /// All problems found, in words that name the key.
    pub fn validate(&self, path: &str, seq: usize, graph: Option<&DependencyGraph>) -> Vec<String> {
        let mut trunk = self.posterior.trunk.validate(&format!("{path}.posterior.trunk"), graph);
        if let Some(clues) = &self.clues {
            trunk.extend(clues.validate(&format!("{path}.clues"), graph));
        }
        let mut errors: Vec<String> = trunk.iter().map(NetworkError::to_string).collect();
        errors.extend(self.prior_problems(seq).into_iter().map(|problem| format!("{path}.{problem}")));
        if self.family.channels() == 0 {
            errors.push(format!("{path}.family has no channels; set every size to 1 or more"));
        }
        if !(self.posterior.init_scale >= 0.0 && self.posterior.init_scale.is_finite()) {
            errors.push(format!(
                "{path}.posterior.init_scale = {}; it must be 0 or more",
                self.posterior.init_scale
            ));
        }
        errors
    }
    /// What does not go with the prior, from the key on.
    fn prior_problems(&self, seq: usize) -> Vec<String> {
        let is_gaussian = matches!(self.family, LatentFamily::Gaussian { .. });
        let mut checks = match self.prior {
            PriorKind::Standard {} | PriorKind::Independent {} => Vec::new(),
            PriorKind::Autoregressive { .. } => self.autoregressive_checks(is_gaussian, seq),
            PriorKind::Recurrent { hidden } => vec![
                (
                    !is_gaussian,
                    "prior: recurrent is a table over classes, and a Gaussian has none; use \"mixture\""
                        .into(),
                ),
                (hidden > 0, "prior.hidden = 0; it must be 1 or more".into()),
            ],
            PriorKind::Mixture { components } => {
                vec![(components > 0, "prior.components = 0; it must be 1 or more".into())]
            }
        };
        let is_standard = self.prior == PriorKind::Standard {};
        for (key, is_absent) in [("clues", self.clues.is_none()), ("sees_past", !self.sees_past)] {
            let why = "a standard prior has no parameters to shift; use \"independent\"";
            checks.push((is_absent || !is_standard, format!("{key}: {why}")));
        }
        checks.into_iter().filter(|(holds, _)| !holds).map(|(_, problem)| problem).collect()
    }

    /// What must hold for an autoregressive prior, each with what to say if it does not.
    fn autoregressive_checks(&self, is_gaussian: bool, seq: usize) -> Vec<(bool, String)> {
        let channels = self.row_len(seq);
        vec![
            (
                !is_gaussian,
                "prior: autoregressive is a table over classes, and a Gaussian has none; use \"mixture\""
                    .into(),
            ),
            (
                channels <= MAX_AUTOREGRESSIVE,
                format!(
                    "prior: autoregressive has a weight for every two of the {channels} classes of a row, and \
                     supports up to {MAX_AUTOREGRESSIVE}; use fewer, or \"recurrent\""
                ),
            ),
        ]
    }
}
