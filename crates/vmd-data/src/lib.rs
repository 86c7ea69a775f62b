//! Data sources: text, lines and tables from files, and rows in memory.
//!
//! Invariant: nothing here depends on models, tensors or tasks; example i is a function of the
//! source and of i alone.

pub mod files;
mod rows;
pub mod text;

pub use rows::{RowSource, RowsError};

/// Runs the examples in the README as doctests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
