//! Synthetic sets as a task.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use vmd_eval::Record;
use vmd_graph::DependencyGraph;
use vmd_sampler::Checker;

use super::{SyntheticSet, SyntheticSource, TrainingPart, evaluate};
#[cfg(feature = "train")]
use crate::Recipe;
use crate::{Evaluation, Observer, Sizes, Sources, Subject, Task, TaskError, TaskSettings};

/// Stream of validation examples.
const VALIDATION_STREAM: u64 = 0x5eed_0000_0000_0000;

/// Keys of `kind = "synthetic"`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyntheticConfig {
    /// Name of the set, such as `d1`.
    pub set: SyntheticSet,
    /// Number of sequences held out of training, the same ones for every seed.
    #[serde(default)]
    pub hold_out: usize,
}

impl TaskSettings for SyntheticConfig {
    const NAME: &'static str = "synthetic";
    const OPTIONS: &'static [&'static str] = &["samples", "iwae", "given", "contexts", "completions"];

    fn known_sizes(&self) -> Option<Sizes> {
        Some(Sizes { vocab: self.set.vocab(), seq_len: self.set.seq_len(), examples: None })
    }

    fn open(&self) -> Result<Box<dyn Task>, TaskError> {
        Ok(Box::new(SyntheticTask::new(self)?))
    }
}

/// A synthetic set with optional held-out sequences.
#[derive(Debug, Clone)]
pub struct SyntheticTask {
    pub(super) set: SyntheticSet,
    hold_out: usize,
    pub(super) held_out: HashSet<Vec<u32>>,
}

impl SyntheticTask {
    /// Creates the task of `config`.
    ///
    /// # Errors
    ///
    /// [`TaskError`] if this many sequences cannot be held out.
    pub fn new(config: &SyntheticConfig) -> Result<Self, TaskError> {
        let held_out = config.set.held_out(config.hold_out).map_err(hold_out)?;
        Ok(Self { set: config.set, hold_out: config.hold_out, held_out: held_out.into_iter().collect() })
    }
}

fn hold_out(error: impl std::fmt::Display) -> TaskError {
    TaskError::Setting { key: "hold_out", problem: error.to_string() }
}

impl Task for SyntheticTask {
    fn name(&self) -> &'static str {
        SyntheticConfig::NAME
    }

    fn dataset(&self) -> String {
        self.set.to_string()
    }

    fn sizes(&self) -> Sizes {
        Sizes { vocab: self.set.vocab(), seq_len: self.set.seq_len(), examples: None }
    }

    fn sources(&self, seed: u64) -> Result<Sources, TaskError> {
        let part = |seed| {
            TrainingPart::new(SyntheticSource { set: self.set, seed }, self.hold_out).map_err(hold_out)
        };
        Ok(Sources { training: Box::new(part(seed)?), validation: Box::new(part(seed ^ VALIDATION_STREAM)?) })
    }

    fn graph(&self) -> Option<DependencyGraph> {
        Some(self.set.graph())
    }

    fn checker(&self) -> Option<Box<dyn Checker + '_>> {
        Some(Box::new(|_: usize, tokens: &[u32]| self.set.contains(tokens)))
    }

    #[cfg(feature = "train")]
    fn recipe(&self) -> Recipe {
        self.make_recipe()
    }

    fn options(&self) -> &'static [&'static str] {
        SyntheticConfig::OPTIONS
    }

    fn check(&self, subject: &Subject<'_>, evaluation: &Evaluation) -> Result<(), TaskError> {
        evaluate::check(self, subject, evaluation).map(|_| ())
    }

    fn evaluate(
        &self,
        subject: &Subject<'_>,
        evaluation: &Evaluation,
        observer: &mut dyn Observer,
    ) -> Result<Vec<Record>, TaskError> {
        evaluate::evaluate(self, subject, evaluation, observer)
    }
}
