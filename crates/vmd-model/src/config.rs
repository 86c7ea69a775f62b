//! Configuration of a model.

use serde::{Deserialize, Serialize};
use vmd_core::{Problem, Validate};
use vmd_denoiser::DenoiserConfig;
use vmd_graph::{DependencyGraph, GraphSpec, MAX_NODES};
use vmd_kernels::Precision;
use vmd_latent::LatentConfig;
use vmd_nn::{BlockMask, Mixing, PositionEncoding};
use vmd_process::NoiseSchedule;
use vmd_sampler::Scope;

/// Configuration of a model, saved as `config.json` beside the weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// Number of clean values; the mask token is `vocab`.
    pub vocab: usize,
    /// Tokens per sequence.
    pub seq_len: usize,
    /// The forward process.
    #[serde(default)]
    pub schedule: NoiseSchedule,
    /// Dependency graph of the positions, if known.
    #[serde(default)]
    pub graph: Option<GraphSpec>,
    /// The denoising network.
    pub denoiser: DenoiserConfig,
    /// Number of blocks, generated in order (BD3-LM, arXiv 2503.09573). With more than one the model
    /// is causal: clean blocks are encoded in a stream that does not see later blocks, and masked
    /// blocks attend to the clean blocks before them. All blocks of a text are trained in one pass,
    /// sampling encodes earlier tokens once, and a text can have any length.
    #[serde(default = "one")]
    pub blocks: usize,
    /// Maximum number of tokens before its block that a token of a causal model attends to; absent
    /// for as many as in training.
    #[serde(default)]
    pub window: Option<usize>,
    /// How often the latent is drawn.
    #[serde(default)]
    pub scope: Scope,
    /// The latent; without it the model is a plain masked diffusion model.
    #[serde(default)]
    pub latent: Option<LatentConfig>,
}

fn one() -> usize {
    1
}

impl ModelConfig {
    /// A plain masked diffusion model of sequences of `seq_len` tokens with `vocab` values: a
    /// transformer of two layers of width 64, one block, no latent.
    ///
    /// ```
    /// use vmd_core::Validate;
    /// use vmd_latent::LatentConfig;
    /// use vmd_model::ModelConfig;
    /// let config = ModelConfig::new(10, 4).with_latent(LatentConfig::categorical(6, 8));
    /// assert!(config.check(()).is_ok());
    /// ```
    pub fn new(vocab: usize, seq_len: usize) -> Self {
        Self {
            vocab,
            seq_len,
            schedule: NoiseSchedule::default(),
            graph: None,
            denoiser: DenoiserConfig::default(),
            blocks: one(),
            window: None,
            scope: Scope::default(),
            latent: None,
        }
    }

    /// Sets the forward process.
    #[must_use]
    pub fn with_schedule(mut self, schedule: NoiseSchedule) -> Self {
        self.schedule = schedule;
        self
    }

    /// Sets the dependency graph of the positions.
    #[must_use]
    pub fn with_graph(mut self, graph: GraphSpec) -> Self {
        self.graph = Some(graph);
        self
    }

    /// Sets the denoising network, or its trunk.
    #[must_use]
    pub fn with_denoiser(mut self, denoiser: impl Into<DenoiserConfig>) -> Self {
        self.denoiser = denoiser.into();
        self
    }

    /// Sets the number of blocks, and rotary positions, which a model of several blocks needs. Call
    /// it after [`with_denoiser`](Self::with_denoiser).
    #[must_use]
    pub fn with_blocks(mut self, blocks: usize) -> Self {
        self.blocks = blocks;
        self.denoiser.trunk.position = PositionEncoding::Rotary;
        self
    }

    /// Sets the maximum number of tokens before its block that a token of a causal model attends
    /// to.
    #[must_use]
    pub fn with_window(mut self, window: usize) -> Self {
        self.window = Some(window);
        self
    }

    /// Sets how often the latent is drawn.
    #[must_use]
    pub fn with_scope(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    /// Adds a latent.
    #[must_use]
    pub fn with_latent(mut self, latent: LatentConfig) -> Self {
        self.latent = Some(latent);
        self
    }
}

impl ModelConfig {
    /// Precision of the factors in the denoiser's matrix products.
    pub fn precision(&self) -> Precision {
        self.denoiser.trunk.precision
    }

    /// Sets the [`precision`](Self::precision). A trained model can run with another precision than
    /// in training.
    pub fn set_precision(&mut self, precision: Precision) {
        self.denoiser.trunk.precision = precision;
    }

    /// Sets the number of loops of the denoiser's trunk. A trained model can run with more loops
    /// than in training.
    pub fn set_loops(&mut self, loops: usize) {
        self.denoiser.trunk.loops = loops;
    }

    /// The mask token.
    pub fn mask_token(&self) -> u32 {
        self.vocab as u32
    }

    /// Whether the model is causal: whether it has several blocks.
    pub fn is_causal(&self) -> bool {
        self.blocks > 1
    }

    /// Tokens of a block, which have a mask, a latent and a loss of their own.
    pub fn unit_len(&self) -> usize {
        self.seq_len / self.blocks
    }

    /// Attention mask of a causal model; `None` for other models.
    pub fn block_mask(&self) -> Option<BlockMask> {
        let block_len = self.unit_len();
        let window = self.window.unwrap_or(self.seq_len - block_len);
        self.is_causal().then_some(BlockMask { block_len, window })
    }

    /// Builds the dependency graph, if the model has one.
    ///
    /// # Errors
    ///
    /// A [`Problem`] if the graph cannot be built, or if its number of nodes is not
    /// [`unit_len`](Self::unit_len).
    pub fn build_graph(&self) -> Result<Option<DependencyGraph>, Problem> {
        let Some(spec) = &self.graph else { return Ok(None) };
        let graph = spec.build().map_err(|error| Problem::new("graph", error.to_string()))?;
        if graph.n_nodes() != self.unit_len() {
            let message = format!(
                "it has {} nodes but {} have {} tokens; describe one node per token",
                graph.n_nodes(),
                if self.is_causal() { "blocks" } else { "sequences" },
                self.unit_len()
            );
            return Err(Problem::new("graph", message));
        }
        Ok(Some(graph))
    }
}

impl Validate for ModelConfig {
    type Context<'a> = ();

    fn problems(&self, (): ()) -> Vec<Problem> {
        let mut problems: Vec<Problem> =
            Problem::zeros([("vocab", self.vocab), ("seq_len", self.seq_len)]).collect();
        if self.blocks == 0 || !self.seq_len.is_multiple_of(self.blocks) {
            let message = format!(
                "{} does not divide the {} tokens of a sequence; choose a divisor",
                self.blocks, self.seq_len
            );
            problems.push(Problem::new("blocks", message));
            return problems;
        }
        problems.extend(self.causal_problems());
        problems.extend(self.network_problems());
        problems
    }
}

impl ModelConfig {
    /// Problems of the graph and of the networks.
    fn network_problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let (mut denoiser, mut latent) = (self.denoiser.clone(), self.latent.clone());
        let graph = self.build_graph().unwrap_or_else(|problem| {
            problems.push(problem);
            // Edge heads cannot be checked without the graph, and reporting it as absent would
            // mislead.
            denoiser.trunk.edge_heads.clear();
            denoiser.parents = None;
            if let Some(latent) = &mut latent {
                latent.posterior.trunk.edge_heads.clear();
                latent.clues.iter_mut().for_each(|clues| clues.edge_heads.clear());
            }
            None
        });
        if denoiser.gates.is_some() && self.seq_len > MAX_NODES {
            let message = format!(
                "graphs of up to {MAX_NODES} tokens can be learned, not of {}; remove it",
                self.seq_len
            );
            problems.push(Problem::new("denoiser.gates", message));
        }
        problems.extend(denoiser.problems_under("denoiser", (self.vocab, graph.as_ref())));
        let of_latent =
            |latent: &LatentConfig| latent.problems_under("latent", (self.unit_len(), graph.as_ref()));
        problems.extend(latent.iter().flat_map(of_latent));
        problems
    }

    /// Problems of a causal model, or of settings that need one.
    fn causal_problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut problem = |key: &str, is_wrong: bool, message: &str| {
            problems.extend(is_wrong.then(|| Problem::new(key, message)));
        };
        if !self.is_causal() {
            let sees_past = self.latent.as_ref().is_some_and(|latent| latent.sees_past);
            let message = "it is for models of several blocks; set blocks to 2 or more, or remove it";
            problem("window", self.window.is_some(), message);
            problem("latent.sees_past", sees_past, message);
            return problems;
        }
        let trunk = &self.denoiser.trunk;
        problem(
            "denoiser.trunk.position",
            trunk.position == PositionEncoding::Learned,
            "\"learned\" ends with the sequence, and a model of several blocks goes on; set it to \"rotary\"",
        );
        problem(
            "denoiser",
            !trunk.edge_heads.is_empty()
                || trunk.mixing != Mixing::Attention
                || self.denoiser.gates.is_some(),
            "the trunk of a model of several blocks attends to all tokens that it may see; remove trunk.edge_heads, trunk.mixing and gates",
        );
        let block_len = self.unit_len();
        problem(
            "window",
            self.window.is_some_and(|window| window == 0 || !window.is_multiple_of(block_len)),
            &format!("it must be a multiple of the {block_len} tokens of a block"),
        );
        problems
    }
}
