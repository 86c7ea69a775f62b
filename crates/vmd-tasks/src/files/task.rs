//! The interface of all tasks whose data are in a file.

use vmd_data::text::Encoding;
use vmd_eval::Record;

use super::{FileData, FileRun};
#[cfg(feature = "train")]
use crate::Recipe;
use crate::{Evaluation, Observer, Sizes, Sources, Subject, Task, TaskError, TaskSettings};

/// A task whose data are in a file.
pub(crate) trait FileTask: Send + Sync + Sized {
    /// Settings in the `[data]` table.
    type Settings: TaskSettings;

    /// The opened file.
    fn data(&self) -> &FileData;

    /// Settings that train a good model of these data.
    #[cfg(feature = "train")]
    fn make_recipe(&self) -> Recipe;

    /// Validates the options and the model.
    fn start<'a, 'o>(
        &'a self,
        subject: &'a Subject<'a>,
        evaluation: &Evaluation,
        observer: &'o mut dyn Observer,
    ) -> Result<FileRun<'a, 'o>, TaskError> {
        FileRun::new(self, self.data(), subject, evaluation, observer)
    }

    /// Measures the model of a validated evaluation.
    fn measure(&self, run: FileRun<'_, '_>, evaluation: &Evaluation) -> Result<Vec<Record>, TaskError>;
}

impl<T: FileTask> Task for T {
    fn name(&self) -> &'static str {
        T::Settings::NAME
    }

    fn dataset(&self) -> String {
        self.data().dataset.clone()
    }

    fn sizes(&self) -> Sizes {
        self.data().sizes()
    }

    fn sources(&self, seed: u64) -> Result<Sources, TaskError> {
        self.data().sources(seed)
    }

    fn render(&self, tokens: &[u32]) -> String {
        self.data().encoding().decode(tokens)
    }

    fn encoding(&self) -> Option<Encoding> {
        Some(self.data().encoding())
    }

    #[cfg(feature = "train")]
    fn recipe(&self) -> Recipe {
        self.make_recipe()
    }

    fn options(&self) -> &'static [&'static str] {
        T::Settings::OPTIONS
    }

    fn check(&self, subject: &Subject<'_>, evaluation: &Evaluation) -> Result<(), TaskError> {
        self.start(subject, evaluation, &mut ()).map(|_| ())
    }

    fn evaluate(
        &self,
        subject: &Subject<'_>,
        evaluation: &Evaluation,
        observer: &mut dyn Observer,
    ) -> Result<Vec<Record>, TaskError> {
        self.measure(self.start(subject, evaluation, observer)?, evaluation)
    }
}
