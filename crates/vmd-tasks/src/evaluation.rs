//! Settings of one evaluation.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use vmd_sampler::{Method, RevealRule, SamplerConfig, SearchConfig, ValueRule};

use serde::{Deserialize, Serialize};

use crate::config::tasks_with;
use crate::synthetic::InfillTask;
use crate::{EvaluateConfig, TaskError, samplers};

/// Which tokens are given as clues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Given {
    /// A random half.
    Half,
}

impl fmt::Display for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("half")
    }
}

impl FromStr for Given {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "half" => Ok(Self::Half),
            other => Err(format!("`{other}` is not a share of clues; use half")),
        }
    }
}

/// Samplers and sample counts. Absent fields use the task's defaults.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Evaluation {
    /// Reveal rules.
    pub reveal: Option<Vec<RevealRule>>,
    /// Steps of the sampler.
    pub nfe: Option<Vec<usize>>,
    /// Value rule.
    pub value: Option<ValueRule>,
    /// All other sampler settings.
    pub rest: SamplerConfig,
    /// Options of the task.
    pub options: Options,
    /// Seed of every draw.
    pub seed: u64,
}

/// Options of tasks. A task refuses options that it does not accept.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Options {
    /// Threshold for search, which replaces step-by-step sampling.
    pub search: Option<f64>,
    /// Puzzle file.
    pub puzzles: Option<PathBuf>,
    /// Maximum number of puzzles.
    pub limit: Option<usize>,
    /// Number of unconditional grids to draw instead of solving puzzles.
    pub unconditional: Option<usize>,
    /// Samples to draw.
    pub samples: Option<usize>,
    /// Posterior draws per sequence for the importance-weighted bound.
    pub iwae: Option<usize>,
    /// Clues for infilling.
    pub given: Option<Given>,
    /// Sequences whose clues are given.
    pub contexts: Option<usize>,
    /// Completions per sequence.
    pub completions: Option<usize>,
    /// Use the test split instead of the validation split.
    pub test: bool,
    /// Held-out sequences whose bound is estimated; all if absent.
    pub texts: Option<usize>,
    /// Tokens per generated text; the training length if absent.
    pub length: Option<usize>,
    /// Length of the middle span of held-out texts to fill in.
    pub span: Option<usize>,
    /// Attempts per span; the most likely one is kept.
    pub candidates: Option<usize>,
    /// Order of the n-gram judge.
    pub order: Option<usize>,
}

impl Options {
    /// Names of the options that are set.
    #[must_use]
    pub fn set(&self) -> Vec<&'static str> {
        let all = [
            ("search", self.search.is_some()),
            ("puzzles", self.puzzles.is_some()),
            ("limit", self.limit.is_some()),
            ("unconditional", self.unconditional.is_some()),
            ("samples", self.samples.is_some()),
            ("iwae", self.iwae.is_some()),
            ("given", self.given.is_some()),
            ("contexts", self.contexts.is_some()),
            ("completions", self.completions.is_some()),
            ("test", self.test),
            ("texts", self.texts.is_some()),
            ("length", self.length.is_some()),
            ("span", self.span.is_some()),
            ("candidates", self.candidates.is_some()),
            ("order", self.order.is_some()),
        ];
        all.into_iter().filter(|(_, is_set)| *is_set).map(|(name, _)| name).collect()
    }

    /// Options that must not be 0.
    fn counts(&self) -> [(&'static str, Option<usize>); 8] {
        [
            ("unconditional", self.unconditional),
            ("iwae", self.iwae),
            ("contexts", self.contexts),
            ("completions", self.completions),
            ("texts", self.texts),
            ("length", self.length),
            ("candidates", self.candidates),
            ("order", self.order),
        ]
    }

    /// The infill task, if `given` is set.
    #[must_use]
    pub fn infill(&self) -> Option<InfillTask> {
        let InfillTask { contexts, completions } = InfillTask::default();
        self.given.map(|Given::Half| InfillTask {
            contexts: self.contexts.unwrap_or(contexts),
            completions: self.completions.unwrap_or(completions),
        })
    }
}

impl Evaluation {
    /// The samplers to compare. Absent fields are taken from `defaults`.
    #[must_use]
    pub fn samplers(&self, defaults: &EvaluateConfig) -> Vec<SamplerConfig> {
        let (reveal, nfe) = (
            self.reveal.as_deref().unwrap_or(&defaults.reveal),
            self.nfe.as_deref().unwrap_or(&defaults.nfe),
        );
        let value = self.value.unwrap_or(defaults.value);
        samplers(reveal, nfe, &SamplerConfig { value, ..self.rest.clone() })
    }

    /// The searches if `search` is set, else the samplers.
    #[must_use]
    pub fn methods(&self, defaults: &EvaluateConfig) -> Vec<Method> {
        let Some(threshold) = self.options.search else {
            return self.samplers(defaults).into_iter().map(Method::from).collect();
        };
        let value = self.value.unwrap_or(defaults.value);
        let nfe = self.nfe.as_deref().unwrap_or(&defaults.nfe);
        nfe.iter().map(|&nfe| SearchConfig { threshold, nfe, value }.into()).collect()
    }

    /// Refuses options outside `known`, the options of `task`, and counts of 0.
    ///
    /// # Errors
    ///
    /// [`TaskError::Option`] and [`TaskError::Value`].
    pub fn check(
        &self,
        task: &'static str,
        known: &[&'static str],
        has_judge: bool,
    ) -> Result<(), TaskError> {
        let judge = has_judge.then_some("judge");
        if let Some(option) = self.options.set().into_iter().chain(judge).find(|name| !known.contains(name)) {
            return Err(TaskError::Option { option, tasks: tasks_with(option), task });
        }
        let zero = self.options.counts().into_iter().find(|(_, count)| *count == Some(0));
        let no_steps = self.nfe.as_ref().is_some_and(|nfe| nfe.contains(&0)).then_some("nfe");
        match no_steps.or(zero.map(|(option, _)| option)) {
            Some(option) => Err(TaskError::Value { option, problem: "must be 1 or more".into() }),
            None => Ok(()),
        }
    }
}
