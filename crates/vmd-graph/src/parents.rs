//! Parents: a direction for each edge.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::DependencyGraph;

/// The order that directs edges: of two adjacent positions, the earlier one is the parent.
///
/// With [`Any`](Self::Any) the order is open: all neighbours of a position are its parents, and
/// the caller uses those that are revealed before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParentOrder {
    /// Breadth-first, from the lowest node of each component. In a chain, the parent of a node is
    /// its predecessor.
    #[default]
    Bfs,
    /// By colour in [`greedy_colouring`](DependencyGraph::greedy_colouring). Nodes of one colour
    /// are not adjacent, so there are as many generations as colours.
    Colouring,
    /// No fixed order: the caller decides which positions come first.
    Any,
}

/// One parent of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parent {
    /// Index of the edge type that connects the two nodes.
    pub edge_type: usize,
    /// Index of the parent node.
    pub node: usize,
}

/// The parents of every node. The relation is acyclic, unless the order is [`ParentOrder::Any`].
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
    /// Returns the parents of a node, once for each edge type that connects them.
    ///
    /// # Panics
    /// If the node does not exist.
    #[must_use]
    pub fn of(&self, node: usize) -> &[Parent] {
        &self.of[node]
    }

    /// Returns all nodes, parents before their children; `0..n_nodes` if the order is open.
    #[must_use]
    pub fn order(&self) -> &[usize] {
        &self.order
    }

    /// Returns the index of a node in [`order`](Self::order).
    ///
    /// # Panics
    /// If the node does not exist.
    #[must_use]
    pub fn rank(&self, node: usize) -> usize {
        self.rank[node]
    }

    /// Returns whether the order is open ([`ParentOrder::Any`]).
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.is_open
    }

    /// Returns the number of edge types of the graph.
    #[must_use]
    pub fn n_edge_types(&self) -> usize {
        self.n_edge_types
    }

    /// Returns the maximum number of parents of a node.
    #[must_use]
    pub fn most(&self) -> usize {
        self.of.iter().map(Vec::len).max().unwrap_or(0)
    }
}

impl DependencyGraph {
    /// Directs every edge from the node that comes first in `order`, or both ways if the order is
    /// open.
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
