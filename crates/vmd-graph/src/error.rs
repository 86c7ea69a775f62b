//! Errors in building or reading a graph.

use std::path::PathBuf;

use crate::graph::{MAX_EDGE_TYPES, MAX_NODES};

/// An error in building or reading a graph.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GraphError {
    /// No nodes, or more than [`MAX_NODES`].
    #[error("a graph of {n_nodes} nodes is not supported; use 1 to {MAX_NODES} nodes")]
    NodeCount {
        /// The requested number; `usize::MAX` if it does not fit.
        n_nodes: usize,
    },
    /// More than [`MAX_EDGE_TYPES`] edge types.
    #[error("{n_edge_types} edge types are too many; merge them until there are at most {MAX_EDGE_TYPES}")]
    EdgeTypeCount {
        /// The requested number.
        n_edge_types: usize,
    },
    /// An edge type name that is empty, not a single word, or used twice.
    #[error(
        "edge type name {name:?} is empty, not a single word, or used twice; give every type its own one-word name"
    )]
    EdgeTypeName {
        /// The offending name.
        name: String,
    },
    /// An edge to a node that does not exist.
    #[error(
        "edge type {edge_type:?}: edge ({}, {}) is outside the nodes 0..{n_nodes}; correct it or raise n_nodes",
        edge.0, edge.1
    )]
    NodeOutOfRange {
        /// Name of the edge type.
        edge_type: String,
        /// The offending edge.
        edge: (usize, usize),
        /// Number of nodes.
        n_nodes: usize,
    },
    /// An edge from a node to itself.
    #[error("edge type {edge_type:?}: node {node} has an edge to itself; remove it")]
    SelfLoop {
        /// Name of the edge type.
        edge_type: String,
        /// The offending node.
        node: usize,
    },
    /// A line of an edge list that is not `i j [type]`.
    #[error("line {line}: {text:?} is not an edge; write `i j` or `i j type` with node numbers from 0")]
    EdgeLine {
        /// Line number, from 1.
        line: usize,
        /// The offending line, shortened.
        text: String,
    },
    /// Text that is not a graph in TOML.
    #[error("not a graph in TOML; write `n_nodes` and a list of `[[edge_types]]` with `name` and `edges`")]
    Toml {
        /// The parser's error.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// A graph file that could not be read.
    #[error("cannot read the graph file {}; check the path", path.display())]
    Read {
        /// The path as given.
        path: PathBuf,
        /// The operating system's error.
        #[source]
        source: std::io::Error,
    },
}
