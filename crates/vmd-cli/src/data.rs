//! Data sets by configuration.

use std::collections::HashSet;
use std::path::PathBuf;

use anyhow::Context;
use serde::{Deserialize, Serialize};
use vmd::data::source::DataSource;
use vmd::data::sudoku::{Layout, PuzzleRecord, SudokuGrids, parse_puzzles, read_puzzles, solve};
use vmd::data::synthetic::{SyntheticSet, SyntheticSource};

use crate::failure::usage;

/// Puzzles that come with the program; see `datasets/sudoku-easy`.
const EMBEDDED_PUZZLES: &str = include_str!("../../../datasets/sudoku-easy/puzzles.csv");

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
    },
}

fn three() -> usize {
    3
}

impl DataConfig {
    /// Number of values and of tokens.
    pub(crate) fn sizes(&self) -> (usize, usize) {
        match self {
            Self::Synthetic { set } => (set.vocab(), set.seq_len()),
            Self::Sudoku { box_rows, box_cols, .. } => {
                let size = box_rows.saturating_mul(*box_cols);
                (size, size.saturating_mul(size))
            }
        }
    }

    /// Training and validation data.
    pub(crate) fn sources(&self, seed: u64) -> anyhow::Result<(Box<dyn DataSource>, Box<dyn DataSource>)> {
        let held_out = seed ^ VALIDATION_STREAM;
        match self {
            Self::Synthetic { set } => Ok((
                Box::new(SyntheticSource { set: *set, seed }),
                Box::new(SyntheticSource { set: *set, seed: held_out }),
            )),
            Self::Sudoku { box_rows, box_cols, exclude } => {
                let layout = Layout::new(*box_rows, *box_cols).map_err(usage)?;
                let excluded = excluded_grids(layout, exclude)?;
                Ok((
                    Box::new(SudokuGrids::new(layout, seed, excluded.clone())),
                    Box::new(SudokuGrids::new(layout, held_out, excluded)),
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
    let solution = |record: PuzzleRecord| record.solution.or_else(|| solve(&record.puzzle, 1).first);
    Ok(puzzles
        .into_iter()
        .filter(|record| record.puzzle.layout() == layout)
        .filter_map(solution)
        .map(|grid| grid.cells().to_vec())
        .collect())
}
