//! What every kind of data offers.

use std::fmt;

use vmd_core::DataSource;
use vmd_data::text::Encoding;
use vmd_eval::Record;
use vmd_graph::DependencyGraph;
use vmd_sampler::Checker;

#[cfg(feature = "train")]
use crate::Recipe;
use crate::{EvaluateConfig, Evaluation, Observer, Subject, TaskError};

/// How large examples are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Number of token values.
    pub vocab: usize,
    /// Tokens of an example.
    pub seq_len: usize,
    /// Different training examples, where that is a number.
    pub examples: Option<u64>,
}

/// Where training takes its examples from.
pub struct Sources {
    /// Examples to train on.
    pub training: Box<dyn DataSource>,
    /// Examples to validate on.
    pub validation: Box<dyn DataSource>,
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources").finish_non_exhaustive()
    }
}

/// One kind of data, opened: its examples, its rules, and how a model of it is measured.
///
/// [`TaskConfig::open`](crate::TaskConfig::open) gives one for the `[data]` table of a configuration; any other type may
/// implement it, too.
pub trait Task: Send + Sync {
    /// Name of the kind of data, such as `sudoku`; records carry it.
    fn name(&self) -> &'static str;

    /// Name of this data set, such as that of its file; records carry it.
    fn dataset(&self) -> String;

    /// How large examples are.
    fn sizes(&self) -> Sizes;

    /// Training and validation examples; `seed` decides their order, or their draws.
    ///
    /// # Errors
    ///
    /// [`TaskError`] if a part of the data has no examples or a setting of them is out of range.
    fn sources(&self, seed: u64) -> Result<Sources, TaskError>;

    /// Dependencies between positions that hold for every example.
    fn graph(&self) -> Option<DependencyGraph> {
        None
    }

    /// Rules that every example keeps, for repeated attempts and for search.
    fn checker(&self) -> Option<Box<dyn Checker + '_>> {
        None
    }

    /// Tokens as text.
    fn render(&self, tokens: &[u32]) -> String {
        tokens.iter().map(u32::to_string).collect::<Vec<_>>().join(" ")
    }

    /// What the tokens mean, where that is saved beside a model.
    fn encoding(&self) -> Option<Encoding> {
        None
    }

    /// Samplers and amounts of an evaluation that asks for no others.
    fn defaults(&self) -> EvaluateConfig {
        EvaluateConfig::default()
    }

    /// Settings that train a good model of these data in minutes, sized by them.
    #[cfg(feature = "train")]
    fn recipe(&self) -> Recipe {
        Recipe::general(self.name(), self.sizes(), self.defaults())
    }

    /// Options of [`Evaluation`] that this task understands.
    fn options(&self) -> &'static [&'static str];

    /// Everything about an evaluation that can be refused before it starts.
    ///
    /// # Errors
    ///
    /// [`TaskError`] for options of another task, numbers out of range, and samplers or a model that do not fit.
    fn check(&self, subject: &Subject<'_>, evaluation: &Evaluation) -> Result<(), TaskError>;

    /// Measures `subject`. The observer gets every record as soon as it is there.
    ///
    /// # Errors
    ///
    /// [`TaskError`] as [`check`](Self::check), and for data that cannot be read.
    fn evaluate(
        &self,
        subject: &Subject<'_>,
        evaluation: &Evaluation,
        observer: &mut dyn Observer,
    ) -> Result<Vec<Record>, TaskError>;
}
