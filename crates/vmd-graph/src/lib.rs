//! Dependency graphs over token positions: which positions depend directly on which, and of what type each tie is.
//!
//! Invariant: plain numbers only; nothing here knows tensors, hence Burn, or diffusion.
//!
//! A [`DependencyGraph`] is made by hand where the structure is known ([`DependencyGraph::sudoku`]), is trivial
//! ([`chain`](DependencyGraph::chain), [`complete`](DependencyGraph::complete)), or is read from a file; a configuration
//! names it with a [`GraphSpec`]. It serves attention restricted to one edge type
//! ([`adjacency_mask`](DependencyGraph::adjacency_mask), [`cliques`](DependencyGraph::cliques)), and orders for parents
//! ([`parents`](DependencyGraph::parents)).
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

/// The examples of the README are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
