//! The rules that a sampler is made of.

use serde::{Deserialize, Serialize};
use vmd_core::Problem;

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
}

impl RevealRule {
    pub(crate) fn is_valid(&self) -> bool {
        match self {
            Self::Threshold { tau } => (0.0..=1.0).contains(tau),
            Self::EntropyBound { gamma } => gamma.is_finite() && *gamma >= 0.0,
            _ => true,
        }
    }

    /// Whether a step reveals a given number of the tokens with the best scores.
    pub(crate) fn counts_the_surest(&self) -> bool {
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
    /// What is wrong with its numbers, if anything.
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

/// Which revealed tokens are masked again.
///
/// Written as in a command: `none`, `predict-remask`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum RemaskRule {
    /// None: what is revealed stays.
    #[default]
    None,
    /// Every step predicts all masked tokens and keeps the surest tokens so far, as many as the steps up to here would reveal;
    /// all others are masked again, whichever step revealed them. A token keeps the score of the step that predicted it: the
    /// network was never trained at positions that are not masked (arXiv 2510.23606; in `MaskGIT`, arXiv 2202.04200, revealed
    /// tokens stay).
    PredictRemask,
}
