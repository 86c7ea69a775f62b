//! Sudoku as a task.

use std::collections::HashSet;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use vmd_eval::Record;
use vmd_graph::DependencyGraph;
use vmd_sampler::{Checker, RevealRule, ValueRule};

use super::puzzles::excluded_grids;
use super::{Grid, Layout, SudokuError, SudokuGrids, SudokuRules, evaluate};
#[cfg(feature = "train")]
use crate::Recipe;
use crate::{EvaluateConfig, Evaluation, Observer, Sizes, Sources, Subject, Task, TaskError, TaskSettings};

/// Largest side for which training puzzles are generated.
const LARGEST_PUZZLES: usize = 9;

/// Stream of validation examples.
const VALIDATION_STREAM: u64 = 0x5eed_0000_0000_0000;

/// Keys of `kind = "sudoku"`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SudokuConfig {
    /// Rows of a box.
    #[serde(default = "three")]
    pub box_rows: usize,
    /// Columns of a box.
    #[serde(default = "three")]
    pub box_cols: usize,
    /// Puzzle files whose solutions are excluded from training, in addition to the embedded ones.
    #[serde(default)]
    pub exclude: Vec<PathBuf>,
    /// Share of training examples that are minimal puzzles: their clues are never masked, have one
    /// solution, and none is redundant. For grids up to 9×9.
    #[serde(default)]
    pub puzzles: f64,
    /// Puzzles generated per training puzzle, of which the hardest is used.
    #[serde(default = "one")]
    pub puzzle_digs: usize,
}

fn one() -> usize {
    1
}

fn three() -> usize {
    3
}

impl Default for SudokuConfig {
    /// 9×9 grids with randomly masked tokens.
    fn default() -> Self {
        Self { box_rows: 3, box_cols: 3, exclude: Vec::new(), puzzles: 0.0, puzzle_digs: 1 }
    }
}

impl TaskSettings for SudokuConfig {
    const NAME: &'static str = "sudoku";
    const OPTIONS: &'static [&'static str] = &["search", "puzzles", "limit", "unconditional", "samples"];

    fn known_sizes(&self) -> Option<Sizes> {
        let size = self.box_rows.saturating_mul(self.box_cols);
        Some(Sizes { vocab: size, seq_len: size.saturating_mul(size), examples: None })
    }

    fn open(&self) -> Result<Box<dyn Task>, TaskError> {
        Ok(Box::new(SudokuTask::new(self.clone())?))
    }
}

/// Grids of one layout.
#[derive(Debug, Clone)]
pub struct SudokuTask {
    config: SudokuConfig,
    pub(super) layout: Layout,
}

impl SudokuTask {
    /// Creates the task of `config`.
    ///
    /// # Errors
    ///
    /// [`TaskError`] for settings out of range.
    pub fn new(config: SudokuConfig) -> Result<Self, TaskError> {
        let refused = |key, problem: String| Err(TaskError::Setting { key, problem });
        if config.puzzle_digs == 0 {
            return refused("puzzle_digs", "it is 0; set it to 1 or more".into());
        }
        if !(0.0..=1.0).contains(&config.puzzles) {
            return refused("puzzles", format!("it is {}; it must be between 0 and 1", config.puzzles));
        }
        let layout = Layout::new(config.box_rows, config.box_cols)
            .map_err(|error| TaskError::Setting { key: "box_rows", problem: error.to_string() })?;
        if config.puzzles > 0.0 && layout.size() > LARGEST_PUZZLES {
            return refused(
                "puzzles",
                format!(
                    "it is {}, but minimal puzzles larger than {LARGEST_PUZZLES}×{LARGEST_PUZZLES} take minutes \
                     each; set it to 0",
                    config.puzzles
                ),
            );
        }
        Ok(Self { config, layout })
    }

    /// Creates the task of grids with `cells` cells and boxes of the usual shape.
    ///
    /// # Errors
    ///
    /// [`TaskError`] if no grid has this many cells.
    pub fn of_cells(cells: usize) -> Result<Self, TaskError> {
        let layout = Layout::from_cells(cells).map_err(|_: SudokuError| {
            TaskError::Model(format!(
                "a model of {cells} tokens does not fit Sudoku grids; use another model"
            ))
        })?;
        let (box_rows, box_cols) = (layout.box_rows(), layout.box_cols());
        Self::new(SudokuConfig { box_rows, box_cols, ..SudokuConfig::default() })
    }

    /// Layout of the grids.
    #[must_use]
    pub fn layout(&self) -> Layout {
        self.layout
    }

    fn grids(&self, seed: u64, excluded: HashSet<Vec<u8>>) -> Result<SudokuGrids, TaskError> {
        SudokuGrids::new(self.layout, seed, excluded)
            .map_err(|error| TaskError::Setting { key: "exclude", problem: error.to_string() })
    }
}

impl Task for SudokuTask {
    fn name(&self) -> &'static str {
        SudokuConfig::NAME
    }

    fn dataset(&self) -> String {
        format!("{0}×{0}", self.layout.size())
    }

    fn sizes(&self) -> Sizes {
        Sizes { vocab: self.layout.size(), seq_len: self.layout.cells(), examples: None }
    }

    fn sources(&self, seed: u64) -> Result<Sources, TaskError> {
        let excluded = excluded_grids(self.layout, &self.config.exclude)?;
        let training =
            self.grids(seed, excluded.clone())?.with_puzzles(self.config.puzzles, self.config.puzzle_digs);
        let validation = self.grids(seed ^ VALIDATION_STREAM, excluded)?;
        Ok(Sources { training: Box::new(training), validation: Box::new(validation) })
    }

    fn graph(&self) -> Option<DependencyGraph> {
        DependencyGraph::sudoku(self.config.box_rows, self.config.box_cols).ok()
    }

    fn checker(&self) -> Option<Box<dyn Checker + '_>> {
        Some(Box::new(SudokuRules::new(self.layout)))
    }

    fn render(&self, tokens: &[u32]) -> String {
        match Grid::from_tokens(self.layout, tokens) {
            Ok(grid) => grid.to_string(),
            Err(_) => tokens.iter().map(u32::to_string).collect::<Vec<_>>().join(" "),
        }
    }

    fn defaults(&self) -> EvaluateConfig {
        EvaluateConfig {
            reveal: vec![RevealRule::Margin, RevealRule::TopProb],
            nfe: vec![5, 10, 20],
            value: ValueRule::Argmax,
            ..EvaluateConfig::default()
        }
    }

    #[cfg(feature = "train")]
    fn recipe(&self) -> Recipe {
        self.make_recipe()
    }

    fn options(&self) -> &'static [&'static str] {
        SudokuConfig::OPTIONS
    }

    fn check(&self, subject: &Subject<'_>, evaluation: &Evaluation) -> Result<(), TaskError> {
        evaluate::Plan::of(self, subject, evaluation).map(|_| ())
    }

    fn evaluate(
        &self,
        subject: &Subject<'_>,
        evaluation: &Evaluation,
        observer: &mut dyn Observer,
    ) -> Result<Vec<Record>, TaskError> {
        evaluate::Plan::of(self, subject, evaluation).map(|plan| plan.run(observer))
    }
}
