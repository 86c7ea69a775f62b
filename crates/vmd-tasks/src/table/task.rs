//! Tables as a task.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use vmd_data::text::Corpus;
use vmd_eval::text::Uniqueness;
use vmd_eval::{Record, wilson_interval};

use super::TableJudge;
#[cfg(feature = "train")]
use crate::Recipe;
use crate::files::{Figures, FileData, FileRun, FileTask, OPTIONS, file_name, uniqueness_figures};
use crate::{Evaluation, Sizes, Task, TaskError, TaskSettings};

/// Keys of `kind = "table"`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableConfig {
    /// The file, with a header.
    pub path: PathBuf,
}

impl TaskSettings for TableConfig {
    const NAME: &'static str = "table";
    const OPTIONS: &'static [&'static str] = OPTIONS;

    fn known_sizes(&self) -> Option<Sizes> {
        None
    }

    fn open(&self) -> Result<Box<dyn Task>, TaskError> {
        let corpus = Corpus::table(&self.path).map_err(TaskError::File)?;
        Ok(Box::new(TableTask { data: FileData { corpus, dataset: file_name(&self.path) } }))
    }
}

/// Rows of one file.
#[derive(Debug, Clone)]
pub struct TableTask {
    data: FileData,
}

impl TableTask {
    /// The judge of the training rows, and their keys.
    fn judge(&self) -> Result<(TableJudge, BTreeSet<String>), TaskError> {
        let rows: Vec<Vec<u32>> = self.data.corpus.training_rows().map_err(TaskError::File)?;
        let domains = self.data.encoding().vocabulary.domains();
        let keys = rows.iter().map(|row| format!("{row:?}")).collect();
        Ok((TableJudge::of(rows.iter().map(Vec::as_slice), domains), keys))
    }
}

/// Figures of rows, `[n, length]`.
fn figures(table: &TableJudge, training: &BTreeSet<String>, tokens: &[u32], length: usize) -> Figures {
    let rows = tokens.chunks_exact(length);
    let (n, in_domain) = (rows.len(), rows.clone().filter(|row| table.is_in_domain(row)).count());
    // Invalid rows have no key; they would count as novel, because training has only valid rows.
    let key = |row: &[u32]| if table.is_valid(row) { format!("{row:?}") } else { String::new() };
    let keys: Vec<String> = rows.map(key).collect();
    let kept = Uniqueness::of(&keys, training, |key| (!key.is_empty()).then(|| key.to_string()));
    let unique = Uniqueness { valid: wilson_interval(in_domain, n), ..kept };
    uniqueness_figures(unique, Some(kept.valid))
}

impl FileTask for TableTask {
    type Settings = TableConfig;

    fn data(&self) -> &FileData {
        &self.data
    }

    #[cfg(feature = "train")]
    fn make_recipe(&self) -> Recipe {
        self.own_recipe()
    }

    fn measure(&self, run: FileRun<'_, '_>, _evaluation: &Evaluation) -> Result<Vec<Record>, TaskError> {
        let (table, training) = self.judge()?;
        run.measure("lines_per_second", |tokens, length| figures(&table, &training, tokens, length))
    }
}
