//! Sudoku with any box size: generation, solving, grading, checking and files.

mod check;
mod dig;
mod error;
mod evaluate;
mod generate;
mod grade;
mod grid;
mod harden;
mod layout;
mod puzzles;
mod quality;
mod random;
mod read;
#[cfg(feature = "train")]
mod recipe;
mod score;
mod solve;
mod source;
mod symmetry;
mod task;
mod technique;
mod write;

pub use check::{BrokenRule, broken_rule, imbalance, is_consistent, is_valid_solution};
pub use dig::{GeneratedPuzzle, PuzzleConfig, generate_puzzle};
pub use error::SudokuError;
pub use generate::{Generation, TrainingGrids, distinct, draw_grids};
pub use grade::{Grade, grade};
pub use grid::Grid;
pub use harden::harden;
pub use layout::Layout;
pub use puzzles::{SOLVER_NODES, embedded_puzzles};
pub use quality::{DigitTest, PuzzleQuality, make_puzzles, test_digits};
pub use random::random_grid;
pub use read::{PuzzleRecord, parse_puzzles, read_puzzles};
pub use score::{Band, Group, SudokuEvaluation, SudokuRules, SudokuScore, evaluate_sudoku};
pub use solve::{Solutions, guesses, solve, solve_within};
pub use source::SudokuGrids;
pub use symmetry::{Fingerprint, fingerprint};
pub use task::{SudokuConfig, SudokuTask};
pub use technique::Technique;
pub use write::write_puzzles;

#[cfg(test)]
mod uniformity;
