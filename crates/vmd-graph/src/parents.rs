//! Parents: an acyclic direction for every edge.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::DependencyGraph;

/// The order in which tied positions follow each other; of two, the earlier one is the parent.
///
/// [`Any`](Self::Any) leaves it open: a position's parents are all that it is tied to, of which those that come first count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParentOrder {
    /// Breadth first, from the lowest node of every component. Along a chain each node has the one before as its parent.
    #[default]
    Bfs,
    /// By colour of [`greedy_colouring`](DependencyGraph::greedy_colouring): nodes of one colour have no ties, so there are
    /// as many generations as colours.
    Colouring,
    /// Every order: the caller decides which positions come before another.
    Any,
}

/// One parent of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parent {
    /// Index of the edge type that ties the two.
    pub edge_type: usize,
    /// The parent.
    pub node: usize,
}

/// The parents of every node; following them never leads back, unless the order is [`ParentOrder::Any`].
///
/// ```
/// use vmd_graph::{DependencyGraph, ParentOrder};
/// let parents = DependencyGraph::chain(3)?.parents(ParentOrder::Bfs);
/// assert_eq!(parents.of(0).len(), 0);
/// assert_eq!(parents.of(2)[0].node, 1);
/// assert_eq!(parents.order(), [0, 1, 2]);
/// # Ok::<(), vmd_graph::GraphError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parents {
    of: Vec<Vec<Parent>>,
    order: Vec<usize>,
    rank: Vec<usize>,
    n_edge_types: usize,
    is_open: bool,
}

impl Parents {
    /// The parents of a node, once for every edge type that ties them.
    ///
    /// # Panics
    /// If the node does not exist.
    #[must_use]
    pub fn of(&self, node: usize) -> &[Parent] {
        &self.of[node]
    }

    /// All nodes, parents before their children.
    #[must_use]
    pub fn order(&self) -> &[usize] {
        &self.order
    }

    /// Place of a node in [`order`](Self::order).
    ///
    /// # Panics
    /// If the node does not exist.
    #[must_use]
    pub fn rank(&self, node: usize) -> usize {
        self.rank[node]
    }

    /// Whether the order is left open ([`ParentOrder::Any`]).
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.is_open
    }

    /// Number of edge types of the graph.
    #[must_use]
    pub fn n_edge_types(&self) -> usize {
        self.n_edge_types
    }

    /// Parents that a node has at the most.
    #[must_use]
    pub fn most(&self) -> usize {
        self.of.iter().map(Vec::len).max().unwrap_or(0)
    }
}

impl DependencyGraph {
    /// Directs every edge from the node that comes earlier in `order`, or both ways if that is left open.
    #[must_use]
    pub fn parents(&self, order: ParentOrder) -> Parents {
        let is_open = order == ParentOrder::Any;
        let order = match order {
            ParentOrder::Any => (0..self.n_nodes()).collect(),
            ParentOrder::Bfs => self.breadth_first(),
            ParentOrder::Colouring => {
                let colours = self.greedy_colouring();
                let mut nodes: Vec<usize> = (0..self.n_nodes()).collect();
                nodes.sort_by_key(|&node| (colours[node], node));
                nodes
            }
        };
        let mut rank = vec![0; order.len()];
        order.iter().enumerate().for_each(|(place, &node)| rank[node] = place);
        let n_edge_types = self.edge_types().len();
        let of = |node: usize| -> Vec<Parent> {
            let along = |edge_type| {
                let earlier = |&other: &usize| is_open || rank[other] < rank[node];
                let neighbours = self.neighbours(edge_type, node).iter().copied().filter(earlier);
                neighbours.map(move |node| Parent { edge_type, node })
            };
            (0..n_edge_types).flat_map(along).collect()
        };
        Parents { of: (0..self.n_nodes()).map(of).collect(), order, rank, n_edge_types, is_open }
    }

    fn breadth_first(&self) -> Vec<usize> {
        let mut seen = vec![false; self.n_nodes()];
        let mut order = Vec::with_capacity(self.n_nodes());
        let mut queue = VecDeque::new();
        for root in 0..self.n_nodes() {
            if !std::mem::replace(&mut seen[root], true) {
                queue.push_back(root);
            }
            while let Some(node) = queue.pop_front() {
                order.push(node);
                for &neighbour in &self.union()[node] {
                    if !std::mem::replace(&mut seen[neighbour], true) {
                        queue.push_back(neighbour);
                    }
                }
            }
        }
        order
    }
}
