//! Integration tests of `vmd-tasks`: one binary, so that Burn is linked once.

mod exact;
mod infill;
mod json;
#[cfg(feature = "train")]
mod recipes;
mod records;
mod scopes;
mod scores;
mod seventh;
mod smiles;
mod spans;
mod sudoku_files;
mod sudoku_grade;
mod sudoku_grids;
mod sudoku_measure;
mod sudoku_random;
mod synthetic;
mod tables;
mod tasks;
