//! Sudoku: grids and puzzles of any box size, made, solved, graded, checked and read.

mod check;
mod error;
mod generate;
mod grade;
mod grid;
mod harden;
mod layout;
mod random;
mod read;
mod score;
mod solve;
mod source;
mod symmetry;
mod technique;
mod worth;
mod write;

pub use check::{BrokenRule, broken_rule, imbalance, is_consistent, is_valid_solution};
pub use error::SudokuError;
pub use generate::{GeneratedPuzzle, PuzzleConfig, generate_puzzle};
pub use grade::{Grade, grade};
pub use grid::Grid;
pub use harden::harden;
pub use layout::Layout;
pub use random::random_grid;
pub use read::{PuzzleRecord, parse_puzzles, read_puzzles};
pub use score::{Band, Group, SudokuEvaluation, SudokuRules, SudokuScore, evaluate_sudoku};
pub use solve::{Solutions, guesses, solve, solve_within};
pub use source::SudokuGrids;
pub use symmetry::{Fingerprint, fingerprint};
pub use technique::Technique;
pub use worth::{DigitTest, PuzzleQuality, make_puzzles, test_digits};
pub use write::write_puzzles;

#[cfg(test)]
mod uniformity;
