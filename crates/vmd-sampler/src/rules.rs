//! The rules of a sampler.

use serde::{Deserialize, Serialize};
use vmd_core::Problem;

/// Rule for the masked tokens that a step reveals.
///
/// Text form: `margin`, `threshold(0.9)`.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum RevealRule {
    /// Each masked token is revealed with probability `r(s, t)`. The likelihood bounds hold for
    /// this sampler.
    #[default]
    Ancestral,
    /// A fixed number of random tokens.
    RandomK,
    /// The tokens with the largest top probability (`MaskGIT`, arXiv 2202.04200).
    TopProb,
    /// The tokens with the largest margin between the two top probabilities (arXiv 2502.06768).
    Margin,
    /// The tokens with the smallest entropy.
    Entropy,
    /// All tokens whose top probability reaches this threshold, and at least the most probable one.
    Threshold {
        /// Probability in `0..=1`.
        tau: f64,
    },
    /// The tokens with the smallest entropy, as long as the entropies of all but the last one sum
    /// to at most this bound on the dependence of tokens drawn together, and at least one token
    /// (EB-Sampler, arXiv 2505.24857).
    EntropyBound {
        /// Nats, 0 or more.
        gamma: f64,
    },
    /// Tokens that are pairwise not adjacent in the model's dependency graph, selected greedily by
    /// top probability. A step reveals at most its share of the remaining tokens; the last of `nfe`
    /// steps reveals all of them.
    IndependentSet,
}

impl RevealRule {
    pub(crate) fn is_valid(&self) -> bool {
        match self {
            Self::Threshold { tau } => (0.0..=1.0).contains(tau),
            Self::EntropyBound { gamma } => gamma.is_finite() && *gamma >= 0.0,
            _ => true,
        }
    }

    /// Whether a step reveals a fixed number of the tokens with the best scores.
    pub(crate) fn counts_the_surest(&self) -> bool {
        matches!(self, Self::TopProb | Self::Margin | Self::Entropy)
    }
}

/// Rule for the value of a revealed token.
///
/// Text form: `argmax`, `categorical`, `categorical(0.8,0.95)`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ValueRule {
    /// The most probable value.
    Argmax,
    /// A value drawn from `softmax(logits / temperature)`, restricted to the top `top_p`.
    Categorical {
        /// Divisor of the logits.
        temperature: f64,
        /// Values are drawn from the smallest set of most probable values with at least this mass.
        top_p: f64,
    },
}

impl ValueRule {
    /// The problem with `temperature` or `top_p`, if any.
    pub(crate) fn problem(&self) -> Option<Problem> {
        (!self.is_valid()).then(|| {
            let message = format!("the temperature must be above 0 and finite, top-p in (0, 1], in {self}");
            Problem::new("value", message)
        })
    }

    pub(crate) fn is_valid(&self) -> bool {
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

/// Rule for the revealed tokens that are masked again.
///
/// Text form: `none`, `predict-remask`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum RemaskRule {
    /// Revealed tokens stay.
    #[default]
    None,
    /// Each step predicts all masked tokens and keeps the ones with the highest scores so far, as
    /// many as the steps up to this one reveal. All others are masked again, whichever step
    /// revealed them. A token keeps the score of the step that predicted it, because the network is
    /// not trained at unmasked positions (arXiv 2510.23606; in `MaskGIT`, arXiv 2202.04200,
    /// revealed tokens stay).
    PredictRemask,
}
