//! Tasks: everything about one kind of data in one place.
//!
//! Each kind of data has a folder: how examples are made or read, which rules they keep, and how a model of them is measured.
//!
//! Invariant: nothing here prints, chooses a device or knows the command line, and no task knows another one.

pub mod lines;
pub mod molecules;
pub mod sudoku;
pub mod synthetic;
pub mod table;
pub mod text;
