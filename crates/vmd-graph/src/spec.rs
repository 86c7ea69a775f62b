//! Descriptions of graphs in configurations.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{DependencyGraph, EdgeType, GraphError};

/// A graph as written in a configuration, such as
/// `{ kind = "sudoku", box_rows = 3, box_cols = 3 }`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum GraphSpec {
    /// See [`DependencyGraph::sudoku`].
    Sudoku {
        /// Rows of a box.
        box_rows: usize,
        /// Columns of a box.
        box_cols: usize,
    },
    /// See [`DependencyGraph::chain`].
    Chain {
        /// Number of nodes.
        n: usize,
    },
    /// See [`DependencyGraph::complete`].
    Complete {
        /// Number of nodes.
        n: usize,
    },
    /// Edges by type: `{ kind = "edges", n = 4, edges = { pair = [[0, 1], [2, 3]] } }`.
    Edges {
        /// Number of nodes.
        n: usize,
        /// Edges of each type.
        edges: BTreeMap<String, Vec<(usize, usize)>>,
    },
    /// See [`DependencyGraph::from_file`].
    File {
        /// A `.toml` file or an edge list.
        path: PathBuf,
    },
}

impl GraphSpec {
    /// Returns the same graph with the edges of a file inlined, so that it no longer depends on
    /// the file.
    ///
    /// # Errors
    /// [`GraphError`] if the file does not describe a graph.
    pub fn without_file(self) -> Result<Self, GraphError> {
        let Self::File { path } = &self else { return Ok(self) };
        let graph = DependencyGraph::from_file(path)?;
        let of_type = |edge_type: &EdgeType| (edge_type.name().to_string(), edge_type.edges().to_vec());
        Ok(Self::Edges { n: graph.n_nodes(), edges: graph.edge_types().iter().map(of_type).collect() })
    }

    /// Builds or reads the graph.
    ///
    /// # Errors
    /// [`GraphError`] if the parameters or the file do not describe a graph.
    ///
    /// ```
    /// let graph = vmd_graph::GraphSpec::Complete { n: 4 }.build()?;
    /// assert_eq!(graph.edge_types()[0].edges().len(), 6);
    /// # Ok::<(), vmd_graph::GraphError>(())
    /// ```
    pub fn build(&self) -> Result<DependencyGraph, GraphError> {
        match self {
            Self::Sudoku { box_rows, box_cols } => DependencyGraph::sudoku(*box_rows, *box_cols),
            Self::Chain { n } => DependencyGraph::chain(*n),
            Self::Complete { n } => DependencyGraph::complete(*n),
            Self::Edges { n, edges } => DependencyGraph::from_edges(*n, edges.clone()),
            Self::File { path } => DependencyGraph::from_file(path),
        }
    }
}
