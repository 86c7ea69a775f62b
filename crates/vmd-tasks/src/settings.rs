//! Evaluation settings of a configuration.

use serde::{Deserialize, Serialize};
use vmd_sampler::{RevealRule, SamplerConfig, ValueRule};

use crate::{Evaluation, Given, Options};

/// The `[evaluate]` table of a configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvaluateConfig {
    /// Reveal rules.
    #[serde(default = "default_reveal")]
    pub reveal: Vec<RevealRule>,
    /// Steps of the sampler.
    #[serde(default = "default_nfe")]
    pub nfe: Vec<usize>,
    /// Value rule.
    #[serde(default)]
    pub value: ValueRule,
    /// Samples to draw: for a synthetic set beside exact figures, for Sudoku unconditional grids
    /// beside puzzles, else texts, lines or rows.
    #[serde(default)]
    pub samples: Option<usize>,
    /// Held-out texts, lines or rows whose bound is estimated; all if absent.
    #[serde(default)]
    pub texts: Option<usize>,
    /// Use the test split of texts, lines or rows. Choose settings on the validation split and use
    /// the test split once.
    #[serde(default)]
    pub test: bool,
    /// Also complete clues of a synthetic set, in addition to unconditional generation.
    #[serde(default)]
    pub given: Option<Given>,
}

fn default_reveal() -> Vec<RevealRule> {
    vec![RevealRule::Ancestral]
}

fn default_nfe() -> Vec<usize> {
    vec![1, 2, 4]
}

impl Default for EvaluateConfig {
    fn default() -> Self {
        Self {
            reveal: default_reveal(),
            nfe: default_nfe(),
            value: ValueRule::default(),
            samples: None,
            texts: None,
            test: false,
            given: None,
        }
    }
}

impl EvaluateConfig {
    /// The evaluation of these settings.
    #[must_use]
    pub fn evaluation(&self, seed: u64) -> Evaluation {
        Evaluation {
            reveal: Some(self.reveal.clone()),
            nfe: Some(self.nfe.clone()),
            value: Some(self.value),
            rest: SamplerConfig::default(),
            options: Options {
                samples: self.samples,
                texts: self.texts,
                test: self.test,
                given: self.given,
                ..Options::default()
            },
            seed,
        }
    }
}

/// Each reveal rule with each number of steps; other settings from `rest`. Rules that ignore the
/// number of steps are listed once.
#[must_use]
pub fn samplers(reveal: &[RevealRule], nfe: &[usize], rest: &SamplerConfig) -> Vec<SamplerConfig> {
    let of_rule = |&reveal: &RevealRule| {
        let config = SamplerConfig { reveal, ..rest.clone() };
        let nfe = nfe.iter().take(if config.sets_own_pace() { 1 } else { nfe.len() });
        nfe.map(move |&nfe| SamplerConfig { nfe, ..config.clone() })
    };
    reveal.iter().flat_map(of_rule).collect()
}
