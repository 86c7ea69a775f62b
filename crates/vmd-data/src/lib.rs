//! Data sources: synthetic sets, Sudoku, text, tables and records
//!
//! Invariant: nothing here knows models or tensors; example i is a function of the source and of i alone.

mod files;
pub mod records;
pub mod sudoku;
pub mod synthetic;
pub mod text;
