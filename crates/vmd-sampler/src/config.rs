//! What a sampler does, in serialisable form.

use serde::{Deserialize, Serialize};

use crate::{RemaskRule, RevealRule, ValueRule};

/// A sampler's choices.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SamplerConfig {
    /// Steps that the sampler may take: an upper limit on its network evaluations, for each of `best_of` attempts. The
    /// rules `threshold` and `entropy-bound` set their own pace and ignore it.
    pub nfe: usize,
    /// Which tokens a step reveals.
    #[serde(default)]
    pub reveal: RevealRule,
    /// Which values they get.
    #[serde(default)]
    pub value: ValueRule,
    /// Which revealed tokens are masked again.
    #[serde(default)]
    pub remask: RemaskRule,
    /// Attempts at a row until one satisfies the caller's checker.
    #[serde(default = "one")]
    pub best_of: usize,
}

fn one() -> usize {
    1
}

impl Default for SamplerConfig {
    /// Four steps of the ancestral sampler.
    fn default() -> Self {
        Self {
            nfe: 4,
            reveal: RevealRule::default(),
            value: ValueRule::default(),
            remask: RemaskRule::default(),
            best_of: one(),
        }
    }
}

impl SamplerConfig {
    /// Whether the number of evaluations does not depend on `nfe`.
    pub fn sets_own_pace(&self) -> bool {
        matches!(self.reveal, RevealRule::Threshold { .. } | RevealRule::EntropyBound { .. })
    }

    /// Problems of the configuration, with the name of the key; empty when a sampler can run.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.nfe == 0 {
            problems.push("nfe is 0; set it to 1 or more".into());
        }
        if self.best_of == 0 {
            problems.push("best_of is 0; set it to 1 or more".into());
        }
        if !self.reveal.is_valid() {
            problems.push(format!(
                "reveal = {}; tau must lie in 0..=1, gamma must be 0 or more and finite",
                self.reveal
            ));
        }
        problems.extend(self.value.problem());
        problems.extend(self.remask_problem());
        problems
    }

    /// The [`problems`](Self::problems), and what the rules need of a model that it lacks.
    pub fn problems_on(&self, has_graph: bool) -> Vec<String> {
        let mut problems = self.problems();
        if self.reveal == RevealRule::IndependentSet && !has_graph {
            problems.push(
                "reveal = independent-set asks which positions are tied, and the model has no graph; choose another \
                 rule, or train a model with model.graph"
                    .into(),
            );
        }
        problems
    }

    fn remask_problem(&self) -> Option<String> {
        let (remask, reveal) = (self.remask, self.reveal);
        (remask == RemaskRule::PredictRemask && !reveal.counts_the_surest()).then(|| {
            format!(
                "remask = {remask} keeps a given number of the surest tokens, and {reveal} does not say which are; set \
                 reveal to top-prob, margin or entropy, or remask = none"
            )
        })
    }
}
