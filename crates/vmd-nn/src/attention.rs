//! Multi-head self-attention with heads restricted to edge types.

use burn::module::Module;
use burn::tensor::Tensor;
use vmd_core::Problem;
use vmd_graph::DependencyGraph;
use vmd_kernels::{HeadEdges, KeyRanges, Mask, Precision, RotaryTable, attention, context_attention, rotary};

use crate::{Linear, ParameterInit, Weights};

/// Name in `edge_heads` of an unrestricted head.
const UNRESTRICTED: &str = "all";

/// Multi-head softmax attention, with a mask per head.
#[derive(Module, Debug)]
pub struct Attention {
    qkv: Linear,
    out: Linear,
    #[module(skip)]
    heads: usize,
}

impl Attention {
    /// Creates `heads` heads over `width` channels.
    ///
    /// `gain` scales the output projection; factors are rounded to `precision`.
    pub fn new(
        width: usize,
        heads: usize,
        gain: f64,
        precision: Precision,
        init: &mut ParameterInit<'_>,
    ) -> Self {
        Self {
            qkv: Linear::new(width, 3 * width, Weights::Scaled { gain: 1.0 }, init).with_precision(precision),
            out: Linear::new(width, width, Weights::Scaled { gain }, init).with_precision(precision),
            heads,
        }
    }

    /// Attends within each sequence; `table` adds rotary positions to queries and keys.
    ///
    /// # Shapes
    ///
    /// - `x` and output: `[batch, seq, width]`
    pub fn forward(&self, x: Tensor<3>, mask: Option<Mask<'_>>, table: Option<&RotaryTable>) -> Tensor<3> {
        self.out.forward(attention(self.qkv(x, table), self.heads, mask))
    }

    /// `h + forward(x)`.
    pub(crate) fn forward_added(
        &self,
        x: Tensor<3>,
        mask: Option<Mask<'_>>,
        table: Option<&RotaryTable>,
        h: Tensor<3>,
    ) -> Tensor<3> {
        self.out.forward_added(attention(self.qkv(x, table), self.heads, mask), h)
    }

    /// As [`forward_added`](Self::forward_added), for tokens that also attend to `past`. Also
    /// returns the queries, keys and values of the tokens.
    pub(crate) fn forward_after(
        &self,
        x: Tensor<3>,
        past: Option<Tensor<3>>,
        ranges: &KeyRanges,
        table: Option<&RotaryTable>,
        h: Tensor<3>,
    ) -> (Tensor<3>, Tensor<3>) {
        let qkv = self.qkv(x, table);
        let mixed = context_attention(qkv.clone(), past, self.heads, ranges);
        (self.out.forward_added(mixed, h), qkv)
    }

    fn qkv(&self, x: Tensor<3>, table: Option<&RotaryTable>) -> Tensor<3> {
        let qkv = self.qkv.forward(x);
        match table {
            None => qkv,
            Some(table) => rotary(qkv, self.heads, table),
        }
    }
}

/// Restricts each head to one edge type of `graph`; a token always attends to itself.
///
/// Head `h` uses `edge_heads[h mod n]`; `all` leaves it unrestricted.
///
/// # Errors
///
/// A [`Problem`] if a name is not an edge type, or if the number of heads is not a multiple of the
/// number of entries.
pub fn head_edges(
    graph: &DependencyGraph,
    edge_heads: &[String],
    heads: usize,
) -> Result<HeadEdges, Problem> {
    if let Some(problem) = edge_head_problems(graph, edge_heads, heads).into_iter().next() {
        return Err(problem);
    }
    let keys = |head: usize| {
        // Every name except `all` was checked to be an edge type.
        let name = edge_heads[head % edge_heads.len()].as_str();
        let edge_type =
            Some(name).filter(|name| *name != UNRESTRICTED).and_then(|name| graph.edge_type(name));
        let of =
            |edge_type| (0..graph.n_nodes()).map(|node| graph.closed_neighbours(edge_type, node)).collect();
        edge_type.map(of)
    };
    Ok(HeadEdges::of_lists(graph.n_nodes(), (0..heads).map(keys)))
}

/// Problems of `edge_heads` with `graph` and `heads`.
pub(crate) fn edge_head_problems(
    graph: &DependencyGraph,
    edge_heads: &[String],
    heads: usize,
) -> Vec<Problem> {
    let problem = |message| Problem::new("edge_heads", message);
    let unknown = |name: &&String| *name != UNRESTRICTED && graph.edge_type(name).is_none();
    let mut problems: Vec<Problem> = edge_heads
        .iter()
        .filter(unknown)
        .map(|name| {
            problem(format!("`{name}` is no edge type of the graph; use one of: {}", known_names(graph)))
        })
        .collect();
    if edge_heads.is_empty() || !heads.is_multiple_of(edge_heads.len()) {
        problems.push(problem(format!(
            "heads = {heads} is not a multiple of its {} entries; change one of the two",
            edge_heads.len()
        )));
    }
    problems
}

fn known_names(graph: &DependencyGraph) -> String {
    let names = graph.edge_types().iter().map(|edge_type| edge_type.name());
    names.chain([UNRESTRICTED]).collect::<Vec<_>>().join(", ")
}
