//! Text as a task.

use vmd_data::text::Encoding;
use vmd_eval::Record;

use super::config::TextConfig;
use super::evaluate;
#[cfg(feature = "train")]
use crate::Recipe;
use crate::files::FileData;
use crate::{Evaluation, Observer, Sizes, Sources, Subject, Task, TaskError, TaskSettings};

/// Windows of one file.
#[derive(Debug, Clone)]
pub struct TextTask {
    pub(super) data: FileData,
}

impl TextTask {
    pub(super) fn new(data: FileData) -> Self {
        Self { data }
    }
}

impl Task for TextTask {
    fn name(&self) -> &'static str {
        TextConfig::NAME
    }

    fn dataset(&self) -> String {
        self.data.dataset.clone()
    }

    fn sizes(&self) -> Sizes {
        self.data.sizes()
    }

    fn sources(&self, seed: u64) -> Result<Sources, TaskError> {
        self.data.sources(seed)
    }

    fn render(&self, tokens: &[u32]) -> String {
        self.data.encoding().decode(tokens)
    }

    fn encoding(&self) -> Option<Encoding> {
        Some(self.data.encoding())
    }

    #[cfg(feature = "train")]
    fn recipe(&self) -> Recipe {
        self.make_recipe()
    }

    fn options(&self) -> &'static [&'static str] {
        TextConfig::OPTIONS
    }

    fn check(&self, subject: &Subject<'_>, evaluation: &Evaluation) -> Result<(), TaskError> {
        evaluate::start(self, subject, evaluation, &mut ()).map(|_| ())
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
