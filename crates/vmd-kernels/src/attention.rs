//! Multi-head softmax attention.

use std::collections::BTreeMap;
use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData, activation::softmax};

/// The tokens that each head attends to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeadEdges {
    seq: usize,
    /// Per head, queries grouped by the keys they attend to; `None` for full attention.
    heads: Arc<[Option<Vec<KeyGroup>>]>,
}

/// Queries with the same keys, such as those of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyGroup {
    pub(crate) queries: Vec<usize>,
    pub(crate) keys: Vec<usize>,
}

impl HeadEdges {
    /// One mask per head, `[seq, seq]` by query and key, `true` where the query attends; `None` for
    /// full attention.
    ///
    /// # Panics
    ///
    /// If a mask does not have `seq²` entries.
    pub fn new(seq: usize, masks: impl IntoIterator<Item = Option<Vec<bool>>>) -> Self {
        let lists = |mask: Vec<bool>| {
            assert_eq!(mask.len(), seq * seq, "a mask is seq × seq");
            (0..seq).map(|query| (0..seq).filter(|key| mask[query * seq + key]).collect()).collect()
        };
        Self::of_lists(seq, masks.into_iter().map(|mask| mask.map(lists)))
    }

    /// One list of keys per head and query, in ascending order; `None` for full attention.
    ///
    /// Memory, and the time of the fused kernels, grow with the number of edges.
    ///
    /// # Panics
    ///
    /// If a head does not have one list per query.
    pub fn of_lists(seq: usize, heads: impl IntoIterator<Item = Option<Vec<Vec<usize>>>>) -> Self {
        let groups = |lists: Vec<Vec<usize>>| {
            assert_eq!(lists.len(), seq, "one list per query");
            let mut groups: BTreeMap<Vec<usize>, Vec<usize>> = BTreeMap::new();
            for (query, keys) in lists.into_iter().enumerate() {
                groups.entry(keys).or_default().push(query);
            }
            groups.into_iter().map(|(keys, queries)| KeyGroup { queries, keys }).collect()
        };
        Self { seq, heads: heads.into_iter().map(|lists| lists.map(groups)).collect() }
    }

    /// Number of heads.
    pub fn n_heads(&self) -> usize {
        self.heads.len()
    }

    /// The edges as an additive bias, `[1, heads, seq, seq]`: 0 where a head attends, −∞ elsewhere.
    pub fn bias(&self, device: &Device) -> Tensor<4> {
        let seq = self.seq;
        let mut values = vec![f32::NEG_INFINITY; self.n_heads() * seq * seq];
        for (head, values) in self.heads.iter().zip(values.chunks_exact_mut((seq * seq).max(1))) {
            let Some(groups) = head else {
                values.fill(0.0);
                continue;
            };
            for KeyGroup { queries, keys } in groups {
                for &query in queries {
                    keys.iter().for_each(|&key| values[query * seq + key] = 0.0);
                }
            }
        }
        Tensor::from_data(TensorData::new(values, [1, self.n_heads(), seq, seq]), device)
    }

    #[cfg(feature = "flex")]
    pub(crate) fn head(&self, head: usize) -> Option<&[KeyGroup]> {
        self.heads[head].as_deref()
    }
}

/// `softmax(q·kᵀ/√d)·v` in every head, within each sequence.
///
/// The fused kernel reads queries, keys and values in place. In a restricted head it visits only
/// the edges, and processes queries with the same keys together. It keeps one number per query and
/// head for the backward pass, and returns zero for a query without keys.
///
/// # Shapes
///
/// - `qkv`: `[batch, seq, 3·width]`: queries, keys and values, each with its heads side by side
/// - output: `[batch, seq, width]`
pub fn attention(qkv: Tensor<3>, heads: usize, mask: Option<Mask<'_>>) -> Tensor<3> {
    crate::fused_or!(
        {
            use crate::fused::{Input, run};
            let edges = mask.map(|mask| mask.edges.clone());
            run(fused::Attention { heads, edges }, [Input::of(&qkv)])
        },
        {
            let [batch, seq, width] = qkv.dims();
            let split =
                |x: &Tensor<3>| x.clone().reshape([batch, seq, heads, width / 3 / heads]).swap_dims(1, 2);
            let parts = qkv.chunk(3, 2);
            let [q, k, v] = [split(&parts[0]), split(&parts[1]), split(&parts[2])];
            let bias = mask.map(|mask| mask.bias_on(&q.device()));
            composed_attention(q, k, v, bias.as_ref())
        }
    )
}

/// Edges as lists for the fused kernels, and as the tensor [`HeadEdges::bias`] for the composed
/// operations.
#[derive(Debug, Clone, Copy)]
pub struct Mask<'a> {
    /// The edges of each head.
    pub edges: &'a HeadEdges,
    /// Their bias on the device of the input; computed when needed if absent.
    pub bias: Option<&'a Tensor<4>>,
}

impl Mask<'_> {
    /// The bias; computed on `device` if absent.
    pub fn bias_on(&self, device: &Device) -> Tensor<4> {
        self.bias.map_or_else(|| self.edges.bias(device), Clone::clone)
    }
}

/// Attention of separate queries, keys and values, `[batch, heads, seq, channels]`, composed of
/// Burn's operations.
///
/// # Shapes
///
/// - `bias`: `[1, heads, seq, seq]`
/// - output: `[batch, seq, heads·channels]`
pub fn composed_attention(q: Tensor<4>, k: Tensor<4>, v: Tensor<4>, bias: Option<&Tensor<4>>) -> Tensor<3> {
    let [batch, heads, seq, channels] = q.dims();
    let mut scores = (q * (channels as f64).powf(-0.5)).matmul(k.swap_dims(2, 3));
    if let Some(bias) = bias {
        scores = scores + bias.clone();
    }
    softmax(scores, 3).matmul(v).swap_dims(1, 2).reshape([batch, seq, heads * channels])
}

#[cfg(feature = "flex")]
mod fused {
    use super::HeadEdges;
    use crate::cpu::attention::{Shape, backward, forward};
    use crate::cpu::scratch::Scratch;
    use crate::fused::{Fused, Kept, View};

    #[derive(Debug, Clone)]
    pub(super) struct Attention {
        pub(super) heads: usize,
        pub(super) edges: Option<HeadEdges>,
    }

    impl Attention {
        fn shape(&self, qkv: View<'_>) -> Shape<'_> {
            let width = qkv.dims[2] / 3;
            assert!(
                self.heads > 0 && qkv.dims[2] == 3 * width && width.is_multiple_of(self.heads),
                "the width is a multiple of the number of heads"
            );
            if let Some(edges) = &self.edges {
                assert!(
                    edges.seq == qkv.dims[1] && edges.n_heads() == self.heads,
                    "the edges are for another sequence length or number of heads"
                );
            }
            Shape { seq: qkv.dims[1], width, heads: self.heads, edges: self.edges.as_ref() }
        }
    }

    impl Fused<1> for Attention {
        /// `ln Σ exp` of every query's scores.
        type Kept = Kept;

        const READS_OUTPUT: bool = true;

        fn forward(&self, [qkv]: [View<'_>; 1], _: bool) -> (Scratch, Vec<usize>, Kept) {
            let (out, log_sum) = forward(self.shape(qkv), qkv.values);
            (out, vec![qkv.dims[0], qkv.dims[1], qkv.dims[2] / 3], Kept::new(log_sum))
        }

        fn backward(
            &self,
            [qkv]: [View<'_>; 1],
            output: &[f32],
            log_sum: &Kept,
            grad: &[f32],
            _: [bool; 1],
        ) -> [Option<Scratch>; 1] {
            [Some(backward(self.shape(qkv), qkv.values, output, log_sum.values(), grad))]
        }
    }
}
