//! Multi-head self-attention with heads restricted to edge types.

use burn::module::Module;
use burn::tensor::Tensor;
use vmd_graph::DependencyGraph;
use vmd_kernels::{HeadEdges, Mask, Precision, attention, composed_attention};

use crate::{Linear, NetworkError, ParameterInit, Rotary, Weights};

/// The name in `edge_heads` that leaves a head unrestricted.
const UNRESTRICTED: &str = "all";

/// Softmax attention over all tokens, each head through its own mask.
#[derive(Module, Debug)]
pub struct Attention {
    qkv: Linear,
    out: Linear,
    #[module(skip)]
    heads: usize,
}

impl Attention {
    /// `heads` heads over `width` channels; `gain` scales the output projection; factors are rounded to
    /// `precision`.
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

    /// Attends within each sequence.
    ///
    /// # Shapes
    ///
    /// - `x` and output: `[batch, seq, width]`
    pub fn forward(&self, x: Tensor<3>, mask: Option<Mask<'_>>, rotary: Option<&Rotary>) -> Tensor<3> {
        self.out.forward(self.mix(x, mask, rotary))
    }

    /// `h + forward(x)`.
    pub(crate) fn forward_added(
        &self,
        x: Tensor<3>,
        mask: Option<Mask<'_>>,
        rotary: Option<&Rotary>,
        h: Tensor<3>,
    ) -> Tensor<3> {
        self.out.forward_added(self.mix(x, mask, rotary), h)
    }

    /// Everything but the output's projection.
    fn mix(&self, x: Tensor<3>, mask: Option<Mask<'_>>, rotary: Option<&Rotary>) -> Tensor<3> {
        let ([batch, seq, width], device) = (x.dims(), x.device());
        let qkv = self.qkv.forward(x);
        match rotary {
            None => attention(qkv, self.heads, mask),
            Some(rotary) => {
                let shape = [batch, seq, self.heads, width / self.heads];
                let parts = qkv.chunk(3, 2);
                let split = |part: usize| parts[part].clone().reshape(shape).swap_dims(1, 2);
                let (q, k) = (rotary.forward(split(0)), rotary.forward(split(1)));
                let bias = mask.map(|mask| mask.bias_on(&device));
                composed_attention(q, k, split(2), bias.as_ref())
            }
        }
    }
}

/// Restricts each head to one edge type of `graph`; a token always sees itself.
///
/// Head `h` follows `edge_heads[h mod n]`, where `all` leaves it free.
///
/// # Errors
///
/// [`NetworkError`] when a name is not an edge type, or when the heads cannot be shared out evenly.
pub fn head_edges(
    graph: &DependencyGraph,
    edge_heads: &[String],
    heads: usize,
    path: &str,
) -> Result<HeadEdges, NetworkError> {
    if let Some(error) = edge_head_errors(graph, edge_heads, heads, path).into_iter().next() {
        return Err(error);
    }
    let keys = |head: usize| {
        // Every name but `all` was checked to be an edge type.
        let name = edge_heads[head % edge_heads.len()].as_str();
        let edge_type =
            Some(name).filter(|name| *name != UNRESTRICTED).and_then(|name| graph.edge_type(name));
        let of =
            |edge_type| (0..graph.n_nodes()).map(|node| graph.closed_neighbours(edge_type, node)).collect();
        edge_type.map(of)
    };
    Ok(HeadEdges::of_lists(graph.n_nodes(), (0..heads).map(keys)))
}

/// Everything that keeps `edge_heads` from being a bias over `graph`.
pub(crate) fn edge_head_errors(
    graph: &DependencyGraph,
    edge_heads: &[String],
    heads: usize,
    path: &str,
) -> Vec<NetworkError> {
    let unknown = |name: &&String| *name != UNRESTRICTED && graph.edge_type(name).is_none();
    let mut errors: Vec<NetworkError> = edge_heads
        .iter()
        .filter(unknown)
        .map(|name| NetworkError::UnknownEdgeType {
            path: path.into(),
            name: name.clone(),
            known: known_names(graph),
        })
        .collect();
    if edge_heads.is_empty() || !heads.is_multiple_of(edge_heads.len()) {
        errors.push(NetworkError::UnevenEdgeHeads { path: path.into(), heads, edge_heads: edge_heads.len() });
    }
    errors
}

fn known_names(graph: &DependencyGraph) -> String {
    let names = graph.edge_types().iter().map(|edge_type| edge_type.name());
    names.chain([UNRESTRICTED]).collect::<Vec<_>>().join(", ")
}
