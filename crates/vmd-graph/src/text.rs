//! Text formats of graphs: TOML and edge lists.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use crate::{DependencyGraph, GraphError};

/// Name of the type of edges without a type in an edge list.
const DEFAULT_TYPE: &str = "edge";

/// A graph as written in a file, before validation.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GraphToml {
    n_nodes: usize,
    #[serde(default)]
    edge_types: Vec<EdgeTypeToml>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EdgeTypeToml {
    name: String,
    edges: Vec<(usize, usize)>,
}

impl DependencyGraph {
    /// Reads a graph in TOML: `n_nodes`, and `[[edge_types]]` with `name` and `edges`.
    ///
    /// # Errors
    /// [`GraphError::Toml`] on malformed text; otherwise the errors of
    /// [`from_edges`](Self::from_edges).
    ///
    /// ```
    /// let text = "n_nodes = 3\n[[edge_types]]\nname = \"row\"\nedges = [[0, 1]]";
    /// let graph = vmd_graph::DependencyGraph::from_toml_str(text)?;
    /// assert!(graph.is_adjacent(1, 0) && !graph.is_adjacent(1, 2));
    /// # Ok::<(), vmd_graph::GraphError>(())
    /// ```
    pub fn from_toml_str(text: &str) -> Result<Self, GraphError> {
        let graph: GraphToml =
            toml::from_str(text).map_err(|source| GraphError::Toml { source: Box::new(source) })?;
        let named = graph.edge_types.into_iter().map(|edge_type| (edge_type.name, edge_type.edges));
        Self::from_edges(graph.n_nodes, named)
    }

    /// Reads an edge list: one line `i j` or `i j type` per edge, with nodes numbered from 0; `#`
    /// starts a comment.
    ///
    /// Edges without a type get the type "edge"; types are sorted by name. The number of nodes is
    /// the largest node number plus 1. Use TOML for a graph whose last nodes have no edges.
    ///
    /// # Errors
    /// [`GraphError::EdgeLine`] on a malformed line; otherwise the errors of
    /// [`from_edges`](Self::from_edges).
    ///
    /// ```
    /// let graph = vmd_graph::DependencyGraph::from_edge_list_str("0 1 row # a comment\n1 2")?;
    /// assert_eq!((graph.n_nodes(), graph.edge_type("edge"), graph.edge_type("row")), (3, Some(0), Some(1)));
    /// # Ok::<(), vmd_graph::GraphError>(())
    /// ```
    pub fn from_edge_list_str(text: &str) -> Result<Self, GraphError> {
        let mut types: BTreeMap<&str, Vec<(usize, usize)>> = BTreeMap::new();
        let mut n_nodes = 0;
        for (index, line) in text.lines().enumerate() {
            let content = line.split('#').next().unwrap_or_default().trim();
            if content.is_empty() {
                continue;
            }
            let (a, b, name) = parse_edge(content).ok_or_else(|| GraphError::EdgeLine {
                line: index + 1,
                text: content.chars().take(80).collect(),
            })?;
            n_nodes = n_nodes.max(a.max(b).saturating_add(1));
            types.entry(name).or_default().push((a, b));
        }
        Self::from_edges(n_nodes, types)
    }

    /// Reads a graph file: TOML if its name ends in `.toml`, otherwise an edge list.
    ///
    /// # Errors
    /// [`GraphError::Read`] if the file cannot be read; otherwise the errors of
    /// [`from_toml_str`](Self::from_toml_str) or [`from_edge_list_str`](Self::from_edge_list_str).
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, GraphError> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path)
            .map_err(|source| GraphError::Read { path: path.to_path_buf(), source })?;
        if path.extension().is_some_and(|extension| extension == "toml") {
            Self::from_toml_str(&text)
        } else {
            Self::from_edge_list_str(&text)
        }
    }

    /// Writes the graph as TOML, in the format of [`from_toml_str`](Self::from_toml_str).
    #[must_use]
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("numbers, strings and lists have a form in TOML")
    }
}

fn parse_edge(content: &str) -> Option<(usize, usize, &str)> {
    let mut words = content.split_whitespace();
    let a = words.next()?.parse().ok()?;
    let b = words.next()?.parse().ok()?;
    let name = words.next().unwrap_or(DEFAULT_TYPE);
    words.next().is_none().then_some((a, b, name))
}
