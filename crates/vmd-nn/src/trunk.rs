//! The pre-LN trunk.

use std::ops::Range;

use burn::module::Module;
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};
use vmd_core::{Problem, Validate};
use vmd_graph::DependencyGraph;
use vmd_kernels::{Activation, HeadEdges, KeyRanges, Mask, Precision, RotaryTable, is_fused, mlp};

use crate::attention::edge_head_problems;
use crate::{
    Attention, KeysValues, LayerNorm, Linear, Messages, Modulation, ParameterInit, PositionEncoding,
    PositionTable, Weights, head_edges,
};

/// Configuration of a [`Trunk`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrunkConfig {
    /// How tokens exchange information.
    #[serde(default)]
    pub mixing: Mixing,
    /// Channels of the residual stream.
    pub width: usize,
    /// Number of blocks, each with its own weights.
    pub layers: usize,
    /// Number of times the stack of blocks is applied, with shared weights.
    #[serde(default = "one")]
    pub loops: usize,
    /// Heads of the attention, or of the messages.
    pub heads: usize,
    /// Hidden channels of the feed-forward layer, as a multiple of `width`.
    #[serde(default = "four")]
    pub mlp_ratio: usize,
    /// Non-linearity of the feed-forward layer.
    #[serde(default)]
    pub activation: Activation,
    /// How positions are encoded.
    #[serde(default)]
    pub position: PositionEncoding,
    /// Edge types of the heads, repeated in order (`all` = unrestricted); empty for full attention.
    #[serde(default)]
    pub edge_heads: Vec<String>,
    /// Precision of the factors in the blocks' matrix products.
    #[serde(default)]
    pub precision: Precision,
}

/// How the tokens of a sequence exchange information.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mixing {
    /// Softmax attention: the [`Trunk`] is a transformer.
    #[default]
    Attention,
    /// Sums of messages along edges: the [`Trunk`] is a message-passing network whose loops are the
    /// rounds.
    Messages,
}

fn one() -> usize {
    1
}

fn four() -> usize {
    4
}

impl Validate for TrunkConfig {
    type Context<'a> = Option<&'a DependencyGraph>;

    /// Checks sizes, positions and edge heads, given the model's graph.
    fn problems(&self, graph: Option<&DependencyGraph>) -> Vec<Problem> {
        let mut problems: Vec<Problem> = Problem::zeros([
            ("width", self.width),
            ("layers", self.layers),
            ("loops", self.loops),
            ("heads", self.heads),
            ("mlp_ratio", self.mlp_ratio),
        ])
        .collect();
        if self.heads == 0 || self.width == 0 {
            return problems;
        }
        let channels = self.width / self.heads;
        let is_rotary = self.position == PositionEncoding::Rotary;
        if !self.width.is_multiple_of(self.heads) {
            problems.push(Problem::new(
                "width",
                format!("{} is not a multiple of heads = {}; change one of the two", self.width, self.heads),
            ));
        } else if is_rotary && self.mixing == Mixing::Messages {
            problems.push(Problem::new(
                "position",
                "rotary positions need attention, not messages; set it to \"learned\" or \"none\"",
            ));
        } else if is_rotary && !channels.is_multiple_of(2) {
            problems.push(Problem::new(
                "position",
                format!("rotary positions need an even number of channels per head, not {channels}; change width or heads"),
            ));
        }
        match graph {
            _ if self.edge_heads.is_empty() => {}
            Some(graph) => problems.extend(edge_head_problems(graph, &self.edge_heads, self.heads)),
            None => problems
                .push(Problem::new("edge_heads", "the model has no [graph]; add one, or remove edge_heads")),
        }
        problems
    }
}

/// A stack of pre-LN blocks, applied `loops` times, with a final norm.
#[derive(Module, Debug)]
pub struct Trunk {
    blocks: Vec<Block>,
    norm: LayerNorm,
    position: Option<PositionTable>,
    /// The edges as a bias tensor, for backends without the fused kernel.
    bias: Option<Tensor<4>>,
    #[module(skip)]
    edges: Option<HeadEdges>,
    /// Rotary positions from 0 on.
    #[module(skip)]
    rotary: Option<RotaryTable>,
    #[module(skip)]
    loops: usize,
}

impl Trunk {
    /// Builds the trunk for sequences of `seq` tokens.
    ///
    /// `condition` is the number of channels that modulate the norms (adaLN), if any.
    ///
    /// # Errors
    ///
    /// The first [`Problem`] of `config`.
    pub fn new(
        config: &TrunkConfig,
        seq: usize,
        condition: Option<usize>,
        graph: Option<&DependencyGraph>,
        init: &mut ParameterInit<'_>,
    ) -> Result<Self, Problem> {
        config.check(graph)?;
        let edges = match graph {
            Some(graph) if !config.edge_heads.is_empty() => {
                Some(head_edges(graph, &config.edge_heads, config.heads)?)
            }
            _ => None,
        };
        Ok(Self {
            blocks: (0..config.layers).map(|_| Block::new(config, condition, init)).collect(),
            norm: LayerNorm::new(config.width, init),
            position: (config.position == PositionEncoding::Learned)
                .then(|| PositionTable::new(seq, config.width, init)),
            bias: edges.as_ref().filter(|_| !is_fused(init.device())).map(|edges| edges.bias(init.device())),
            edges,
            rotary: (config.position == PositionEncoding::Rotary)
                .then(|| RotaryTable::new(0..seq, config.width / config.heads)),
            loops: config.loops,
        })
    }

    /// Runs the trunk.
    ///
    /// # Shapes
    ///
    /// - `h` and output: `[batch, seq, width]`
    /// - `condition`: `[batch, 1 | seq, condition]`
    pub fn forward(&self, h: Tensor<3>, condition: Option<&Tensor<3>>) -> Tensor<3> {
        self.forward_gated(h, condition, None)
    }

    /// As [`forward`](Self::forward), with messages multiplied by `gates`, `[1 | batch, seq, seq]`
    /// by receiver and sender.
    pub fn forward_gated(
        &self,
        h: Tensor<3>,
        condition: Option<&Tensor<3>>,
        gates: Option<&Tensor<3>>,
    ) -> Tensor<3> {
        self.norm.forward(self.run(self.placed(h), self.loops, condition, gates), None)
    }

    /// Returns the output after each of the last `loops.tracked` of `loops.run` loops.
    ///
    /// Earlier loops are outside the autodiff graph: gradients treat their contribution to the
    /// residual stream as a constant.
    ///
    /// # Source
    ///
    /// arXiv 2510.04871 (tiny recursive models): truncated back-propagation through the loops, with
    /// a loss after each of them. arXiv 1711.08028: a loss after every round of messages.
    pub fn forward_loops(
        &self,
        h: Tensor<3>,
        condition: Option<&Tensor<3>>,
        gates: Option<&Tensor<3>>,
        loops: Loops,
    ) -> Vec<Tensor<3>> {
        let mut h = self.placed(h);
        let untracked = loops.run.saturating_sub(loops.tracked);
        if untracked > 0 {
            let inner = |tensor: &Tensor<3>| tensor.clone().inner();
            let start = inner(&h);
            let (condition, gates) = (condition.map(inner), gates.map(inner));
            let end = self.valid().run(start.clone(), untracked, condition.as_ref(), gates.as_ref());
            h = h + Tensor::from_inner(end - start);
        }
        let tracked = (untracked..loops.run).map(|_| {
            h = self.run(h.clone(), 1, condition, gates);
            self.norm.forward(h.clone(), None)
        });
        tracked.collect()
    }

    /// Runs the trunk on tokens at `positions` that also attend to the tokens of `past`, within
    /// `ranges`.
    ///
    /// Returns their output, and their keys and values for later tokens.
    ///
    /// # Shapes
    ///
    /// - `h` and output: `[batch, seq, width]`
    /// - `condition`: `[batch, 1 | seq, condition]`
    ///
    /// # Panics
    ///
    /// If the trunk uses messages, learned positions or edge heads, or if the ranges are for other
    /// numbers of tokens.
    pub fn forward_after(
        &self,
        mut h: Tensor<3>,
        condition: Option<&Tensor<3>>,
        past: Option<&KeysValues>,
        ranges: &KeyRanges,
        positions: Range<usize>,
    ) -> (Tensor<3>, KeysValues) {
        assert!(
            self.position.is_none() && self.edges.is_none(),
            "learned positions and edge heads need whole sequences"
        );
        let rotary = self.rotary.as_ref().map(|rotary| match rotary.seq() == positions.end {
            true if positions.start == 0 => rotary.clone(),
            _ => RotaryTable::new(positions, rotary.channels()),
        });
        let mut layers = Vec::new();
        for _ in 0..self.loops {
            for block in &self.blocks {
                let past = past.map(|past| past.layer(layers.len()));
                h = block.forward(h, condition, |block, x, h| {
                    let attention = block.attention.as_ref().expect("only attention supports a past");
                    let (h, qkv) = attention.forward_after(x, past, ranges, rotary.as_ref(), h);
                    layers.push(qkv);
                    h
                });
            }
        }
        (self.norm.forward(h, None), KeysValues::new(layers))
    }

    fn placed(&self, h: Tensor<3>) -> Tensor<3> {
        match &self.position {
            Some(position) => h + position.forward(),
            None => h,
        }
    }

    fn run(
        &self,
        mut h: Tensor<3>,
        loops: usize,
        condition: Option<&Tensor<3>>,
        gates: Option<&Tensor<3>>,
    ) -> Tensor<3> {
        let mask = self.edges.as_ref().map(|edges| Mask { edges, bias: self.bias.as_ref() });
        for _ in 0..loops {
            for block in &self.blocks {
                h = block.forward(h, condition, |block, x, h| match (&block.attention, &block.messages) {
                    (Some(attention), _) => attention.forward_added(x, mask, self.rotary.as_ref(), h),
                    (None, Some(messages)) => messages.forward_added(x, mask, gates, h),
                    (None, None) => h,
                });
            }
        }
        h
    }
}

/// Loops of a [`Trunk`] in training.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loops {
    /// Number of times the stack of blocks is applied.
    pub run: usize,
    /// Number of loops, counted from the last, that gradients go through.
    pub tracked: usize,
}

/// Number of norms per block.
const N_NORMS: usize = 2;

#[derive(Module, Debug)]
struct Block {
    norm_attention: LayerNorm,
    attention: Option<Attention>,
    messages: Option<Messages>,
    norm_mlp: LayerNorm,
    up: Linear,
    down: Linear,
    modulation: Option<Modulation>,
    #[module(skip)]
    activation: Activation,
    #[module(skip)]
    precision: Precision,
}

impl Block {
    fn new(config: &TrunkConfig, condition: Option<usize>, init: &mut ParameterInit<'_>) -> Self {
        let (width, hidden) = (config.width, config.width * config.mlp_ratio);
        // Scale residual branches so that the variance of the stream does not grow with depth.
        let gain = ((2 * config.layers * config.loops) as f64).powf(-0.5);
        Self {
            norm_attention: LayerNorm::new(width, init),
            attention: (config.mixing == Mixing::Attention)
                .then(|| Attention::new(width, config.heads, gain, config.precision, init)),
            messages: (config.mixing == Mixing::Messages).then(|| Messages::new(config, gain, init)),
            norm_mlp: LayerNorm::new(width, init),
            up: Linear::new(width, hidden, Weights::Scaled { gain: 1.0 }, init),
            down: Linear::new(hidden, width, Weights::Scaled { gain }, init),
            modulation: condition.map(|channels| Modulation::new(channels, width, N_NORMS, init)),
            activation: config.activation,
            precision: config.precision,
        }
    }

    /// Runs the block. `mix` adds the output of attention or messages to its last argument, the
    /// residual stream.
    fn forward(
        &self,
        h: Tensor<3>,
        condition: Option<&Tensor<3>>,
        mix: impl FnOnce(&Self, Tensor<3>, Tensor<3>) -> Tensor<3>,
    ) -> Tensor<3> {
        let mut modulation = match (&self.modulation, condition) {
            (Some(modulation), Some(condition)) => modulation.forward(condition.clone(), N_NORMS),
            _ => Vec::new(),
        };
        let for_mlp = modulation.pop();
        let for_attention = modulation.pop();
        let x = self.norm_attention.forward(h.clone(), for_attention);
        let h = mix(self, x, h);
        let x = self.norm_mlp.forward(h.clone(), for_mlp);
        mlp(x, self.activation, self.up.parameters(), self.down.parameters(), h, self.precision)
    }
}
