//! Molecules as a task.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use vmd_data::text::{Corpus, CsvColumn, Symbols};
use vmd_eval::Record;
use vmd_eval::text::Uniqueness;

use super::Molecule;
#[cfg(feature = "train")]
use crate::Recipe;
use crate::files::{Figures, FileData, FileRun, FileTask, OPTIONS, file_name, uniqueness_figures};
use crate::{Evaluation, Sizes, Task, TaskError, TaskSettings};

/// Keys of `kind = "molecules"`. Equivalent to `kind = "lines"` with `syntax = "smiles"`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MoleculesConfig {
    /// The file, plain or compressed with gzip or zip.
    pub path: PathBuf,
    /// Column of a CSV file that contains the molecules: its name, or its number from 1.
    #[serde(default)]
    pub column: Option<CsvColumn>,
    /// Vocabulary.
    #[serde(default)]
    pub symbols: Symbols,
    /// Tokens per sequence: at least the length of the longest SMILES plus one stop token.
    pub seq_len: usize,
}

impl TaskSettings for MoleculesConfig {
    const NAME: &'static str = "molecules";
    const OPTIONS: &'static [&'static str] = OPTIONS;

    fn known_sizes(&self) -> Option<Sizes> {
        None
    }

    fn open(&self) -> Result<Box<dyn Task>, TaskError> {
        let corpus = Corpus::lines(&self.path, self.column.as_ref(), self.symbols, self.seq_len)
            .map_err(TaskError::File)?;
        Ok(Box::new(MoleculesTask { data: FileData { corpus, dataset: file_name(&self.path) } }))
    }
}

/// Molecules of one file.
#[derive(Debug, Clone)]
pub struct MoleculesTask {
    data: FileData,
}

/// The canonical SMILES of a valid molecule.
fn key(smiles: &str) -> Option<String> {
    Molecule::parse(smiles).ok().map(|molecule| molecule.canonical_smiles())
}

impl FileTask for MoleculesTask {
    type Settings = MoleculesConfig;

    fn data(&self) -> &FileData {
        &self.data
    }

    #[cfg(feature = "train")]
    fn make_recipe(&self) -> Recipe {
        self.own_recipe()
    }

    fn measure(&self, run: FileRun<'_, '_>, _evaluation: &Evaluation) -> Result<Vec<Record>, TaskError> {
        let lines = self.data.corpus.training_lines().map_err(TaskError::File)?;
        let training: BTreeSet<String> = lines.iter().filter_map(|line| key(line)).collect();
        let judge = |tokens: &[u32], length: usize| -> Figures {
            let encoding = self.data.encoding();
            let lines: Vec<String> = tokens.chunks_exact(length).map(|row| encoding.decode(row)).collect();
            uniqueness_figures(Uniqueness::of(&lines, &training, key), None)
        };
        run.measure("lines_per_second", judge)
    }
}
