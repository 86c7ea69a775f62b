//! Multi-head self-attention with heads restricted to edge types.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData, activation::softmax};
use vmd_graph::DependencyGraph;

use crate::{Linear, NetworkError, ParameterInit, Rotary, Weights};

/// The name in `edge_heads` that leaves a head unrestricted.
const UNRESTRICTED: &str = "all";

/// Additive attention bias, `[1, heads, seq, seq]`: 0 where a head may look, −∞ elsewhere.
pub type AttentionBias = Tensor<4>;

/// Softmax attention over all tokens, each head through its own mask.
#[derive(Module, Debug)]
pub struct Attention {
    qkv: Linear,
    out: Linear,
    #[module(skip)]
    heads: usize,
}

impl Attention {
    /// `heads` heads over `width` channels; `gain` scales the output projection.
    pub fn new(width: usize, heads: usize, gain: f64, init: &mut ParameterInit<'_>) -> Self {
        Self {
            qkv: Linear::new(width, 3 * width, Weights::Scaled { gain: 1.0 }, init),
            out: Linear::new(width, width, Weights::Scaled { gain }, init),
            heads,
        }
    }

    /// Attends within each sequence.
    ///
    /// # Shapes
    ///
    /// - `x` and output: `[batch, seq, width]`
    /// - `bias`: `[1, heads, seq, seq]`
    pub fn forward(&self, x: Tensor<3>, bias: Option<&AttentionBias>, rotary: Option<&Rotary>) -> Tensor<3> {
        let [batch, seq, width] = x.dims();
        let channels = width / self.heads;
        let turn = |x: Tensor<4>| rotary.map_or(x.clone(), |rotary| rotary.forward(x));
        let split = |x: &Tensor<3>| x.clone().reshape([batch, seq, self.heads, channels]).swap_dims(1, 2);
        let parts = self.qkv.forward(x).chunk(3, 2);
        let q = turn(split(&parts[0])) * (channels as f64).powf(-0.5);
        let (k, v) = (turn(split(&parts[1])), split(&parts[2]));
        let mut scores = q.matmul(k.swap_dims(2, 3));
        if let Some(bias) = bias {
            scores = scores + bias.clone();
        }
        let mixed = softmax(scores, 3).matmul(v);
        self.out.forward(mixed.swap_dims(1, 2).reshape([batch, seq, width]))
    }
}

/// The bias that restricts each head to one edge type of `graph`; a token always sees itself.
///
/// Head `h` follows `edge_heads[h mod n]`, where `all` leaves it free.
///
/// # Errors
///
/// [`NetworkError`] when a name is not an edge type, or when the heads cannot be shared out evenly.
pub fn attention_bias(
    graph: &DependencyGraph,
    edge_heads: &[String],
    heads: usize,
    path: &str,
    device: &Device,
) -> Result<AttentionBias, NetworkError> {
    if let Some(error) = edge_head_errors(graph, edge_heads, heads, path).into_iter().next() {
        return Err(error);
    }
    let seq = graph.n_nodes();
    let mut values = Vec::with_capacity(heads * seq * seq);
    for head in 0..heads {
        // Every name but `all` was checked to be an edge type.
        let name = edge_heads[head % edge_heads.len()].as_str();
        let mask = Some(name)
            .filter(|name| *name != UNRESTRICTED)
            .and_then(|name| graph.edge_type(name))
            .map_or_else(|| vec![true; seq * seq], |edge_type| graph.adjacency_mask(edge_type, true));
        values.extend(mask.iter().map(|&edge| if edge { 0.0 } else { f32::NEG_INFINITY }));
    }
    Ok(Tensor::from_data(TensorData::new(values, [1, heads, seq, seq]), device))
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
