//! Text form of the rules, the same in configurations and commands.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::{RemaskRule, RevealRule, ValueRule};

/// The error for a text that is not a rule.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[error("`{given}` is not a {what}; use one of: {known}")]
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
            known: "ancestral, random-k, top-prob, margin, entropy, threshold(0.9), entropy-bound(0.5), independent-set",
        };
        Ok(match text.trim().replace('_', "-").as_str() {
            "ancestral" => Self::Ancestral,
            "random-k" => Self::RandomK,
            "top-prob" => Self::TopProb,
            "margin" => Self::Margin,
            "entropy" => Self::Entropy,
            "independent-set" => Self::IndependentSet,
            other => {
                let threshold = argument(other, "threshold").map(|tau| Self::Threshold { tau });
                let bound = || argument(other, "entropy-bound").map(|gamma| Self::EntropyBound { gamma });
                threshold.or_else(bound).filter(Self::is_valid).ok_or_else(error)?
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
            Self::EntropyBound { gamma } => write!(f, "entropy-bound({gamma})"),
            Self::IndependentSet => f.write_str("independent-set"),
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

impl FromStr for RemaskRule {
    type Err = ParseRuleError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim().replace('_', "-").as_str() {
            "none" => Ok(Self::None),
            "predict-remask" => Ok(Self::PredictRemask),
            other => Err(ParseRuleError {
                given: text.into(),
                what: "remask rule",
                known: match other {
                    "backtrack" => "none, predict-remask; for a search write `--search 0.7`",
                    _ => "none, predict-remask",
                },
            }),
        }
    }
}

impl fmt::Display for RemaskRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::PredictRemask => "predict-remask",
        })
    }
}

/// Parses the number in `name(number)`.
fn argument(text: &str, name: &str) -> Option<f64> {
    text.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')')?.trim().parse().ok()
}

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
as_text!(RemaskRule);
