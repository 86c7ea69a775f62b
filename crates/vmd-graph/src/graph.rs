//! Nodes and typed undirected edges.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::GraphError;

/// Largest supported number of nodes; keeps dense `n × n` results below one gibibyte.
pub const MAX_NODES: usize = 8192;

/// Largest supported number of edge types.
pub const MAX_EDGE_TYPES: usize = 64;

/// The edges of one type, for example "row".
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EdgeType {
    name: String,
    edges: Vec<(usize, usize)>,
}

impl EdgeType {
    /// Returns the name, a single word.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the edges `(i, j)` with `i < j`, sorted, each once.
    #[must_use]
    pub fn edges(&self) -> &[(usize, usize)] {
        &self.edges
    }
}

/// An undirected graph over token positions with typed edges.
///
/// Two nodes may be connected by several types: in a Sudoku, neighbours in a row often share a
/// box. Every constructor sorts and deduplicates edges and rejects self-loops.
///
/// ```
/// use vmd_graph::DependencyGraph;
/// let graph = DependencyGraph::from_edges(3, [("next", vec![(1, 0), (0, 1), (1, 2)])])?;
/// assert_eq!(graph.edge_types()[0].edges(), [(0, 1), (1, 2)]);
/// assert_eq!(graph.neighbours(0, 1), [0, 2]);
/// # Ok::<(), vmd_graph::GraphError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DependencyGraph {
    n_nodes: usize,
    edge_types: Vec<EdgeType>,
    /// Sorted neighbours, by edge type and node.
    #[serde(skip)]
    neighbours: Vec<Vec<Vec<usize>>>,
    /// Sorted neighbours over all edge types, by node.
    #[serde(skip)]
    union: Vec<Vec<usize>>,
}

impl DependencyGraph {
    /// Builds a graph from named edge lists. The order of the nodes in an edge and repeated edges
    /// do not matter.
    ///
    /// # Errors
    /// [`GraphError`] for a node count out of range, too many types, a bad type name, an edge
    /// outside the graph, or a self-loop.
    pub fn from_edges<Name: Into<String>>(
        n_nodes: usize,
        edge_types: impl IntoIterator<Item = (Name, Vec<(usize, usize)>)>,
    ) -> Result<Self, GraphError> {
        if !(1..=MAX_NODES).contains(&n_nodes) {
            return Err(GraphError::NodeCount { n_nodes });
        }
        let mut names = BTreeSet::new();
        let mut checked = Vec::new();
        for (name, edges) in edge_types {
            let edge_type = check_edges(n_nodes, name.into(), edges)?;
            if !names.insert(edge_type.name.clone()) {
                return Err(GraphError::EdgeTypeName { name: edge_type.name });
            }
            checked.push(edge_type);
        }
        if checked.len() > MAX_EDGE_TYPES {
            return Err(GraphError::EdgeTypeCount { n_edge_types: checked.len() });
        }
        let neighbours = checked.iter().map(|edge_type| adjacency(n_nodes, [edge_type])).collect();
        let union = adjacency(n_nodes, &checked);
        Ok(Self { n_nodes, edge_types: checked, neighbours, union })
    }

    /// Returns the number of nodes, which are the token positions `0..n_nodes`.
    #[must_use]
    pub fn n_nodes(&self) -> usize {
        self.n_nodes
    }

    /// Returns the edge types in the order given.
    #[must_use]
    pub fn edge_types(&self) -> &[EdgeType] {
        &self.edge_types
    }

    /// Returns the index of the edge type with this name.
    #[must_use]
    pub fn edge_type(&self, name: &str) -> Option<usize> {
        self.edge_types.iter().position(|edge_type| edge_type.name == name)
    }

    /// Returns the neighbours of a node along one edge type, sorted.
    ///
    /// # Panics
    /// If the edge type or the node does not exist.
    #[must_use]
    pub fn neighbours(&self, edge_type: usize, node: usize) -> &[usize] {
        &self.neighbours[edge_type][node]
    }

    /// Returns the neighbours of every node over all edge types, sorted, each once.
    #[must_use]
    pub fn union(&self) -> &[Vec<usize>] {
        &self.union
    }

    /// Returns the number of distinct neighbours of a node over all edge types.
    ///
    /// # Panics
    /// If the node does not exist.
    #[must_use]
    pub fn degree(&self, node: usize) -> usize {
        self.union[node].len()
    }

    /// Returns whether two nodes are connected by an edge of any type.
    ///
    /// # Panics
    /// If node `a` does not exist.
    #[must_use]
    pub fn is_adjacent(&self, a: usize, b: usize) -> bool {
        self.union[a].binary_search(&b).is_ok()
    }
}

fn check_edges(n_nodes: usize, name: String, edges: Vec<(usize, usize)>) -> Result<EdgeType, GraphError> {
    // The edge-list format separates fields by white space and starts comments with `#`.
    if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c == '#') {
        return Err(GraphError::EdgeTypeName { name });
    }
    let mut sorted = Vec::with_capacity(edges.len());
    for edge in edges {
        let (low, high) = (edge.0.min(edge.1), edge.0.max(edge.1));
        if high >= n_nodes {
            return Err(GraphError::NodeOutOfRange { edge_type: name, edge, n_nodes });
        }
        if low == high {
            return Err(GraphError::SelfLoop { edge_type: name, node: low });
        }
        sorted.push((low, high));
    }
    sorted.sort_unstable();
    sorted.dedup();
    Ok(EdgeType { name, edges: sorted })
}

fn adjacency<'a>(n_nodes: usize, edge_types: impl IntoIterator<Item = &'a EdgeType>) -> Vec<Vec<usize>> {
    let mut neighbours = vec![Vec::new(); n_nodes];
    for &(a, b) in edge_types.into_iter().flat_map(|edge_type| &edge_type.edges) {
        neighbours[a].push(b);
        neighbours[b].push(a);
    }
    for list in &mut neighbours {
        list.sort_unstable();
        list.dedup();
    }
    neighbours
}
