//! Comparison of the edges of two graphs.

use std::collections::BTreeSet;

use crate::DependencyGraph;

/// Precision and recall of the edges of a graph against those of the true graph, ignoring types.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Agreement {
    /// Number of adjacent pairs of the graph.
    pub n_edges: usize,
    /// Number of adjacent pairs of the true graph.
    pub n_true: usize,
    /// Share of the graph's pairs that are in the true graph; 1 if the graph has no pairs.
    pub precision: f64,
    /// Share of the true graph's pairs that are in the graph; 1 if the true graph has no pairs.
    pub recall: f64,
}

impl DependencyGraph {
    /// Compares the adjacent pairs with those of `truth`.
    ///
    /// ```
    /// use vmd_graph::DependencyGraph;
    /// let found = DependencyGraph::complete(3)?.agreement(&DependencyGraph::chain(3)?);
    /// assert_eq!((found.n_edges, found.n_true), (3, 2));
    /// assert_eq!((found.precision, found.recall), (2.0 / 3.0, 1.0));
    /// # Ok::<(), vmd_graph::GraphError>(())
    /// ```
    #[must_use]
    pub fn agreement(&self, truth: &Self) -> Agreement {
        let (found, truth) = (self.pairs(), truth.pairs());
        let common = found.intersection(&truth).count() as f64;
        let share = |of: usize| if of == 0 { 1.0 } else { common / of as f64 };
        Agreement {
            n_edges: found.len(),
            n_true: truth.len(),
            precision: share(found.len()),
            recall: share(truth.len()),
        }
    }

    /// Returns the adjacent pairs `(i, j)` with `i < j` over all edge types, each once.
    #[must_use]
    pub fn pairs(&self) -> BTreeSet<(usize, usize)> {
        self.edge_types().iter().flat_map(|edge_type| edge_type.edges().iter().copied()).collect()
    }
}
