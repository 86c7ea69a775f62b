//! What a sampler does, in serialisable form.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use vmd_process::TimeGrid;

/// A sampler's choices.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SamplerConfig {
    /// Steps that the sampler may take: an upper limit on its network evaluations. The threshold rule sets
    /// its own pace and ignores it.
    pub nfe: usize,
    /// How the steps share out time, or tokens.
    #[serde(default)]
    pub grid: TimeGrid,
    /// Which tokens a step reveals.
    #[serde(default)]
    pub reveal: RevealRule,
    /// Which values they get.
    #[serde(default)]
    pub value: ValueRule,
}

impl Default for SamplerConfig {
    /// Four steps of the ancestral sampler.
    fn default() -> Self {
        Self { nfe: 4, grid: TimeGrid::default(), reveal: RevealRule::default(), value: ValueRule::default() }
    }
}

impl SamplerConfig {
    /// Problems of the configuration, with the name of the key; empty when a sampler can run.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.nfe == 0 {
            problems.push("nfe is 0; set it to 1 or more".into());
        }
        if !self.reveal.is_valid() {
            problems.push(format!("reveal = {}; tau must lie in 0..=1", self.reveal));
        }
        if !self.value.is_valid() {
            problems.push(format!(
                "value = {}; the temperature must be above 0 and finite, top-p in (0, 1]",
                self.value
            ));
        }
        problems
    }
}

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
}

impl RevealRule {
    fn is_valid(&self) -> bool {
        match self {
            Self::Threshold { tau } => (0.0..=1.0).contains(tau),
            _ => true,
        }
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
    fn is_valid(&self) -> bool {
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

/// A rule's name that is not understood.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[error("`{given}` is no {what}; use one of: {known}")]
pub struct ParseRuleError {
    given: String,
    what: &'static str,
    known: &'static str,
}

impl FromStr for RevealRule {
    type Err = ParseRuleError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseRuleError {
            given: text.into(),
            what: "reveal rule",
            known: "ancestral, random-k, top-prob, margin, entropy, threshold(0.9)",
        };
        Ok(match text.trim().replace('_', "-").as_str() {
            "ancestral" => Self::Ancestral,
            "random-k" => Self::RandomK,
            "top-prob" => Self::TopProb,
            "margin" => Self::Margin,
            "entropy" => Self::Entropy,
            other => {
                let argument = other.strip_prefix("threshold(").and_then(|rest| rest.strip_suffix(')'));
                let tau = argument.and_then(|tau| tau.trim().parse().ok()).ok_or_else(error)?;
                Some(Self::Threshold { tau }).filter(Self::is_valid).ok_or_else(error)?
            }
        })
    }
}

impl fmt::Display for RevealRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ancestral => f.write_str("ancestral"),
            Self::RandomK => f.write_str("random-k"),
            Self::TopProb => f.write_str("top-prob"),
            Self::Margin => f.write_str("margin"),
            Self::Entropy => f.write_str("entropy"),
            Self::Threshold { tau } => write!(f, "threshold({tau})"),
        }
    }
}

impl FromStr for ValueRule {
    type Err = ParseRuleError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseRuleError {
            given: text.into(),
            what: "value rule",
            known: "argmax, categorical, categorical(TEMPERATURE), categorical(TEMPERATURE,TOP_P)",
        };
        match text.trim() {
            "argmax" => Ok(Self::Argmax),
            "categorical" => Ok(Self::default()),
            other => {
                let inner = other.strip_prefix("categorical(").and_then(|rest| rest.strip_suffix(')'));
                let numbers: Result<Vec<f64>, _> =
                    inner.ok_or_else(error)?.split(',').map(|part| part.trim().parse::<f64>()).collect();
                let rule = match *numbers.map_err(|_| error())?.as_slice() {
                    [temperature] => Self::Categorical { temperature, top_p: 1.0 },
                    [temperature, top_p] => Self::Categorical { temperature, top_p },
                    _ => return Err(error()),
                };
                Some(rule).filter(Self::is_valid).ok_or_else(error)
            }
        }
    }
}

impl fmt::Display for ValueRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Argmax => f.write_str("argmax"),
            Self::Categorical { temperature, top_p } if *temperature == 1.0 && *top_p == 1.0 => {
                f.write_str("categorical")
            }
            Self::Categorical { temperature, top_p } => write!(f, "categorical({temperature},{top_p})"),
        }
    }
}

/// Rules stand in a configuration as they are typed in a command.
macro_rules! as_text {
    ($rule:ty) => {
        impl TryFrom<String> for $rule {
            type Error = ParseRuleError;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$rule> for String {
            fn from(rule: $rule) -> Self {
                rule.to_string()
            }
        }
    };
}
as_text!(RevealRule);
as_text!(ValueRule);
