//! Data sources: text, lines and tables from files.
//!
//! Invariant: nothing here depends on models, tensors or tasks; example i is a function of the source and of
//! i alone.

pub mod files;
pub mod text;
