//! Data sets by configuration.

use std::collections::HashSet;
use std::path::PathBuf;

use anyhow::Context;
use serde::{Deserialize, Serialize};
use vmd::data::source::DataSource;
use vmd::data::sudoku::{Layout, PuzzleRecord, SudokuGrids, parse_puzzles, read_puzzles, solve_within};
use vmd::data::synthetic::{SyntheticSet, SyntheticSource, TrainingPart};
use vmd::graph::DependencyGraph;

use crate::failure::usage;

/// Puzzles that come with the program; see `datasets/sudoku-easy`.
const EMBEDDED_PUZZLES: &str = include_str!("../../../datasets/sudoku-easy/puzzles.csv");

/// Partly filled grids that the solver looks at before it gives up on a puzzle of a user: seconds.
pub(crate) const SOLVER_NODES: u64 = 2_000_000;

/// Largest side of a grid for which puzzles are made while training.
const LARGEST_PUZZLES: usize = 9;

/// Validation examples come from a stream of their own.
const VALIDATION_STREAM: u64 = 0x5eed_0000_0000_0000;

/// What is learned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum DataConfig {
    /// A synthetic set.
    Synthetic {
        /// Its name, such as `d1`.
        set: SyntheticSet,
        /// Sequences of the set that never enter training, the same ones for every seed.
        #[serde(default)]
        hold_out: usize,
    },
    /// Random full Sudoku grids.
    Sudoku {
        /// Rows of a box.
        #[serde(default = "three")]
        box_rows: usize,
        /// Columns of a box.
        #[serde(default = "three")]
        box_cols: usize,
        /// Puzzle files whose solutions never enter training, besides those that come with the program.
        #[serde(default)]
        exclude: Vec<PathBuf>,
        /// Share of the training examples that are puzzles: their clues are never masked, leave one solution, and would
        /// leave several if one more were taken away. For grids up to 9×9.
        #[serde(default)]
        puzzles: f64,
        /// Puzzles that are dug from the grid of each of these, of which the hardest is taken.
        #[serde(default = "one")]
        puzzle_digs: usize,
    },
}

fn one() -> usize {
    1
}

fn three() -> usize {
    3
}

impl DataConfig {
    /// Whether these are Sudoku grids.
    pub(crate) fn is_sudoku(&self) -> bool {
        matches!(self, Self::Sudoku { .. })
    }

    /// Number of values and of tokens.
    pub(crate) fn sizes(&self) -> (usize, usize) {
        match self {
            Self::Synthetic { set, .. } => (set.vocab(), set.seq_len()),
            Self::Sudoku { box_rows, box_cols, .. } => {
                let size = box_rows.saturating_mul(*box_cols);
                (size, size.saturating_mul(size))
            }
        }
    }

    /// The ties between positions, which these data have for certain.
    pub(crate) fn graph(&self) -> Option<DependencyGraph> {
        match self {
            Self::Synthetic { set, .. } => Some(set.graph()),
            Self::Sudoku { box_rows, box_cols, .. } => DependencyGraph::sudoku(*box_rows, *box_cols).ok(),
        }
    }

    /// Training and validation data.
    pub(crate) fn sources(&self, seed: u64) -> anyhow::Result<(Box<dyn DataSource>, Box<dyn DataSource>)> {
        let held_out = seed ^ VALIDATION_STREAM;
        match self {
            Self::Synthetic { set, hold_out } => {
                let part = |seed| {
                    TrainingPart::new(SyntheticSource { set: *set, seed }, *hold_out)
                        .map_err(|error| usage(format!("data.hold_out: {error}")))
                };
                Ok((Box::new(part(seed)?), Box::new(part(held_out)?)))
            }
            Self::Sudoku { box_rows, box_cols, exclude, puzzles, puzzle_digs } => {
                if *puzzle_digs == 0 {
                    return Err(usage("data.puzzle_digs is 0; set it to 1 or more"));
                }
                if !(0.0..=1.0).contains(puzzles) {
                    return Err(usage(format!("data.puzzles = {puzzles}; it must be between 0 and 1")));
                }
                let layout = Layout::new(*box_rows, *box_cols).map_err(usage)?;
                if *puzzles > 0.0 && layout.size() > LARGEST_PUZZLES {
                    return Err(usage(format!(
                        "data.puzzles = {puzzles}: to find puzzles that can spare no clue takes minutes each beyond \
                         {LARGEST_PUZZLES}×{LARGEST_PUZZLES}; set it to 0"
                    )));
                }
                let excluded = excluded_grids(layout, exclude)?;
                let in_exclude = |error| usage(format!("data.exclude: {error}"));
                Ok((
                    Box::new(
                        SudokuGrids::new(layout, seed, excluded.clone())
                            .map_err(in_exclude)?
                            .with_puzzles(*puzzles, *puzzle_digs),
                    ),
                    Box::new(SudokuGrids::new(layout, held_out, excluded).map_err(in_exclude)?),
                ))
            }
        }
    }
}

/// The puzzles that come with the program.
pub(crate) fn embedded_puzzles() -> Vec<PuzzleRecord> {
    parse_puzzles(EMBEDDED_PUZZLES, "datasets/sudoku-easy/puzzles.csv".as_ref())
        .expect("the embedded puzzles were checked when they were made")
}

/// Cells of every solution that must not be trained on.
fn excluded_grids(layout: Layout, files: &[PathBuf]) -> anyhow::Result<HashSet<Vec<u8>>> {
    let mut puzzles = embedded_puzzles();
    for file in files {
        puzzles.extend(read_puzzles(file).context("data.exclude")?);
    }
    let mut excluded = HashSet::new();
    for record in puzzles.into_iter().filter(|record| record.puzzle.layout() == layout) {
        let solution = match record.solution {
            Some(solution) => Some(solution),
            None => {
                let solutions = solve_within(&record.puzzle, 1, SOLVER_NODES);
                let unsettled = || {
                    usage(format!(
                        "data.exclude: puzzle {} is too open to be solved; give its solution in the file",
                        record.puzzle
                    ))
                };
                solutions.ok_or_else(unsettled)?.first
            }
        };
        excluded.extend(solution.map(|grid| grid.cells().to_vec()));
    }
    Ok(excluded)
}
