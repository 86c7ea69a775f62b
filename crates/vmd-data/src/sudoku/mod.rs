//! Sudoku: grids and puzzles of any box size, made, solved, graded, checked and read.

mod check;
mod error;
mod generate;
mod grade;
mod grid;
mod layout;
mod read;
mod solve;
mod source;

pub use check::{BrokenRule, broken_rule, is_valid_solution};
pub use error::SudokuError;
pub use generate::{GeneratedPuzzle, PuzzleConfig, generate_puzzle, random_grid};
pub use grade::{Grade, Technique, grade};
pub use grid::Grid;
pub use layout::Layout;
pub use read::{PuzzleRecord, parse_puzzles, read_puzzles, write_puzzles};
pub use solve::{Solutions, solve};
pub use source::SudokuGrids;
