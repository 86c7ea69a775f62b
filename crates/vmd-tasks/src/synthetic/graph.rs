//! Dependency graphs of the synthetic sets.

use vmd_graph::DependencyGraph;

use super::{SyntheticSet, rules};

impl SyntheticSet {
    /// Pairs of positions that depend directly on each other, given all others. The reference for
    /// learned graphs.
    ///
    /// ```
    /// use vmd_tasks::synthetic::SyntheticSet;
    /// let graph = SyntheticSet::Needle(64).graph();
    /// assert_eq!(graph.pairs().into_iter().collect::<Vec<_>>(), [(0, 63)]);
    /// ```
    #[must_use]
    pub fn graph(&self) -> DependencyGraph {
        let n = self.seq_len();
        let graph = match self {
            Self::PairsUniform | Self::PairsSkewed | Self::D1 | Self::Chain(_) => DependencyGraph::chain(n),
            Self::D2 => DependencyGraph::from_edges(n, [("pair", vec![(0, 1), (2, 3)])]),
            Self::Needle(_) => DependencyGraph::from_edges(n, [("ends", vec![(0, n - 1)])]),
            Self::Parity(_) => DependencyGraph::complete(n),
            Self::Grids4x4 => DependencyGraph::sudoku(2, 2),
            Self::Rules => DependencyGraph::from_edges(n, rules::ties()),
        };
        graph.expect("the sets have at most as many tokens as a graph has nodes")
    }
}
