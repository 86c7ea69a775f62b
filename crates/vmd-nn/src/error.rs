//! What can be wrong with a network's configuration.

use thiserror::Error;

/// A network configuration that cannot be built.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum NetworkError {
    /// A size that must be at least one is zero.
    #[error("{path} is 0; set it to 1 or more")]
    ZeroSize {
        /// Path of the key in the configuration.
        path: String,
    },
    /// The width is not a multiple of the number of heads.
    #[error("{path}.width = {width} is not a multiple of {path}.heads = {heads}; change one of the two")]
    HeadsDoNotDivideWidth {
        /// Path of the table in the configuration.
        path: String,
        /// Width of the residual stream.
        width: usize,
        /// Number of attention heads.
        heads: usize,
    },
    /// Rotary positions turn pairs of channels, so a head needs an even number of them.
    #[error(
        "{path}: rotary positions need an even number of channels per head, not {channels}; change width or heads"
    )]
    OddRotary {
        /// Path of the table in the configuration.
        path: String,
        /// Channels per head.
        channels: usize,
    },
    /// A head names an edge type that the graph does not have.
    #[error("{path}.edge_heads names `{name}`, which is no edge type of the graph; use one of: {known}")]
    UnknownEdgeType {
        /// Path of the table in the configuration.
        path: String,
        /// The name that was asked for.
        name: String,
        /// The names that exist, comma separated.
        known: String,
    },
    /// Heads are restricted to edge types but there is no graph.
    #[error("{path}.edge_heads is set but the model has no [graph]; add one or remove edge_heads")]
    EdgeHeadsWithoutGraph {
        /// Path of the table in the configuration.
        path: String,
    },
    /// The heads cannot be shared out evenly over the edge types.
    #[error(
        "{path}.heads = {heads} is not a multiple of the {edge_heads} entries of edge_heads; change one of the two"
    )]
    UnevenEdgeHeads {
        /// Path of the table in the configuration.
        path: String,
        /// Number of attention heads.
        heads: usize,
        /// Number of entries in `edge_heads`.
        edge_heads: usize,
    },
}
