//! Text as a task.

use vmd_eval::Record;

use super::config::TextConfig;
use super::evaluate;
#[cfg(feature = "train")]
use crate::Recipe;
use crate::files::{FileData, FileRun, FileTask};
use crate::{Evaluation, Observer, Subject, TaskError};

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

impl FileTask for TextTask {
    type Settings = TextConfig;

    fn data(&self) -> &FileData {
        &self.data
    }

    #[cfg(feature = "train")]
    fn make_recipe(&self) -> Recipe {
        self.own_recipe()
    }

    fn start<'a, 'o>(
        &'a self,
        subject: &'a Subject<'a>,
        evaluation: &Evaluation,
        observer: &'o mut dyn Observer,
    ) -> Result<FileRun<'a, 'o>, TaskError> {
        evaluate::start(self, subject, evaluation, observer)
    }

    fn measure(&self, run: FileRun<'_, '_>, evaluation: &Evaluation) -> Result<Vec<Record>, TaskError> {
        evaluate::measure(self, run, evaluation)
    }
}
