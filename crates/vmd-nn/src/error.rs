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
    /// Rotary positions turn queries and keys, which messages do not have.
    #[error("{path}: rotary positions need attention; set {path}.position to learned or none")]
    RotaryMessages {
        /// Path of the table in the configuration.
        path: String,
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
    /// Gates are factors on messages.
    #[error("{path} gates messages; set {trunk}.mixing = \"messages\", or remove it")]
    GatesWithoutMessages {
        /// Path of the gates' table in the configuration.
        path: String,
        /// Path of the trunk's table.
        trunk: String,
    },
    /// Learned edges take the place of given ones.
    #[error("{path} learns who hears whom, and {trunk}.edge_heads says it; remove one of the two")]
    GatesWithEdgeHeads {
        /// Path of the gates' table in the configuration.
        path: String,
        /// Path of the trunk's table.
        trunk: String,
    },
    /// The graph has no types of edges, so that nothing has a parent.
    #[error("{path} is set but the graph has no edge types; add one or remove it")]
    ParentsWithoutEdges {
        /// Path of the table in the configuration.
        path: String,
    },
    /// The price of an edge is no price.
    #[error("{path}.penalty = {penalty}; it must be above 0 and finite")]
    GatePenalty {
        /// Path of the table in the configuration.
        path: String,
        /// The price that was asked for, as text.
        penalty: String,
    },
    /// Tokens are to condition on each other along a graph that is not there.
    #[error("{path} is set but the model has no [graph]; add one or remove it")]
    ParentsWithoutGraph {
        /// Path of the table in the configuration.
        path: String,
    },
    /// Ancestors beyond the parents, without an order that tells who they are.
    #[error(
        "{path}: reach = {reach} looks past parents, of which order = any has none that are fixed; set reach = 1 or another order"
    )]
    ReachOfAnyOrder {
        /// Path of the table in the configuration.
        path: String,
        /// Distances that are told apart.
        reach: usize,
    },
    /// The table of what parents can say would be too large.
    #[error(
        "{path}: {edge_types} edge types of {vocab} values at {reach} distances are more than {most} things that a parent can \
         say; lower reach or merge edge types"
    )]
    TooManyParentValues {
        /// Path of the table in the configuration.
        path: String,
        /// Edge types of the graph.
        edge_types: usize,
        /// Distances that are told apart.
        reach: usize,
        /// Values of a token.
        vocab: usize,
        /// What is supported.
        most: usize,
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
