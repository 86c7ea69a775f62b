//! What defines a model, apart from its weights.

use serde::{Deserialize, Serialize};
use vmd_core::{Problem, Validate};
use vmd_denoiser::DenoiserConfig;
use vmd_graph::{DependencyGraph, GraphSpec, MAX_NODES};
use vmd_kernels::Precision;
use vmd_latent::LatentConfig;
use vmd_nn::{BlockMask, Mixing, PositionEncoding};
use vmd_process::NoiseSchedule;
use vmd_sampler::Scope;

/// A complete model, saved as `config.json` beside the weights.
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
    /// Which positions depend on each other, where that is known.
    #[serde(default)]
    pub graph: Option<GraphSpec>,
    /// The denoising network.
    pub denoiser: DenoiserConfig,
    /// Blocks that a sequence is generated in, one after the other, each seeing those before it (BD3-LM,
    /// arXiv 2503.09573); 1 for all of it at once.
    #[serde(default = "one")]
    pub blocks: usize,
    /// Reads the blocks in a stream of its own, in which none sees those after it, beside the masked ones, which see the clean blocks
    /// before their own. All blocks of a text are then trained in one pass, and at sampling what came before is read once. Text may be
    /// of any length.
    #[serde(default)]
    pub causal: bool,
    /// Tokens before its block that a token of a causal model sees at the most; absent for as many as there are in training.
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
    /// A plain masked diffusion model of sequences of `seq_len` tokens below `vocab`: a transformer of two layers of width 64, all tokens
    /// in one block, no latent.
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
            causal: false,
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

    /// Sets which positions depend on each other.
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

    /// Sets the number of blocks that a sequence is generated in, one after the other.
    #[must_use]
    pub fn with_blocks(mut self, blocks: usize) -> Self {
        self.blocks = blocks;
        self
    }

    /// Makes it a causal model of `blocks` blocks, with one latent a block and rotary positions. Call it after
    /// [`with_denoiser`](Self::with_denoiser).
    #[must_use]
    pub fn with_causal_blocks(mut self, blocks: usize) -> Self {
        (self.blocks, self.causal, self.scope) = (blocks, true, Scope::Block);
        self.denoiser.trunk.position = PositionEncoding::Rotary;
        self
    }

    /// Sets how many tokens before its block a token of a causal model sees at the most.
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
    /// What the denoiser's matrix products round their factors to.
    pub fn precision(&self) -> Precision {
        self.denoiser.trunk.precision
    }

    /// Changes [`precision`](Self::precision); a trained model can be run in another one than it was trained in.
    pub fn set_precision(&mut self, precision: Precision) {
        self.denoiser.trunk.precision = precision;
    }

    /// Changes how often the denoiser's trunk is applied; a trained model can be given more loops than it was trained in.
    pub fn set_loops(&mut self, loops: usize) {
        self.denoiser.trunk.loops = loops;
    }

    /// The token that stands for "masked".
    pub fn mask_token(&self) -> u32 {
        self.vocab as u32
    }

    /// The positions of one block.
    pub fn block(&self, index: usize) -> std::ops::Range<usize> {
        let len = self.seq_len / self.blocks;
        index * len..(index + 1) * len
    }

    /// Tokens that are masked, tied and paid for together: those of a block of a causal model, else all of a sequence.
    pub fn unit_len(&self) -> usize {
        if self.causal { self.seq_len / self.blocks } else { self.seq_len }
    }

    /// Blocks of those tokens, one after the other: a causal model's are units of their own.
    pub fn unit_blocks(&self) -> usize {
        if self.causal { 1 } else { self.blocks }
    }

    /// Who sees whom in a causal model.
    pub fn block_mask(&self) -> Option<BlockMask> {
        let block_len = self.unit_len();
        let window = self.window.unwrap_or(self.seq_len - block_len);
        self.causal.then_some(BlockMask { block_len, window })
    }

    /// Builds the dependency graph, if the model has one.
    ///
    /// # Errors
    ///
    /// When the graph cannot be built or has another number of nodes than the sequence has tokens.
    pub fn build_graph(&self) -> Result<Option<DependencyGraph>, Problem> {
        let Some(spec) = &self.graph else { return Ok(None) };
        let graph = spec.build().map_err(|error| Problem::new("graph", error.to_string()))?;
        if graph.n_nodes() != self.unit_len() {
            let message = format!(
                "it has {} nodes but {} have {} tokens; describe one node per token",
                graph.n_nodes(),
                if self.causal { "blocks" } else { "sequences" },
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
        if self.scope == Scope::Block && self.blocks == 1 {
            let message = "\"block\" with one block is the scope \"sequence\"; set blocks to 2 or more";
            problems.push(Problem::new("scope", message));
        }
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
            // Edge heads cannot be checked without the graph, and reporting it as absent would mislead.
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

    /// What does not go with blocks that are read in a stream of their own, or what needs them.
    fn causal_problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut problem = |key: &str, is_wrong: bool, message: &str| {
            problems.extend(is_wrong.then(|| Problem::new(key, message)));
        };
        if !self.causal {
            let sees_past = self.latent.as_ref().is_some_and(|latent| latent.sees_past);
            let message = "it is for causal models; set causal = true, or remove it";
            problem("window", self.window.is_some(), message);
            problem("latent.sees_past", sees_past, message);
            return problems;
        }
        let trunk = &self.denoiser.trunk;
        problem(
            "causal",
            self.blocks == 1,
            "blocks are read one after the other, and there is one; set blocks to 2 or more",
        );
        problem(
            "scope",
            self.latent.is_some() && self.scope == Scope::Sequence,
            "\"sequence\" draws one latent for all blocks, and a causal model has one a block; set it to \"block\"",
        );
        problem(
            "denoiser.trunk.position",
            trunk.position == PositionEncoding::Learned,
            "\"learned\" ends with the sequence, and a causal model goes on; set it to \"rotary\"",
        );
        problem(
            "denoiser",
            !trunk.edge_heads.is_empty()
                || trunk.mixing != Mixing::Attention
                || self.denoiser.gates.is_some(),
            "a causal model's trunk attends to all tokens that it may see; remove trunk.edge_heads, trunk.mixing and gates",
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
