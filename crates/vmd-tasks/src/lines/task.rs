//! Lines as a task.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use vmd_data::text::{Corpus, CsvColumn, Encoding, Symbols};
use vmd_eval::text::Uniqueness;
use vmd_eval::{Record, wilson_interval};

use super::{json_is_valid, order_is_consistent};
#[cfg(feature = "train")]
use crate::Recipe;
use crate::files::{Figures, FileData, FileRun, OPTIONS, file_name, uniqueness_figures};
use crate::molecules::MoleculesConfig;
use crate::{Evaluation, Observer, Sizes, Sources, Subject, Task, TaskError, TaskSettings};

/// Keys of `kind = "lines"`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinesConfig {
    /// The file, plain or packed with gzip or zip.
    pub path: PathBuf,
    /// The column that holds the lines, where the file is CSV: its name, or its number from 1.
    #[serde(default)]
    pub column: Option<CsvColumn>,
    /// What they are made of.
    #[serde(default)]
    pub symbols: Symbols,
    /// Tokens of a sequence: one more than those of the longest line, which a stop token closes.
    pub seq_len: usize,
    /// What makes a line valid; any line is if absent.
    #[serde(default)]
    pub syntax: Option<Syntax>,
}

/// What makes a line valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Syntax {
    /// A molecule whose atoms have the valences that they may have: the task is then `molecules`.
    Smiles,
    /// A JSON value.
    Json,
    /// A JSON value that is an order as [`order_json`](super::order_json) makes them.
    Order,
}

impl TaskSettings for LinesConfig {
    const NAME: &'static str = "lines";
    const OPTIONS: &'static [&'static str] = OPTIONS;

    fn known_sizes(&self) -> Option<Sizes> {
        None
    }

    fn open(&self) -> Result<Box<dyn Task>, TaskError> {
        let Self { path, column, symbols, seq_len, syntax } = self.clone();
        let (column_ref, rules) = (column.as_ref(), syntax);
        let rules = match rules {
            Some(Syntax::Smiles) => {
                return MoleculesConfig { path, column, symbols, seq_len }.open();
            }
            None => LineRules::None,
            Some(Syntax::Json) => LineRules::Json,
            Some(Syntax::Order) => LineRules::Order,
        };
        let corpus = Corpus::lines(&path, column_ref, symbols, seq_len).map_err(TaskError::File)?;
        Ok(Box::new(LinesTask { data: FileData { corpus, dataset: file_name(&path) }, rules }))
    }
}

/// What lines are checked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LineRules {
    None,
    Json,
    Order,
}

impl LineRules {
    /// The key of a valid line, the same for lines that count as equal.
    fn key(self, line: &str) -> Option<String> {
        match self {
            Self::None => Some(line.into()),
            Self::Json | Self::Order => json_is_valid(line).then(|| line.into()),
        }
    }
}

/// Lines of one file.
#[derive(Debug, Clone)]
pub struct LinesTask {
    data: FileData,
    rules: LineRules,
}

impl LinesTask {
    fn judge(&self, training: &BTreeSet<String>, tokens: &[u32], length: usize) -> Figures {
        let encoding = self.data.encoding();
        let lines: Vec<String> = tokens.chunks_exact(length).map(|row| encoding.decode(row)).collect();
        let keeps = |line: &&String| {
            serde_json::from_str(line).is_ok_and(|value: serde_json::Value| order_is_consistent(&value))
        };
        let kept = (self.rules == LineRules::Order)
            .then(|| wilson_interval(lines.iter().filter(keeps).count(), lines.len()));
        uniqueness_figures(Uniqueness::of(&lines, training, |line| self.rules.key(line)), kept)
    }
}

impl Task for LinesTask {
    fn name(&self) -> &'static str {
        LinesConfig::NAME
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
        LinesConfig::OPTIONS
    }

    fn check(&self, subject: &Subject<'_>, evaluation: &Evaluation) -> Result<(), TaskError> {
        FileRun::new(self, &self.data, subject, evaluation, &mut ()).map(|_| ())
    }

    fn evaluate(
        &self,
        subject: &Subject<'_>,
        evaluation: &Evaluation,
        observer: &mut dyn Observer,
    ) -> Result<Vec<Record>, TaskError> {
        let run = FileRun::new(self, &self.data, subject, evaluation, observer)?;
        let lines = self.data.corpus.training_lines().map_err(TaskError::File)?;
        let training = lines.iter().filter_map(|line| self.rules.key(line)).collect();
        run.measure("lines_per_second", |tokens, length| self.judge(&training, tokens, length))
    }
}
