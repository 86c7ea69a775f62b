//! Dependencies between the tokens of one step, along a graph.

use std::sync::Arc;

use burn::module::{Module, Param};
use burn::tensor::{Tensor, TensorData, activation::relu};
use serde::{Deserialize, Serialize};
use vmd_core::{Problem, Validate};
use vmd_graph::{DependencyGraph, ParentOrder, Parents};
use vmd_nn::{Linear, ParameterInit, Weights};

/// Hidden channels of the head.
const HIDDEN: usize = 64;
/// Maximum number of parent values, counted once for every edge type and every distance.
const MAX_VALUES: usize = 4096;

/// Configuration of a [`ParentHead`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParentsConfig {
    /// Which of two adjacent tokens is the parent. With `any` it is the one revealed first:
    /// training draws random orders, and samplers that reveal the most confident tokens start each
    /// step with the most confident one.
    #[serde(default)]
    pub order: ParentOrder,
    /// Maximum distance, in edges, to an ancestor. If the step does not reveal a parent, a token
    /// conditions on the parent's parents instead, and so on. 1 for parents only.
    #[serde(default = "one")]
    pub reach: usize,
}

impl Default for ParentsConfig {
    fn default() -> Self {
        Self { order: ParentOrder::default(), reach: one() }
    }
}

fn one() -> usize {
    1
}

impl Validate for ParentsConfig {
    /// The number of token values, and the model's graph.
    type Context<'a> = (usize, Option<&'a DependencyGraph>);

    fn problems(&self, (vocab, graph): Self::Context<'_>) -> Vec<Problem> {
        let mut problems: Vec<Problem> = Problem::zeros([("reach", self.reach)]).collect();
        if self.order == ParentOrder::Any && self.reach > 1 {
            let message = format!(
                "{} reaches past the parents, and with order = \"any\" no ancestors are fixed; set it to 1, or choose \
                 another order",
                self.reach
            );
            problems.push(Problem::new("reach", message));
        }
        let of_graph = match graph.map(|graph| graph.edge_types().len()) {
            None => Some("the model has no [graph]; add one, or remove this table".into()),
            Some(0) => Some("the graph has no edge types; add one, or remove this table".into()),
            Some(types) => (types.saturating_mul(self.reach).saturating_mul(vocab) > MAX_VALUES).then(|| {
                format!(
                    "{types} edge types of {vocab} values at {} distances are more than the {MAX_VALUES} vectors that the \
                     head may have; lower reach or merge edge types",
                    self.reach
                )
            }),
        };
        problems.extend(of_graph.map(|message: String| Problem::new("", message)));
        problems
    }
}

/// A head for `p(x_i | h_i, x_pa(i)∩S)` within the set `S` of tokens that a step reveals.
///
/// The trunk's output `h_i` and one vector for each parent's value are summed and passed through
/// one hidden layer, whose output is added to the logits. A token without a parent in `S` keeps its
/// logits. The trunk runs once per step, so a step costs one evaluation.
#[derive(Module, Debug)]
pub struct ParentHead {
    features: Linear,
    /// One row for every value, distance and edge type, `[reach · edge_types · vocab, hidden]`.
    values: Param<Tensor<2>>,
    out: Linear,
    #[module(skip)]
    ancestry: Ancestry,
}

impl ParentHead {
    /// Creates the head for a trunk of `width` channels. Its output is initially zero.
    pub fn new(
        config: &ParentsConfig,
        width: usize,
        vocab: usize,
        graph: &DependencyGraph,
        init: &mut ParameterInit<'_>,
    ) -> Self {
        let parents = graph.parents(config.order);
        let rows = config.reach * parents.n_edge_types() * vocab;
        // The sum over all parents starts with about the variance of the trunk's output.
        let init_scale = (parents.most().max(1) as f64).powf(-0.5);
        Self {
            features: Linear::new(width, HIDDEN, Weights::Scaled { gain: 1.0 }, init),
            values: init.uniform([rows, HIDDEN], init_scale),
            out: Linear::new(HIDDEN, vocab, Weights::Zero, init),
            ancestry: Ancestry { parents: Arc::new(parents), reach: config.reach, vocab },
        }
    }

    /// Projects the trunk's output to the features that [`forward`](Self::forward) takes.
    ///
    /// # Shapes
    ///
    /// - `h`: `[batch, seq, width]`, output `[batch, seq, hidden]`
    pub fn features(&self, h: Tensor<3>) -> Tensor<3> {
        self.features.forward(h)
    }

    /// Computes the terms that are added to the logits.
    ///
    /// # Shapes
    ///
    /// - `features`: `[batch, seq, hidden]`
    /// - `given`: `[batch · seq]`, values of the tokens that the step reveals, `vocab` elsewhere
    /// - `reveal_order`: `[batch · seq]`, the rank of every token in an open order. A token
    ///   conditions on tokens of lower rank. Empty if the order is fixed.
    /// - output: `[batch, seq, vocab]`
    pub fn forward(&self, features: Tensor<3>, given: &[u32], reveal_order: &[u32]) -> Tensor<3> {
        let [batch, seq, hidden] = features.dims();
        let device = features.device();
        let [columns, _] = self.values.dims();
        let mut counts = vec![0.0_f32; batch * seq * columns];
        let mut present = vec![0.0_f32; batch * seq];
        for (row, given) in given.chunks_exact(seq).enumerate() {
            let reveal_order =
                if reveal_order.is_empty() { &[] } else { &reveal_order[row * seq..(row + 1) * seq] };
            for i in 0..seq {
                let token = row * seq + i;
                self.ancestry.for_each_column(i, given, reveal_order, |column| {
                    counts[token * columns + column] += 1.0;
                    present[token] = 1.0;
                });
            }
        }
        let counts = Tensor::<2>::from_data(TensorData::new(counts, [batch * seq, columns]), &device);
        let present = Tensor::<3>::from_data(TensorData::new(present, [batch, seq, 1]), &device);
        let of_parents = counts.matmul(self.values.val()).reshape([batch, seq, hidden]);
        self.out.forward(relu(features + of_parents)) * present
    }

    /// Whether the order of the tokens is open ([`ParentOrder::Any`]).
    pub fn is_open(&self) -> bool {
        self.ancestry.parents.is_open()
    }

    /// Copies the head to the host, for a sampler that reveals tokens one after the other.
    pub fn to_host(&self) -> HostParentHead {
        let values = |data: TensorData| data.iter::<f32>().collect();
        HostParentHead {
            values: values(self.values.val().into_data()),
            weight: values(self.out.weight.val().into_data()),
            bias: values(self.out.bias.val().into_data()),
            hidden: self.values.dims()[1],
            ancestry: self.ancestry.clone(),
        }
    }
}

/// The ancestors that each token conditions on.
#[derive(Debug, Clone)]
struct Ancestry {
    parents: Arc<Parents>,
    reach: usize,
    vocab: usize,
}

impl Ancestry {
    /// Calls `visit` with the table row of every ancestor of token `i` in `given` (`[seq]`) that is
    /// reached through tokens not in it. With `reveal_order` (`[seq]`), only ancestors that come
    /// before `i`.
    fn for_each_column(&self, i: usize, given: &[u32], reveal_order: &[u32], mut visit: impl FnMut(usize)) {
        let mut level = vec![i];
        for distance in 0..self.reach {
            let mut next = Vec::new();
            for parent in level.iter().flat_map(|&node| self.parents.of(node)) {
                if reveal_order.get(parent.node).is_some_and(|turn| *turn >= reveal_order[i]) {
                    continue;
                }
                let value = given[parent.node] as usize;
                if value < self.vocab {
                    visit((distance * self.parents.n_edge_types() + parent.edge_type) * self.vocab + value);
                } else if distance + 1 < self.reach && !next.contains(&parent.node) {
                    next.push(parent.node);
                }
            }
            if next.is_empty() {
                return;
            }
            level = next;
        }
    }
}

/// A [`ParentHead`] on the host.
#[derive(Debug, Clone)]
pub struct HostParentHead {
    values: Vec<f32>,
    weight: Vec<f32>,
    bias: Vec<f32>,
    hidden: usize,
    ancestry: Ancestry,
}

impl HostParentHead {
    /// Channels of the features that [`add_to`](Self::add_to) takes.
    pub fn hidden(&self) -> usize {
        self.hidden
    }

    /// The parents of every token.
    pub fn parents(&self) -> &Parents {
        &self.ancestry.parents
    }

    /// Adds the head's terms from the parents of token `i` in `given` to its `logits`. Adds nothing
    /// if there are none.
    ///
    /// # Shapes
    ///
    /// - `logits`: `[vocab]`
    /// - `features`: `[hidden]`, those of token `i`
    /// - `given`: `[seq]`, values of the tokens that the step has revealed so far, `vocab`
    ///   elsewhere
    pub fn add_to(&self, logits: &mut [f32], i: usize, features: &[f32], given: &[u32]) {
        let (mut hidden, mut has_parent) = (features.to_vec(), false);
        self.ancestry.for_each_column(i, given, &[], |column| {
            let row = &self.values[column * self.hidden..(column + 1) * self.hidden];
            hidden.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
            has_parent = true;
        });
        if !has_parent {
            return;
        }
        logits.iter_mut().zip(&self.bias).for_each(|(logit, bias)| *logit += bias);
        for (value, weights) in hidden.iter().zip(self.weight.chunks_exact(self.ancestry.vocab)) {
            if *value > 0.0 {
                logits.iter_mut().zip(weights).for_each(|(logit, weight)| *logit += value * weight);
            }
        }
    }
}
