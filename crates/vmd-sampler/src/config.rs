//! Serialisable configuration of a sampler.

use serde::{Deserialize, Serialize};
use vmd_core::{Problem, Validate};

use crate::{RemaskRule, RevealRule, ValueRule};

/// Maximum number of steps of a sampler, far above the number of tokens of any sequence.
pub const MAX_STEPS: usize = 1_000_000;

/// Configuration of a [`Sampler`](crate::Sampler).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SamplerConfig {
    /// Maximum number of steps, and so of network evaluations, in each of `best_of` attempts. Each
    /// latent that is fitted to clues takes one more evaluation. The rules `threshold` and
    /// `entropy-bound` ignore it and take as many steps as they need.
    pub nfe: usize,
    /// Rule for the tokens that a step reveals.
    #[serde(default)]
    pub reveal: RevealRule,
    /// Rule for the values of revealed tokens.
    #[serde(default)]
    pub value: ValueRule,
    /// Rule for the revealed tokens that are masked again.
    #[serde(default)]
    pub remask: RemaskRule,
    /// Maximum number of attempts at a row. The first one that the caller's checker accepts is
    /// kept.
    #[serde(default = "one")]
    pub best_of: usize,
}

fn one() -> usize {
    1
}

impl Default for SamplerConfig {
    /// The ancestral sampler with four steps.
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
    /// The ancestral sampler with `nfe` steps and values drawn from the network's distribution.
    ///
    /// ```
    /// use vmd_sampler::{RevealRule, SamplerConfig, ValueRule};
    /// let config = SamplerConfig::new(8).with_reveal(RevealRule::Margin).with_value(ValueRule::Argmax);
    /// assert_eq!((config.nfe, config.best_of), (8, 1));
    /// ```
    pub fn new(nfe: usize) -> Self {
        Self { nfe, ..Self::default() }
    }

    /// Sets the rule for the tokens that a step reveals.
    #[must_use]
    pub fn with_reveal(mut self, reveal: RevealRule) -> Self {
        self.reveal = reveal;
        self
    }

    /// Sets the rule for the values of revealed tokens.
    #[must_use]
    pub fn with_value(mut self, value: ValueRule) -> Self {
        self.value = value;
        self
    }

    /// Sets the rule for the revealed tokens that are masked again.
    #[must_use]
    pub fn with_remask(mut self, remask: RemaskRule) -> Self {
        self.remask = remask;
        self
    }

    /// Sets the maximum number of attempts at a row.
    #[must_use]
    pub fn with_best_of(mut self, best_of: usize) -> Self {
        self.best_of = best_of;
        self
    }

    /// Whether the number of evaluations does not depend on `nfe`.
    pub fn sets_own_pace(&self) -> bool {
        matches!(self.reveal, RevealRule::Threshold { .. } | RevealRule::EntropyBound { .. })
    }

    /// The [`problems`](Validate::problems), and those of running on a model with or without a
    /// graph.
    pub fn problems_on(&self, has_graph: bool) -> Vec<Problem> {
        let mut problems = self.problems(());
        if self.reveal == RevealRule::IndependentSet && !has_graph {
            let message = "independent-set asks which positions are tied, and the model has no graph; choose another rule, or \
                           train a model with model.graph";
            problems.push(Problem::new("reveal", message));
        }
        problems
    }

    fn remask_problem(&self) -> Option<Problem> {
        let (remask, reveal) = (self.remask, self.reveal);
        (remask == RemaskRule::PredictRemask && !reveal.counts_the_surest()).then(|| {
            let message = format!(
                "{remask} keeps a given number of the surest tokens, which {reveal} does not count; set reveal to top-prob, margin \
                 or entropy, or remask to none"
            );
            Problem::new("remask", message)
        })
    }
}

impl Validate for SamplerConfig {
    type Context<'a> = ();

    fn problems(&self, (): ()) -> Vec<Problem> {
        let mut problems: Vec<Problem> =
            Problem::zeros([("nfe", self.nfe), ("best_of", self.best_of)]).collect();
        if self.nfe > MAX_STEPS {
            let message = format!("{} is more than {MAX_STEPS}; lower it", self.nfe);
            problems.push(Problem::new("nfe", message));
        }
        if !self.reveal.is_valid() {
            let message =
                format!("tau must lie in 0..=1, gamma must be 0 or more and finite, in {}", self.reveal);
            problems.push(Problem::new("reveal", message));
        }
        problems.extend(self.value.problem());
        problems.extend(self.remask_problem());
        problems
    }
}
