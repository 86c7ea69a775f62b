//! Data sources: synthetic sets and Sudoku
//!
//! Invariant: nothing here knows models or tensors; example i is a function of the source and of i alone.

pub mod source;
pub mod sudoku;
pub mod synthetic;
