//! How a configuration names a graph.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{DependencyGraph, GraphError};

/// Which graph to build, as written in a configuration: `{ kind = "sudoku", box_rows = 3, box_cols = 3 }`.
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
    /// See [`DependencyGraph::from_file`].
    File {
        /// A `.toml` file or an edge list.
        path: PathBuf,
    },
}

impl GraphSpec {
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
            Self::File { path } => DependencyGraph::from_file(path),
        }
    }
}
