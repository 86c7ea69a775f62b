//! The graph Laplacian.

use crate::DependencyGraph;

impl DependencyGraph {
    /// The symmetric normalised Laplacian `L_G = I − D^{−1/2}·A·D^{−1/2}` of the union of all edge types.
    ///
    /// Positive semi-definite with eigenvalues in `[0, 2]`; `D^{1/2}·1` is in its kernel. Rows of isolated nodes are
    /// zero.
    ///
    /// # Shapes
    /// `[n_nodes, n_nodes]`, row-major.
    ///
    /// # Source
    /// Chung, "Spectral Graph Theory", 1997, §1.2.
    ///
    /// ```
    /// let pair = vmd_graph::DependencyGraph::chain(2)?;
    /// assert_eq!(pair.normalised_laplacian(), [1.0, -1.0, -1.0, 1.0]);
    /// # Ok::<(), vmd_graph::GraphError>(())
    /// ```
    #[must_use]
    pub fn normalised_laplacian(&self) -> Vec<f64> {
        let n = self.n_nodes();
        let mut laplacian = vec![0.0; n * n];
        for (node, neighbours) in self.union().iter().enumerate() {
            if !neighbours.is_empty() {
                laplacian[node * n + node] = 1.0;
            }
            for &neighbour in neighbours {
                let degrees = self.degree(node) * self.degree(neighbour);
                laplacian[node * n + neighbour] = -(degrees as f64).sqrt().recip();
            }
        }
        laplacian
    }
}
