//! Data sources: synthetic sets and Sudoku

pub mod source;
pub mod sudoku;
pub mod synthetic;
