//! The denoising network.

use burn::module::Module;
use burn::tensor::{Int, Tensor, TensorData};
use serde::{Deserialize, Serialize};
use vmd_core::{Problem, Validate};
use vmd_graph::DependencyGraph;
use vmd_nn::{
    BlockMask, EdgeGates, Embedding, GatesConfig, Linear, Loops, Mixing, ParameterInit, Trunk, TrunkConfig,
    Weights,
};

use crate::{Context, Denoiser, DenoiserInput, NfeCounter, ParentHead, ParentsConfig};

/// Number of frequencies in the embedding of the number of steps.
const N_FREQUENCIES: usize = 16;

/// Configuration of a [`Network`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DenoiserConfig {
    /// The trunk.
    pub trunk: TrunkConfig,
    /// Whether the latent modulates every norm (adaLN). It is also added to the token embeddings.
    #[serde(default)]
    pub adaln_on_latent: bool,
    /// Conditions the network on the number of sampling steps, so that one network serves several.
    #[serde(default)]
    pub sees_budget: bool,
    /// Head that conditions tokens revealed in the same step on each other along the model's graph.
    #[serde(default)]
    pub parents: Option<ParentsConfig>,
    /// Learned edges: the pairs of positions that exchange messages. All pairs are candidates.
    /// Needs a trunk of messages.
    #[serde(default)]
    pub gates: Option<GatesConfig>,
}

impl Default for DenoiserConfig {
    /// The configuration with the default trunk.
    fn default() -> Self {
        Self::new(TrunkConfig::default())
    }
}

impl From<TrunkConfig> for DenoiserConfig {
    fn from(trunk: TrunkConfig) -> Self {
        Self::new(trunk)
    }
}

impl DenoiserConfig {
    /// A network with `trunk`; the latent is added to the token embeddings.
    ///
    /// ```
    /// use vmd_denoiser::DenoiserConfig;
    /// use vmd_nn::TrunkConfig;
    /// let config = DenoiserConfig::new(TrunkConfig::new(128, 4, 4)).with_sees_budget(true);
    /// assert!(!config.adaln_on_latent);
    /// ```
    pub fn new(trunk: TrunkConfig) -> Self {
        Self { trunk, adaln_on_latent: false, sees_budget: false, parents: None, gates: None }
    }

    /// Sets whether the latent modulates every norm (adaLN).
    #[must_use]
    pub fn with_adaln_on_latent(mut self, adaln_on_latent: bool) -> Self {
        self.adaln_on_latent = adaln_on_latent;
        self
    }

    /// Sets whether the network is given the number of steps of the sampler.
    #[must_use]
    pub fn with_sees_budget(mut self, sees_budget: bool) -> Self {
        self.sees_budget = sees_budget;
        self
    }

    /// Adds a head that conditions tokens revealed in the same step on each other along the model's
    /// graph.
    #[must_use]
    pub fn with_parents(mut self, parents: ParentsConfig) -> Self {
        self.parents = Some(parents);
        self
    }

    /// Adds learned edges.
    #[must_use]
    pub fn with_gates(mut self, gates: GatesConfig) -> Self {
        self.gates = Some(gates);
        self
    }
}

impl Validate for DenoiserConfig {
    /// The number of token values, and the model's graph.
    type Context<'a> = (usize, Option<&'a DependencyGraph>);

    fn problems(&self, (vocab, graph): Self::Context<'_>) -> Vec<Problem> {
        let mut problems = self.trunk.problems_under("trunk", graph);
        if let Some(parents) = &self.parents {
            problems.extend(parents.problems_under("parents", (vocab, graph)));
        }
        if let Some(gates) = &self.gates {
            if !(gates.penalty.is_finite() && gates.penalty > 0.0) {
                let message = format!("must be above 0 and finite, not {}", gates.penalty);
                problems.push(Problem::new("gates.penalty", message));
            }
            if !self.trunk.edge_heads.is_empty() {
                let message = "learned edges cannot be combined with the given ones of trunk.edge_heads; remove one of the two";
                problems.push(Problem::new("gates", message));
            }
            if self.trunk.mixing != Mixing::Messages {
                let message =
                    "learned edges are factors on messages; set trunk.mixing = \"messages\", or remove them";
                problems.push(Problem::new("gates", message));
            }
        }
        problems
    }
}

/// Sizes of a latent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LatentShape {
    /// Values per (sub-)latent.
    pub channels: usize,
    /// Mean sum of squares of these values: `channels` for a standard normal latent, the number of
    /// groups for a one-hot one. The projection is scaled by it, so that a latent starts with the
    /// variance of a token embedding; with less, the network ignores the latent and it collapses.
    pub square: usize,
}

/// Sizes of a [`Network`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NetworkShape {
    /// Vocabulary size; the mask token is `vocab`.
    pub vocab: usize,
    /// Tokens of a sequence.
    pub seq: usize,
    /// Blocks for block-wise processing; `None` to process the whole sequence.
    pub blocks: Option<BlockMask>,
    /// The latent, if any.
    pub latent: Option<LatentShape>,
}

/// A trunk over tokens, with the latent added to the embeddings or modulating the norms.
#[derive(Module, Debug)]
pub struct Network {
    token: Embedding,
    latent: Option<Linear>,
    budget: Option<Linear>,
    trunk: Trunk,
    head: Linear,
    parents: Option<ParentHead>,
    gates: Option<EdgeGates>,
    #[module(skip)]
    adaln_on_latent: bool,
    #[module(skip)]
    blocks: Option<BlockMask>,
    #[module(skip)]
    nfe: NfeCounter,
}

impl Network {
    /// Creates a network.
    ///
    /// # Errors
    ///
    /// The first [`Problem`] of `config`.
    pub fn new(
        config: &DenoiserConfig,
        shape: NetworkShape,
        graph: Option<&DependencyGraph>,
        init: &mut ParameterInit<'_>,
    ) -> Result<Self, Problem> {
        let NetworkShape { vocab, seq, blocks, latent } = shape;
        config.check((vocab, graph))?;
        let width = config.trunk.width;
        let adaln_on_latent = config.adaln_on_latent && latent.is_some();
        let condition = adaln_on_latent.then_some(width);
        let scaled = Weights::Scaled { gain: 1.0 };
        Ok(Self {
            token: Embedding::new(vocab + 1, width, init),
            latent: latent.map(|LatentShape { channels, square }| {
                let gain = (channels as f64 / square as f64).sqrt();
                Linear::new(channels, width, Weights::Scaled { gain }, init)
            }),
            budget: config.sees_budget.then(|| Linear::new(2 * N_FREQUENCIES, width, scaled, init)),
            trunk: Trunk::new(&config.trunk, seq, condition, graph, init)
                .map_err(|problem| problem.under("trunk"))?,
            head: Linear::new(width, vocab, Weights::Zero, init),
            parents: config
                .parents
                .as_ref()
                .zip(graph)
                .map(|(parents, graph)| ParentHead::new(parents, width, vocab, graph, init)),
            gates: config.gates.map(|gates| EdgeGates::new(gates, seq, init)),
            adaln_on_latent,
            blocks,
            nfe: NfeCounter::default(),
        })
    }
}

impl Network {
    /// The trunk's output, `[batch, seq, width]`, after each tracked loop of `loops`, or after the
    /// last loop if `None`.
    fn trunk(&self, input: DenoiserInput, loops: Option<Loops>) -> Vec<Tensor<3>> {
        let [batch, _] = input.xt.dims();
        self.nfe.record(batch);
        let mut h = self.token.forward(input.xt);
        let z = self.latent.as_ref().zip(input.z).map(|(projection, z)| projection.forward(z));
        if let Some(z) = &z {
            h = h + z.clone();
        }
        if let Some((projection, budget)) = self.budget.as_ref().zip(input.budget) {
            h = h + projection.forward(fourier(budget));
        }
        let condition = z.filter(|_| self.adaln_on_latent);
        if let Some(blocks) = self.blocks {
            return vec![self.blocks_after(blocks, h, condition, input.context, input.first)];
        }
        let gates = self.gates.as_ref().map(|gates| gates.forward(input.gate_noise));
        match loops {
            Some(loops) => self.trunk.forward_loops(h, condition.as_ref(), gates.as_ref(), loops),
            None => vec![self.trunk.forward_gated(h, condition.as_ref(), gates.as_ref())],
        }
    }

    /// The trunk's output for blocks of texts; `h` and output are
    /// `[rows · blocks, block_len, width]`.
    fn blocks_after(
        &self,
        mask: BlockMask,
        h: Tensor<3>,
        condition: Option<Tensor<3>>,
        context: Option<Context>,
        first: usize,
    ) -> Tensor<3> {
        let [n_blocks, len, width] = h.dims();
        let rows = context.as_ref().map_or(n_blocks, Context::rows);
        let of_text = |x: Tensor<3>| {
            let x = if x.dims()[1] == len { x } else { x.repeat_dim(1, len) };
            x.reshape([rows, n_blocks / rows * len, width])
        };
        let positions = first..first + n_blocks / rows * len;
        let past = context.as_ref().map_or(0..0, |context| context.positions.clone());
        let ranges = mask.noisy(past, positions.clone());
        let past = context.as_ref().map(|context| &context.past);
        let condition = condition.map(of_text);
        let (h, _) = self.trunk.forward_after(of_text(h), condition.as_ref(), past, &ranges, positions);
        h.reshape([n_blocks, len, width])
    }

    fn answers(&self, input: DenoiserInput, loops: Option<Loops>) -> (Vec<Tensor<3>>, Option<Tensor<3>>) {
        let outputs = self.trunk(input, loops);
        let features = self.parents.as_ref().zip(outputs.last());
        let features = features.map(|(parents, last)| parents.features(last.clone()));
        (outputs.into_iter().map(|h| self.head.forward(h)).collect(), features)
    }
}

impl Denoiser for Network {
    fn logits(&self, input: DenoiserInput) -> Tensor<3> {
        self.logits_and_features(input).0
    }

    fn logits_and_features(&self, input: DenoiserInput) -> (Tensor<3>, Option<Tensor<3>>) {
        let (mut logits, features) = self.answers(input, None);
        (logits.remove(0), features)
    }

    fn logits_of_loops(&self, input: DenoiserInput, loops: Loops) -> (Vec<Tensor<3>>, Option<Tensor<3>>) {
        self.answers(input, Some(loops))
    }

    fn read(&self, clean: Tensor<2, Int>, before: Option<&Context>) -> Option<Context> {
        let mask = self.blocks?;
        let first = before.map_or(0, |before| before.positions.end);
        let positions = first..first + clean.dims()[1];
        let past = before.map(|before| &before.past);
        let ranges = mask.clean(past.map_or(0, |past| past.n_tokens()), positions.clone());
        let h = self.token.forward(clean);
        let (features, past) = self.trunk.forward_after(h, None, past, &ranges, positions.clone());
        Some(Context { past, features, positions })
    }

    fn sees_time(&self) -> bool {
        false
    }

    fn parent_head(&self) -> Option<&ParentHead> {
        self.parents.as_ref()
    }

    fn edge_gates(&self) -> Option<&EdgeGates> {
        self.gates.as_ref()
    }

    fn nfe_counter(&self) -> &NfeCounter {
        &self.nfe
    }
}

/// `[cos(π·2^(k/2)·t), sin(π·2^(k/2)·t)]`: `[batch]` to `[batch, 1, 2·N_FREQUENCIES]`.
fn fourier(t: Tensor<1>) -> Tensor<3> {
    let [batch] = t.dims();
    let frequencies: Vec<f32> =
        (0..N_FREQUENCIES).map(|k| std::f32::consts::PI * 2f32.powf(k as f32 / 2.0)).collect();
    let frequencies =
        Tensor::<3>::from_data(TensorData::new(frequencies, [1, 1, N_FREQUENCIES]), &t.device());
    let angle = t.reshape([batch, 1, 1]) * frequencies;
    Tensor::cat(vec![angle.clone().cos(), angle.sin()], 2)
}
