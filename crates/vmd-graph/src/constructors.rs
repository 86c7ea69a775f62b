//! Constructors of graphs with known structure.

use crate::{DependencyGraph, GraphError};

impl DependencyGraph {
    /// Builds the constraint graph of a Sudoku with boxes of `box_rows × box_cols` cells, numbered
    /// row by row.
    ///
    /// The side is `box_rows·box_cols`; the edge types are "row", "column" and "box". The box type
    /// contains every pair of cells of a box, so two cells in the same box and row are connected
    /// by two types.
    ///
    /// # Errors
    /// [`GraphError::NodeCount`] if a dimension is 0 or the grid is too large.
    pub fn sudoku(box_rows: usize, box_cols: usize) -> Result<Self, GraphError> {
        let side = box_rows.saturating_mul(box_cols);
        let n_nodes = side.saturating_mul(side);
        check_node_count(n_nodes)?;
        let unit_pairs =
            |unit: &dyn Fn(usize, usize) -> usize| pairs_where(n_nodes, |a| unit(a / side, a % side));
        let boxes_per_row = side / box_cols;
        Self::from_edges(
            n_nodes,
            [
                ("row", unit_pairs(&|row, _| row)),
                ("column", unit_pairs(&|_, column| column)),
                ("box", unit_pairs(&|row, column| row / box_rows * boxes_per_row + column / box_cols)),
            ],
        )
    }

    /// Builds a chain: positions `0..n_nodes`, each adjacent to the next, with edge type "next".
    ///
    /// # Errors
    /// [`GraphError::NodeCount`] if `n_nodes` is 0 or too large.
    pub fn chain(n_nodes: usize) -> Result<Self, GraphError> {
        check_node_count(n_nodes)?;
        Self::from_edges(n_nodes, [("next", (1..n_nodes).map(|i| (i - 1, i)).collect())])
    }

    /// Builds a complete graph: all positions are adjacent, with edge type "all".
    ///
    /// # Errors
    /// [`GraphError::NodeCount`] if `n_nodes` is 0 or too large.
    pub fn complete(n_nodes: usize) -> Result<Self, GraphError> {
        check_node_count(n_nodes)?;
        Self::from_edges(n_nodes, [("all", pairs_where(n_nodes, |_| 0))])
    }
}

/// Checks the size before any edge list is built, so that a huge size returns an error instead of
/// exhausting memory.
fn check_node_count(n_nodes: usize) -> Result<(), GraphError> {
    DependencyGraph::from_edges(n_nodes, <[(&str, Vec<_>); 0]>::default()).map(|_| ())
}

/// Returns all pairs `a < b` of nodes in the same unit.
fn pairs_where(n_nodes: usize, unit: impl Fn(usize) -> usize) -> Vec<(usize, usize)> {
    let later = |a: usize| (a + 1..n_nodes).map(move |b| (a, b));
    (0..n_nodes).flat_map(later).filter(|&(a, b)| unit(a) == unit(b)).collect()
}
