//! The interface of a task.

use std::fmt;

use vmd_core::DataSource;
use vmd_data::text::Encoding;
use vmd_eval::Record;
use vmd_graph::DependencyGraph;
use vmd_sampler::Checker;

#[cfg(feature = "train")]
use crate::Recipe;
use crate::{EvaluateConfig, Evaluation, Observer, Subject, TaskError};

/// Sizes of the examples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Number of token values.
    pub vocab: usize,
    /// Tokens per example.
    pub seq_len: usize,
    /// Number of distinct training examples, if finite.
    pub examples: Option<u64>,
}

/// Sources of examples.
pub struct Sources {
    /// Training examples.
    pub training: Box<dyn DataSource>,
    /// Validation examples.
    pub validation: Box<dyn DataSource>,
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources").finish_non_exhaustive()
    }
}

/// An opened data set: its examples, its rules, and the evaluation of models.
///
/// Created by [`TaskConfig::open`](crate::TaskConfig::open) for the `[data]` table of a
/// configuration. Other types may implement it, too.
pub trait Task: Send + Sync {
    /// Name of the kind of data in records, such as `sudoku`.
    fn name(&self) -> &'static str;

    /// Name of the data set in records, such as its file name.
    fn dataset(&self) -> String;

    /// Sizes of the examples.
    fn sizes(&self) -> Sizes;

    /// Training and validation examples. `seed` determines their order or draws.
    ///
    /// # Errors
    ///
    /// [`TaskError`] if a split has no examples or a setting is out of range.
    fn sources(&self, seed: u64) -> Result<Sources, TaskError>;

    /// Dependencies between positions that hold for every example.
    fn graph(&self) -> Option<DependencyGraph> {
        None
    }

    /// Rules that every example obeys, for repeated attempts and search.
    fn checker(&self) -> Option<Box<dyn Checker + '_>> {
        None
    }

    /// Tokens as text.
    fn render(&self, tokens: &[u32]) -> String {
        tokens.iter().map(u32::to_string).collect::<Vec<_>>().join(" ")
    }

    /// Encoding of the tokens, if it is saved with a model.
    fn encoding(&self) -> Option<Encoding> {
        None
    }

    /// Default samplers and sample counts of an evaluation.
    fn defaults(&self) -> EvaluateConfig {
        EvaluateConfig::default()
    }

    /// Settings that train a good model in minutes, scaled to the sizes of the data.
    #[cfg(feature = "train")]
    fn recipe(&self) -> Recipe {
        Recipe::general(self.name(), self.sizes(), self.defaults())
    }

    /// Options of [`Evaluation`] that this task accepts.
    fn options(&self) -> &'static [&'static str];

    /// Validates an evaluation before it starts.
    ///
    /// # Errors
    ///
    /// [`TaskError`] for options of another task, numbers out of range, and a sampler or model that
    /// does not fit.
    fn check(&self, subject: &Subject<'_>, evaluation: &Evaluation) -> Result<(), TaskError>;

    /// Measures `subject`. The observer receives each record as soon as it is available.
    ///
    /// # Errors
    ///
    /// [`TaskError`] as in [`check`](Self::check), and for unreadable data.
    fn evaluate(
        &self,
        subject: &Subject<'_>,
        evaluation: &Evaluation,
        observer: &mut dyn Observer,
    ) -> Result<Vec<Record>, TaskError>;
}
