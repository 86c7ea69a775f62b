//! Dependency graphs over token positions: typed edges connect positions that depend on each other
//! directly.
//!
//! Invariant: plain Rust only. A graph has positions and typed edges. The crate does not depend on
//! tensors, tokens or networks.
//!
//! A [`DependencyGraph`] is built from a known structure ([`sudoku`](DependencyGraph::sudoku),
//! [`chain`](DependencyGraph::chain), [`complete`](DependencyGraph::complete)) or read from a
//! file; a [`GraphSpec`] describes it in a configuration. It provides attention masks
//! ([`adjacency_mask`](DependencyGraph::adjacency_mask), [`cliques`](DependencyGraph::cliques))
//! and parents ([`parents`](DependencyGraph::parents)).
//!
//! ```
//! use vmd_graph::DependencyGraph;
//! let sudoku = DependencyGraph::sudoku(3, 3)?;
//! assert_eq!((sudoku.n_nodes(), sudoku.degree(40)), (81, 20));
//! # Ok::<(), vmd_graph::GraphError>(())
//! ```

mod agreement;
mod attention;
mod colouring;
mod constructors;
mod error;
mod graph;
mod parents;
mod spec;
mod text;

pub use agreement::Agreement;
pub use error::GraphError;
pub use graph::{DependencyGraph, EdgeType, MAX_EDGE_TYPES, MAX_NODES};
pub use parents::{Parent, ParentOrder, Parents};
pub use spec::GraphSpec;

/// Compiles the examples of the README as doctests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
