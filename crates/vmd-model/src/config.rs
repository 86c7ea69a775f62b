//! What defines a model, apart from its weights.

use serde::{Deserialize, Serialize};
use thiserror::Error;
use vmd_denoiser::DenoiserConfig;
use vmd_graph::{DependencyGraph, GraphSpec, MAX_NODES};
use vmd_kernels::Precision;
use vmd_latent::{LatentConfig, PriorKind};
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

/// A problem in a [`ModelConfig`], with the path of the key.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[error("{0}")]
pub struct ConfigProblem(pub String);

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
    pub fn build_graph(&self) -> Result<Option<DependencyGraph>, ConfigProblem> {
        let Some(spec) = &self.graph else { return Ok(None) };
        let graph = spec.build().map_err(|error| ConfigProblem(format!("graph: {error}")))?;
        if graph.n_nodes() != self.unit_len() {
            return Err(ConfigProblem(format!(
                "graph has {} nodes but {} have {} tokens; describe one node per token",
                graph.n_nodes(),
                if self.causal { "blocks" } else { "sequences" },
                self.unit_len()
            )));
        }
        Ok(Some(graph))
    }

    /// Every problem in the configuration; empty when a model can be built.
    pub fn problems(&self) -> Vec<ConfigProblem> {
        let mut problems = Vec::new();
        for (key, size) in [("vocab", self.vocab), ("seq_len", self.seq_len)] {
            if size == 0 {
                problems.push(ConfigProblem(format!("{key} is 0; set it to 1 or more")));
            }
        }
        if self.blocks == 0 || !self.seq_len.is_multiple_of(self.blocks) {
            problems.push(ConfigProblem(format!(
                "blocks = {} does not divide the {} tokens of a sequence; choose a divisor",
                self.blocks, self.seq_len
            )));
            return problems;
        }
        problems.extend(self.causal_problems().into_iter().map(ConfigProblem));
        if self.scope == Scope::Block && self.blocks == 1 {
            problems.push(ConfigProblem(
                "scope = \"block\" with one block is the scope \"sequence\"; set blocks to 2 or more".into(),
            ));
        }
        let (mut denoiser, mut latent) = (self.denoiser.clone(), self.latent.clone());
        let graph = self.build_graph().unwrap_or_else(|problem| {
            problems.push(problem);
            // Edge heads and a prior along edges cannot be judged without the graph; to call it absent would mislead.
            denoiser.trunk.edge_heads.clear();
            denoiser.parents = None;
            if let Some(latent) = &mut latent {
                latent.posterior.trunk.edge_heads.clear();
                latent.clues.iter_mut().for_each(|clues| clues.edge_heads.clear());
                if matches!(latent.prior, PriorKind::Markov { .. }) {
                    latent.prior = PriorKind::Independent {};
                }
            }
            None
        });
        if denoiser.gates.is_some() && self.seq_len > MAX_NODES {
            problems.push(ConfigProblem(format!(
                "denoiser.gates learns graphs of up to {MAX_NODES} tokens, not of {}; remove it",
                self.seq_len
            )));
        }
        let denoiser = denoiser.validate("denoiser", self.vocab, graph.as_ref());
        problems.extend(denoiser.iter().map(|error| ConfigProblem(error.to_string())));
        if let Some(latent) = &latent {
            problems.extend(
                latent.validate("latent", self.unit_len(), graph.as_ref()).into_iter().map(ConfigProblem),
            );
        }
        problems
    }

    /// What does not go with blocks that are read in a stream of their own, or what needs them.
    fn causal_problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let sees_past = self.latent.as_ref().is_some_and(|latent| latent.sees_past);
        if !self.causal {
            if self.window.is_some() || sees_past {
                problems.push("window and latent.sees_past are for causal models; set causal = true".into());
            }
            return problems;
        }
        let trunk = &self.denoiser.trunk;
        if self.blocks == 1 {
            problems.push("causal = true reads blocks one after the other; set blocks to 2 or more".into());
        }
        if self.latent.is_some() && self.scope == Scope::Sequence {
            problems.push(
                "scope = \"sequence\" draws one latent for all blocks, and a causal model has one a block; set scope = \"block\""
                    .into(),
            );
        }
        if trunk.position == PositionEncoding::Learned {
            problems.push(
                "denoiser.trunk.position = \"learned\" ends with the sequence; set it to \"rotary\"".into(),
            );
        }
        if !trunk.edge_heads.is_empty() || trunk.mixing != Mixing::Attention || self.denoiser.gates.is_some()
        {
            problems.push(
                "a causal model's trunk attends to all tokens that it may see; remove denoiser.trunk.edge_heads, \
                 denoiser.trunk.mixing and denoiser.gates"
                    .into(),
            );
        }
        if self.window.is_some_and(|window| window == 0 || !window.is_multiple_of(self.unit_len())) {
            problems.push(format!("window must be a multiple of the {} tokens of a block", self.unit_len()));
        }
        problems
    }
}
