//! Configuration of a latent.

use rand::Rng;
use serde::{Deserialize, Serialize};
use vmd_core::{Problem, Validate, gumbel, standard_normal, uniform};
use vmd_graph::DependencyGraph;
use vmd_nn::TrunkConfig;

/// A latent: its family, its structure, its prior, and the network that infers it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LatentConfig {
    /// Gaussian or categorical.
    pub family: LatentFamily,
    /// Whether there is one latent per sequence or per token.
    #[serde(default)]
    pub structure: LatentStructure,
    /// The prior, from which the latent is drawn in sampling.
    #[serde(default)]
    pub prior: PriorKind,
    /// A network that reads the clues of a sequence and shifts the prior: `p(z | clues)`.
    #[serde(default)]
    pub clues: Option<TrunkConfig>,
    /// In a causal model, shifts the prior of a block's latent by the preceding blocks: `p(z_b | x^{<b})`. It uses
    /// the denoiser's summary of them, so it costs a matrix product.
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
    /// Straight-through Gumbel-softmax (arXiv 1611.01144): one draw, low variance, but biased. For a nearly certain
    /// posterior, the gradient ignores the cost of being less certain.
    StraightThrough,
    /// Score function with the other of two draws as baseline (arXiv 1907.03077): unbiased, but needs two evaluations
    /// of the denoiser in training.
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

/// Maximum number of channels of a row under an `autoregressive` prior, whose weights are a square matrix over them.
const MAX_AUTOREGRESSIVE: usize = 4096;

/// Prior of a latent; [`LatentConfig`] checks which combinations are valid.
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
    /// As `autoregressive`, with a recurrent state (a gated recurrent unit) whose weights are shared by all tokens,
    /// for rows of many tokens in order. Categorical latents only.
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
    /// Standard deviation of the initial logits (of the means, for a Gaussian). Large initial logits give different
    /// sequences different codes before anything is learned, so that the denoiser learns to read `z` from the first
    /// step. A posterior that starts near the prior collapses onto it before the denoiser uses `z`.
    #[serde(default = "default_init_scale")]
    pub init_scale: f64,
}

fn default_init_scale() -> f64 {
    5.0
}

impl PosteriorConfig {
    /// A posterior around `trunk`, with large initial logits.
    pub fn new(trunk: TrunkConfig) -> Self {
        Self { trunk, init_scale: default_init_scale() }
    }

    /// Sets the standard deviation of the logits (of the means, for a Gaussian) at the start.
    #[must_use]
    pub fn with_init_scale(mut self, init_scale: f64) -> Self {
        self.init_scale = init_scale;
        self
    }
}

impl LatentFamily {
    /// Channels of one (sub-)latent in the denoiser's format; a categorical is one-hot per group.
    pub fn channels(&self) -> usize {
        match *self {
            Self::Gaussian { dim } => dim,
            Self::Categorical { n_groups, n_classes, .. } => n_groups * n_classes,
        }
    }

    /// Number of units whose KL is counted separately: channels of a Gaussian, groups of a categorical.
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
    /// A latent of the whole sequence, of `n_groups` groups of `n_classes` classes each. The prior draws the groups one after the other,
    /// and the posterior is a transformer of one layer.
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

    /// A latent of the whole sequence, of `dim` channels with a standard normal prior. The posterior is a transformer of one layer.
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

    /// Sets what the latent is drawn from when there is nothing to infer it from.
    #[must_use]
    pub fn with_prior(mut self, prior: PriorKind) -> Self {
        self.prior = prior;
        self
    }

    /// Adds a network that reads what is known of a sequence and shifts the prior.
    #[must_use]
    pub fn with_clues(mut self, clues: TrunkConfig) -> Self {
        self.clues = Some(clues);
        self
    }

    /// Sets whether the blocks before shift the prior of a block's latent, in a causal model.
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
    /// Number of draws of the latent per sequence in training.
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

    /// Appends the noise that [`LatentDistribution::sample`](crate::LatentDistribution::sample) turns into a draw for
    /// a sequence of `seq` tokens: standard normal for a Gaussian, Gumbel for a categorical.
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
        let init_scale = self.posterior.init_scale;
        if !(init_scale >= 0.0 && init_scale.is_finite()) {
            let message = format!("must be 0 or more and finite, not {init_scale}");
            problems.push(Problem::new("posterior.init_scale", message));
        }
        problems
    }
}

impl LatentConfig {
    /// Combinations that the prior does not support.
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
