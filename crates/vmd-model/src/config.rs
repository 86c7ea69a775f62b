//! What defines a model, apart from its weights.

use serde::{Deserialize, Serialize};
use thiserror::Error;
use vmd_denoiser::TransformerConfig;
use vmd_graph::{DependencyGraph, GraphSpec};
use vmd_kernels::Precision;
use vmd_latent::{LatentConfig, PriorKind};
use vmd_process::NoiseSchedule;

/// How often the latent is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Once per sample, kept for all steps (arXiv 2510.23606).
    #[default]
    Sequence,
    /// Afresh in every step (VADD, arXiv 2505.17384).
    Step,
}

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
    pub denoiser: TransformerConfig,
    /// How often the latent is drawn.
    #[serde(default)]
    pub scope: Scope,
    /// The latent; without it the model is a plain masked diffusion model.
    #[serde(default)]
    pub latent: Option<LatentConfig>,
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

    /// The token that stands for "masked".
    pub fn mask_token(&self) -> u32 {
        self.vocab as u32
    }

    /// Builds the dependency graph, if the model has one.
    ///
    /// # Errors
    ///
    /// When the graph cannot be built or has another number of nodes than the sequence has tokens.
    pub fn build_graph(&self) -> Result<Option<DependencyGraph>, ConfigProblem> {
        let Some(spec) = &self.graph else { return Ok(None) };
        let graph = spec.build().map_err(|error| ConfigProblem(format!("graph: {error}")))?;
        if graph.n_nodes() != self.seq_len {
            return Err(ConfigProblem(format!(
                "graph has {} nodes but sequences have {} tokens; describe one node per token",
                graph.n_nodes(),
                self.seq_len
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
        if let Err(error) = self.schedule.validate() {
            problems.push(ConfigProblem(format!("schedule: {error}")));
        }
        let (mut denoiser, mut latent) = (self.denoiser.trunk.clone(), self.latent.clone());
        let graph = self.build_graph().unwrap_or_else(|problem| {
            problems.push(problem);
            // Edge heads and a prior along edges cannot be judged without the graph; to call it absent would mislead.
            denoiser.edge_heads.clear();
            if let Some(latent) = &mut latent {
                latent.posterior.trunk.edge_heads.clear();
                latent.clues.iter_mut().for_each(|clues| clues.edge_heads.clear());
                if matches!(latent.prior, PriorKind::Markov { .. }) {
                    latent.prior = PriorKind::Independent {};
                }
            }
            None
        });
        let trunk = denoiser.validate("denoiser.trunk", graph.as_ref());
        problems.extend(trunk.iter().map(|error| ConfigProblem(error.to_string())));
        if let Some(latent) = &latent {
            problems.extend(
                latent.validate("latent", self.seq_len, graph.as_ref()).into_iter().map(ConfigProblem),
            );
        }
        problems
    }
}
