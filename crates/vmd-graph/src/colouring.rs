//! Colourings: classes of pairwise non-adjacent nodes.

use crate::DependencyGraph;

impl DependencyGraph {
    /// Returns a proper colouring: the colour of every node, with colours numbered from 0 without
    /// gaps.
    ///
    /// Greedy by saturation (DSATUR): the next node is the one whose neighbours have the most
    /// distinct colours; ties are broken by degree, then by lower index. It gets the smallest free
    /// colour. At most `max degree + 1` colours are used.
    ///
    /// # Source
    /// Brélaz, "New methods to color the vertices of a graph", 1979.
    ///
    /// ```
    /// let colours = vmd_graph::DependencyGraph::chain(4)?.greedy_colouring();
    /// assert_eq!(colours.iter().max(), Some(&1));
    /// # Ok::<(), vmd_graph::GraphError>(())
    /// ```
    #[must_use]
    pub fn greedy_colouring(&self) -> Vec<usize> {
        let n = self.n_nodes();
        let mut colours: Vec<Option<usize>> = vec![None; n];
        // Sorted distinct colours of the neighbours of each node.
        let mut seen: Vec<Vec<usize>> = vec![Vec::new(); n];
        for _ in 0..n {
            let open = (0..n).filter(|&node| colours[node].is_none());
            let urgency = |&node: &usize| (seen[node].len(), self.degree(node), std::cmp::Reverse(node));
            let Some(node) = open.max_by_key(urgency) else { break };
            // In a sorted list of distinct numbers, the first element that differs from its index
            // marks the smallest gap.
            let colour = seen[node].iter().enumerate().position(|(i, &c)| i != c).unwrap_or(seen[node].len());
            colours[node] = Some(colour);
            for &neighbour in &self.union()[node] {
                if let Err(place) = seen[neighbour].binary_search(&colour) {
                    seen[neighbour].insert(place, colour);
                }
            }
        }
        colours.into_iter().flatten().collect()
    }
}
