//! Configuration of a latent.

use rand::Rng;
use serde::{Deserialize, Serialize};
use vmd_core::{Problem, Validate, gumbel, standard_normal, uniform};
use vmd_graph::DependencyGraph;
use vmd_nn::TrunkConfig;

/// Configuration of a latent: family, structure, prior and inference network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LatentConfig {
    /// Gaussian or categorical.
    pub family: LatentFamily,
    /// One latent per sequence or one per token.
    #[serde(default)]
    pub structure: LatentStructure,
    /// The prior `p(z)`; sampling draws the latent from it.
    #[serde(default)]
    pub prior: PriorKind,
    /// Trunk of a network that shifts the parameters of the prior by the clues of a sequence:
    /// `p(z | clues)`.
    #[serde(default)]
    pub clues: Option<TrunkConfig>,
    /// Whether the preceding blocks shift the prior of a block's latent: `p(z_b | x^{<b})`. Causal
    /// models only. The shift is a linear map of the denoiser's summary of these blocks, so it
    /// costs one matrix product.
    #[serde(default)]
    pub sees_past: bool,
    /// The inference network.
    pub posterior: PosteriorConfig,
}

/// Family of a latent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum LatentFamily {
    /// Continuous latent with a diagonal Gaussian posterior.
    Gaussian {
        /// Channels of a (sub-)latent.
        dim: usize,
    },
    /// Categorical groups, independent in the posterior. Draws are exact in training and in
    /// sampling.
    Categorical {
        /// Number of groups in a (sub-)latent.
        n_groups: usize,
        /// Number of classes of every group.
        n_classes: usize,
        /// Gradient estimator.
        #[serde(default)]
        gradient: DrawGradient,
    },
}

/// Estimator of the gradient with respect to a categorical posterior.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DrawGradient {
    /// Straight-through Gumbel-softmax (arXiv 1611.01144): one draw, low variance, but biased. For
    /// a nearly certain posterior, the gradient ignores the cost of being less certain.
    StraightThrough,
    /// Score function with the other of two draws as baseline (arXiv 1907.03077): unbiased, but
    /// needs two evaluations of the denoiser per training step.
    #[default]
    LeaveOneOut,
}

/// Scope of a latent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LatentStructure {
    /// One latent for the whole sequence.
    #[default]
    Pooled,
    /// One sub-latent per token.
    PerToken,
}

/// Maximum number of channels of a row under an `autoregressive` prior, whose weights are a square
/// matrix over them.
const MAX_AUTOREGRESSIVE: usize = 4096;

/// Prior of a latent. Validation of [`LatentConfig`] reports invalid combinations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum PriorKind {
    /// `N(0, I)`, or uniform over classes.
    Standard {},
    /// Mean and variance of every channel, or class probabilities of every group. Learned with the
    /// model and shared by all tokens.
    Independent {},
    /// `Π_g p(z_g | z_{<g})`: class probabilities of each group given all preceding groups, with
    /// the groups of all tokens in order of position. Learned with the model. Categorical latents
    /// only.
    Autoregressive {
        /// Hidden units per group of a network whose output is added to the linear dependence; 0
        /// for none.
        #[serde(default)]
        hidden: usize,
    },
    /// As `autoregressive`, but with the state of a gated recurrent unit whose weights are shared
    /// by all tokens. For rows of many tokens. Categorical latents only.
    Recurrent {
        /// Hidden units of the state.
        hidden: usize,
    },
    /// `Σ_k w_k p_k(z)`, where each component is a diagonal normal or a product of independent
    /// groups over all latents of a row. Learned with the model.
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

/// Configuration of the inference network `q_φ(z | x0, xt)`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PosteriorConfig {
    /// The trunk.
    pub trunk: TrunkConfig,
    /// Standard deviation of the initial logits (of the means, for a Gaussian). With large initial
    /// logits, different sequences have different codes at initialisation, so that the denoiser
    /// learns to use `z` from the first step. A posterior that starts near the prior collapses
    /// onto it before the denoiser uses `z`.
    #[serde(default = "default_init_scale")]
    pub init_scale: f64,
}

fn default_init_scale() -> f64 {
    5.0
}

impl PosteriorConfig {
    /// Creates a configuration with this trunk and an `init_scale` of 5.
    pub fn new(trunk: TrunkConfig) -> Self {
        Self { trunk, init_scale: default_init_scale() }
    }

    /// Sets the standard deviation of the initial logits (of the means, for a Gaussian).
    #[must_use]
    pub fn with_init_scale(mut self, init_scale: f64) -> Self {
        self.init_scale = init_scale;
        self
    }
}

impl LatentFamily {
    /// Returns the channels of one (sub-)latent in the denoiser's format; a categorical is one-hot
    /// per group.
    pub fn channels(&self) -> usize {
        match *self {
            Self::Gaussian { dim } => dim,
            Self::Categorical { n_groups, n_classes, .. } => n_groups * n_classes,
        }
    }

    /// Returns the number of units whose KL is counted separately: channels of a Gaussian, groups
    /// of a categorical.
    pub fn n_units(&self) -> usize {
        match *self {
            Self::Gaussian { dim } => dim,
            Self::Categorical { n_groups, .. } => n_groups,
        }
    }
}

/// Hidden units per group of the prior of [`LatentConfig::categorical`].
const HIDDEN: usize = 128;

impl LatentConfig {
    /// Creates a pooled latent of `n_groups` groups with `n_classes` classes each. The prior is
    /// autoregressive over the groups, and the posterior is a transformer of one layer.
    ///
    /// ```
    /// use vmd_latent::{LatentConfig, PriorKind};
    /// let latent = LatentConfig::categorical(6, 8);
    /// assert!(matches!(latent.prior, PriorKind::Autoregressive { .. }));
    /// assert_eq!(latent.row_len(4), 6 * 8);
    /// ```
    pub fn categorical(n_groups: usize, n_classes: usize) -> Self {
        let family = LatentFamily::Categorical { n_groups, n_classes, gradient: DrawGradient::default() };
        Self::new(family, PriorKind::Autoregressive { hidden: HIDDEN })
    }

    /// Creates a pooled latent of `dim` channels with a standard normal prior. The posterior is a
    /// transformer of one layer.
    pub fn gaussian(dim: usize) -> Self {
        Self::new(LatentFamily::Gaussian { dim }, PriorKind::Standard {})
    }

    fn new(family: LatentFamily, prior: PriorKind) -> Self {
        Self {
            family,
            structure: LatentStructure::default(),
            prior,
            clues: None,
            sees_past: false,
            posterior: PosteriorConfig::new(TrunkConfig::new(64, 1, 4)),
        }
    }

    /// Sets whether there is one latent per sequence or one per token.
    #[must_use]
    pub fn with_structure(mut self, structure: LatentStructure) -> Self {
        self.structure = structure;
        self
    }

    /// Sets the prior.
    #[must_use]
    pub fn with_prior(mut self, prior: PriorKind) -> Self {
        self.prior = prior;
        self
    }

    /// Adds a network with this trunk that shifts the prior by the clues of a sequence.
    #[must_use]
    pub fn with_clues(mut self, clues: TrunkConfig) -> Self {
        self.clues = Some(clues);
        self
    }

    /// Sets whether the preceding blocks shift the prior of a block's latent. Causal models only.
    #[must_use]
    pub fn with_sees_past(mut self, sees_past: bool) -> Self {
        self.sees_past = sees_past;
        self
    }

    /// Sets the inference network.
    #[must_use]
    pub fn with_posterior(mut self, posterior: PosteriorConfig) -> Self {
        self.posterior = posterior;
        self
    }
}

impl LatentConfig {
    /// Returns the number of draws of the latent per sequence in training.
    pub fn n_draws(&self) -> usize {
        match self.family {
            LatentFamily::Categorical { gradient: DrawGradient::LeaveOneOut, .. } => 2,
            _ => 1,
        }
    }

    /// Returns the number of (sub-)latents in a sequence of `seq` tokens.
    pub fn n_latents(&self, seq: usize) -> usize {
        match self.structure {
            LatentStructure::Pooled => 1,
            LatentStructure::PerToken => seq,
        }
    }

    /// Appends the noise for one call of
    /// [`LatentDistribution::sample`](crate::LatentDistribution::sample) on a sequence of `seq`
    /// tokens: standard normal for a Gaussian, Gumbel for a categorical.
    pub fn noise_into(&self, seq: usize, rng: &mut impl Rng, values: &mut Vec<f32>) {
        let n = self.row_len(seq);
        match self.family {
            LatentFamily::Gaussian { .. } => values.extend((0..n).map(|_| standard_normal(rng) as f32)),
            LatentFamily::Categorical { .. } => values.extend((0..n).map(|_| gumbel(uniform(rng)) as f32)),
        }
    }

    /// Returns the number of values in the latent of a sequence of `seq` tokens.
    pub fn row_len(&self, seq: usize) -> usize {
        self.n_latents(seq) * self.family.channels()
    }
}

impl Validate for LatentConfig {
    /// The number of tokens of a sequence, and the model's graph.
    type Context<'a> = (usize, Option<&'a DependencyGraph>);

    /// Checks sizes and combinations of family, prior and clues.
    fn problems(&self, (seq, graph): Self::Context<'_>) -> Vec<Problem> {
        let mut problems = self.posterior.trunk.problems_under("posterior.trunk", graph);
        problems.extend(self.clues.iter().flat_map(|clues| clues.problems_under("clues", graph)));
        problems.extend(self.prior_problems(seq));
        if self.family.channels() == 0 {
            problems.push(Problem::new("family", "it has no channels; set every size to 1 or more"));
        }
        if let LatentFamily::Categorical { n_groups, n_classes: 1, .. } = self.family
            && n_groups > 0
        {
            problems.push(Problem::new(
                "family",
                "a group of one class carries nothing; set n_classes to 2 or more",
            ));
        }
        let init_scale = self.posterior.init_scale;
        if !(init_scale >= 0.0 && init_scale.is_finite()) {
            let message = format!("must be 0 or more and finite, not {init_scale}");
            problems.push(Problem::new("posterior.init_scale", message));
        }
        problems
    }
}

impl LatentConfig {
    /// Returns problems of the prior: sizes and combinations that it does not support.
    fn prior_problems(&self, seq: usize) -> Vec<Problem> {
        let is_gaussian = matches!(self.family, LatentFamily::Gaussian { .. });
        let by_classes = matches!(self.prior, PriorKind::Autoregressive { .. } | PriorKind::Recurrent { .. });
        let mut problems = Vec::new();
        if is_gaussian && by_classes {
            let message = "an autoregressive or recurrent prior is a table over classes, and a Gaussian has none; use \"mixture\"";
            problems.push(Problem::new("prior", message));
        }
        match self.prior {
            PriorKind::Autoregressive { .. } if self.row_len(seq) > MAX_AUTOREGRESSIVE => {
                let message = format!(
                    "autoregressive has a weight for every two of the {} classes of a row, and supports up to \
                     {MAX_AUTOREGRESSIVE}; use fewer, or \"recurrent\"",
                    self.row_len(seq)
                );
                problems.push(Problem::new("prior", message));
            }
            PriorKind::Recurrent { hidden } => problems.extend(Problem::zeros([("prior.hidden", hidden)])),
            PriorKind::Mixture { components } => {
                problems.extend(Problem::zeros([("prior.components", components)]));
            }
            PriorKind::Standard {} => {
                let shifts = [("clues", self.clues.is_some()), ("sees_past", self.sees_past)];
                let message = "a standard prior has no parameters to shift; use \"independent\"";
                let shifts = shifts.into_iter().filter(|(_, is_set)| *is_set);
                problems.extend(shifts.map(|(key, _)| Problem::new(key, message)));
            }
            PriorKind::Independent {} | PriorKind::Autoregressive { .. } => {}
        }
        problems
    }
}
