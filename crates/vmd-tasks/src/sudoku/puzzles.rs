//! Embedded puzzles, and puzzles excluded from training.

use std::collections::HashSet;
use std::path::PathBuf;

use super::{Layout, PuzzleRecord, parse_puzzles, read_puzzles, solve_within};
use crate::TaskError;

/// Embedded puzzles; see `datasets/sudoku-easy`.
const EMBEDDED: &str = include_str!("../../datasets/sudoku-easy.csv");

/// Maximum number of search nodes for a puzzle of a user; takes seconds.
pub const SOLVER_NODES: u64 = 2_000_000;

/// The 500 embedded 9×9 puzzles, `sudoku-easy`.
#[must_use]
pub fn embedded_puzzles() -> Vec<PuzzleRecord> {
    parse_puzzles(EMBEDDED, "datasets/sudoku-easy/puzzles.csv".as_ref())
        .expect("the embedded puzzles are valid")
}

/// Cells of every solution that is excluded from training.
pub(super) fn excluded_grids(layout: Layout, files: &[PathBuf]) -> Result<HashSet<Vec<u8>>, TaskError> {
    let mut puzzles = embedded_puzzles();
    for file in files {
        puzzles.extend(read_puzzles(file).map_err(TaskError::Exclude)?);
    }
    let mut excluded = HashSet::new();
    for record in puzzles.into_iter().filter(|record| record.puzzle.layout() == layout) {
        let solution = match record.solution {
            Some(solution) => Some(solution),
            None => {
                let open = || TaskError::Setting {
                    key: "exclude",
                    problem: format!(
                        "puzzle {} takes too long to solve; add its solution to the file",
                        record.puzzle
                    ),
                };
                solve_within(&record.puzzle, 1, SOLVER_NODES).ok_or_else(open)?.first
            }
        };
        excluded.extend(solution.map(|grid| grid.cells().to_vec()));
    }
    Ok(excluded)
}
