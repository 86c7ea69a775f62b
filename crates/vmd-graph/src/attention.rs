//! Attention masks and cliques of edge types.

use crate::DependencyGraph;

impl DependencyGraph {
    /// Returns the attention mask of one edge type: true for neighbours, and on the diagonal if
    /// `include_self`.
    ///
    /// # Shapes
    /// `[n_nodes, n_nodes]`, row-major.
    ///
    /// # Panics
    /// If the edge type does not exist.
    #[must_use]
    pub fn adjacency_mask(&self, edge_type: usize, include_self: bool) -> Vec<bool> {
        let n = self.n_nodes();
        let mut mask = vec![false; n * n];
        for node in 0..n {
            mask[node * n + node] = include_self;
            for &neighbour in self.neighbours(edge_type, node) {
                mask[node * n + neighbour] = true;
            }
        }
        mask
    }

    /// Returns the neighbours of a node along one edge type and the node itself, sorted.
    ///
    /// # Panics
    /// If the edge type or the node does not exist.
    #[must_use]
    pub fn closed_neighbours(&self, edge_type: usize, node: usize) -> Vec<usize> {
        let mut with_self = self.neighbours(edge_type, node).to_vec();
        with_self.insert(with_self.partition_point(|&other| other < node), node);
        with_self
    }

    /// Returns the cliques of an edge type if it is a disjoint union of equally large cliques that
    /// cover all nodes, otherwise `None`.
    ///
    /// The rows, columns and boxes of a Sudoku and the complete graph are such types. Attention
    /// along such a type is full attention inside each clique. Each clique is sorted, and cliques
    /// are ordered by their smallest nodes.
    ///
    /// # Panics
    /// If the edge type does not exist.
    ///
    /// ```
    /// use vmd_graph::DependencyGraph;
    /// let graph = DependencyGraph::sudoku(2, 2)?;
    /// assert_eq!(graph.cliques(2).unwrap()[1], [2, 3, 6, 7]); // the upper right box
    /// assert_eq!(DependencyGraph::chain(3)?.cliques(0), None);
    /// # Ok::<(), vmd_graph::GraphError>(())
    /// ```
    #[must_use]
    pub fn cliques(&self, edge_type: usize) -> Option<Vec<Vec<usize>>> {
        let size = self.neighbours(edge_type, 0).len() + 1;
        let mut cliques = Vec::new();
        for node in 0..self.n_nodes() {
            let clique = self.closed_neighbours(edge_type, node);
            // All members of a clique have the same closed neighbourhood; compare each with that
            // of the first member.
            let same = if clique[0] == node {
                clique.len() == size
            } else {
                clique == self.closed_neighbours(edge_type, clique[0])
            };
            if !same {
                return None;
            }
            if clique[0] == node {
                cliques.push(clique);
            }
        }
        Some(cliques)
    }
}
