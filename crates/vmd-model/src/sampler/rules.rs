//! The rules that a sampler is made of.

use serde::{Deserialize, Serialize};

use crate::Scope;

/// Which masked tokens are revealed in a step.
///
/// Written as in a command: `margin`, `threshold(0.9)`.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum RevealRule {
    /// Each masked token with probability `r(s, t)`: the sampler that the bounds certify.
    #[default]
    Ancestral,
    /// A given number of tokens, chosen at random.
    RandomK,
    /// The tokens whose best value is the most probable (`MaskGIT`, arXiv 2202.04200).
    TopProb,
    /// The tokens with the widest margin between their two best values (arXiv 2502.06768).
    Margin,
    /// The tokens of least entropy.
    Entropy,
    /// All tokens whose best value has at least this probability, and always the surest one.
    Threshold {
        /// Probability in `0..=1`.
        tau: f64,
    },
    /// The tokens of least entropy, as long as the entropies of those before the last one add up to no more than this: a bound on
    /// what tokens drawn at once can have to do with each other. The surest token always (EB-Sampler, arXiv 2505.24857).
    EntropyBound {
        /// Nats, 0 or more.
        gamma: f64,
    },
    /// Tokens of which no two are adjacent in the model's dependency graph, taken greedily in the order of their best
    /// probability, up to the share of a step of those that are left; the last of `nfe` steps reveals everything.
    IndependentSet,
    /// Tokens in uniformly random order at the times at which the continuous-time chain reveals them: one per
    /// evaluation, or in groups of the grid's sizes where there are fewer steps than tokens (arXiv 2409.02908,
    /// first-hitting sampler).
    FirstHitting,
}

impl RevealRule {
    pub(super) fn is_valid(&self) -> bool {
        match self {
            Self::Threshold { tau } => (0.0..=1.0).contains(tau),
            Self::EntropyBound { gamma } => gamma.is_finite() && *gamma >= 0.0,
            _ => true,
        }
    }

    /// Whether a step reveals a given number of the tokens with the best scores.
    pub(super) fn counts_the_surest(&self) -> bool {
        matches!(self, Self::TopProb | Self::Margin | Self::Entropy)
    }
}

/// Which value a revealed token gets.
///
/// Written as in a command: `argmax`, `categorical`, `categorical(0.8,0.95)`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ValueRule {
    /// The most probable.
    Argmax,
    /// A draw.
    Categorical {
        /// Divides the logits.
        temperature: f64,
        /// Share of probability mass, from the top, that may be drawn.
        top_p: f64,
    },
}

impl ValueRule {
    pub(super) fn is_valid(&self) -> bool {
        match *self {
            Self::Argmax => true,
            Self::Categorical { temperature, top_p } => {
                temperature > 0.0 && temperature.is_finite() && top_p > 0.0 && top_p <= 1.0
            }
        }
    }
}

impl Default for ValueRule {
    fn default() -> Self {
        Self::Categorical { temperature: 1.0, top_p: 1.0 }
    }
}

/// Which revealed tokens are masked again.
///
/// With the clock's times `s < t` of a step, `cap`, `rescale` and `confidence` mask a revealed token with probability `σ`,
/// at most `σ_max = min(1, (1 − α(s))/α(t))`, and reveal a masked one with probability
/// `(α(s) − (1 − σ)α(t))/(1 − α(t))`, so that as many tokens are masked at every time as without remasking.
/// Written as in a command: `none`, `cap(0.1)`, `confidence`.
///
/// # Source
///
/// `ReMDM`, arXiv 2503.00307: the posterior with remasking, and the cap, rescale and confidence schedules of `σ`.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum RemaskRule {
    /// None: what is revealed stays.
    #[default]
    None,
    /// `σ = min(η, σ_max)`.
    Cap {
        /// `η` in `0..=1`.
        eta: f64,
    },
    /// `σ = η·σ_max`.
    Rescale {
        /// `η` in `0..=1`.
        eta: f64,
    },
    /// `σ_i = η·σ_max·softmax_i(−ψ)` over the revealed tokens that are no clues, where `ψ_i` is the probability that
    /// token `i` had when it was revealed. As in the paper a masked token has no share, so it is revealed with the
    /// plain probability `r(s, t)`, and somewhat more tokens are masked than without remasking.
    Confidence {
        /// `η` in `0..=1`; 1, the paper's, where it is not written.
        eta: f64,
    },
    /// Every step predicts all masked tokens, and the surest tokens so far stay, as many as the grid says; all others
    /// are masked again, whichever step revealed them. A token keeps the score of the step that predicted it: at
    /// positions that are not masked the network was never trained (arXiv 2510.23606; `MaskGIT`, arXiv 2202.04200, lets
    /// revealed tokens stay).
    PredictRemask,
    /// A best-first search, for data with rules that can be checked before a sequence is finished ([`Checker`](super::Checker)). A step takes
    /// what reaches the threshold, or else the surest value; what else these tokens could be stays open, and the next step goes on
    /// with what is the most promising, here or elsewhere; with `categorical` values their order is a draw. A finished row that
    /// the checker accepts ends the search. The last of `nfe` evaluations reveals everything, and so does a search that has
    /// tried everything. For models of one block.
    Backtrack,
}

impl RemaskRule {
    pub(super) fn is_valid(&self) -> bool {
        match self {
            Self::None | Self::PredictRemask | Self::Backtrack => true,
            Self::Cap { eta } | Self::Rescale { eta } | Self::Confidence { eta } => (0.0..=1.0).contains(eta),
        }
    }

    /// Whether tokens are masked at random along the clock, as in `ReMDM`.
    pub(super) fn follows_the_clock(&self) -> bool {
        matches!(self, Self::Cap { .. } | Self::Rescale { .. } | Self::Confidence { .. })
    }
}

/// Where the latent of a step comes from. A model without latent takes no notice, except of `reinfer`.
///
/// Written as in a command: `prior`, `prior-once`, `prior-each-step`, `reinfer`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum LatentRule {
    /// From the prior, as often as the model's scope says.
    #[default]
    Prior,
    /// From the prior, once per sample, whatever the scope.
    PriorOnce,
    /// From the prior, afresh in every step, whatever the scope.
    PriorEachStep,
    /// From the prior before the first evaluation; before every further one from the posterior `q(z | x̂0)`, where `x̂0`
    /// are the tokens revealed so far and, for the rest, the most probable values of the evaluation before.
    Reinfer,
}

impl LatentRule {
    /// How often the prior is drawn from, for a model of the given scope.
    pub fn scope(&self, model: Scope) -> Scope {
        match (self, model) {
            (Self::PriorEachStep, _) => Scope::Step,
            (Self::PriorOnce, _) | (Self::Reinfer, Scope::Step) => Scope::Sequence,
            (Self::Prior | Self::Reinfer, scope) => scope,
        }
    }
}
