//! The model: a denoiser and, with a latent, its prior and posterior.

use burn::module::{Module, ModuleDisplay};
use burn::tensor::{Device, Int, Tensor, TensorData};
use rand::rngs::ChaCha8Rng;
use vmd_core::{Problem, Validate};
use vmd_denoiser::{Denoiser, LatentShape, Network, NetworkShape, NfeCounter};
use vmd_graph::DependencyGraph;
use vmd_latent::{LatentStructure, Posterior, Prior, PriorNetwork};
use vmd_nn::ParameterInit;
use vmd_process::NoiseSchedule;
use vmd_sampler::{Prediction, Predictor, Query, Scope};

use crate::{Conditioned, ModelConfig};

/// A denoiser that a model can contain: any that is a Burn module.
pub trait TrainableDenoiser: Denoiser + Module + ModuleDisplay {}

impl<D: Denoiser + Module + ModuleDisplay> TrainableDenoiser for D {}

/// A (variational) masked diffusion model around a denoiser: [`Network`], or another implementation
/// of [`Denoiser`].
#[derive(Module, Debug)]
pub struct VmdModel<D: Module + Denoiser = Network> {
    denoiser: D,
    posterior: Option<Posterior>,
    prior: Option<PriorNetwork>,
    #[module(skip)]
    config: ModelConfig,
    #[module(skip)]
    graph: Option<DependencyGraph>,
}

impl VmdModel {
    /// Creates a model with initial parameters drawn from `rng`.
    ///
    /// # Errors
    ///
    /// The first problem of `config`.
    pub fn new(config: &ModelConfig, rng: ChaCha8Rng, device: &Device) -> Result<Self, Problem> {
        let init = &mut ParameterInit::new(rng, device);
        Self::around(config, init, |latent, graph, init| {
            let shape = NetworkShape {
                vocab: config.vocab,
                seq: config.seq_len,
                blocks: config.block_mask(),
                latent,
            };
            Network::new(&config.denoiser, shape, graph, init)
        })
    }
}

impl<D: TrainableDenoiser> VmdModel<D> {
    /// Creates a model around a custom denoiser. `denoiser` builds it from the shape of the latent,
    /// the dependency graph and the random numbers for initial parameters. The `denoiser` section
    /// of `config` is ignored.
    ///
    /// # Errors
    ///
    /// The first problem of `config`, or the error of `denoiser`.
    pub fn around(
        config: &ModelConfig,
        init: &mut ParameterInit<'_>,
        denoiser: impl FnOnce(
            Option<LatentShape>,
            Option<&DependencyGraph>,
            &mut ParameterInit<'_>,
        ) -> Result<D, Problem>,
    ) -> Result<Self, Problem> {
        config.check(())?;
        let graph = config.build_graph()?;
        let of_latent = |problem: Problem| problem.under("latent");
        let (vocab, seq, graph) = (config.vocab, config.unit_len(), graph.as_ref());
        let before = config.is_causal().then_some(config.denoiser.trunk.width);
        let shape = config.latent.as_ref().map(|latent| LatentShape {
            channels: latent.family.channels(),
            square: latent.family.n_units(),
        });
        Ok(Self {
            denoiser: denoiser(shape, graph, init).map_err(|problem| problem.under("denoiser"))?,
            posterior: match &config.latent {
                Some(latent) => {
                    Some(Posterior::new(latent, vocab, seq, before, graph, init).map_err(of_latent)?)
                }
                None => None,
            },
            prior: match &config.latent {
                Some(latent) => {
                    let before = before.filter(|_| latent.sees_past);
                    Some(PriorNetwork::new(latent, vocab, seq, before, graph, init).map_err(of_latent)?)
                }
                None => None,
            },
            config: config.clone(),
            graph: graph.cloned(),
        })
    }

    /// The configuration of the model.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// The denoising network.
    pub fn denoiser(&self) -> &D {
        &self.denoiser
    }

    /// The inference network; `None` without a latent.
    pub fn posterior(&self) -> Option<&Posterior> {
        self.posterior.as_ref()
    }

    /// The prior on the device; `None` without a latent.
    pub fn prior_network(&self) -> Option<&PriorNetwork> {
        self.prior.as_ref()
    }

    /// The prior on the host, without clues; `None` without a latent.
    pub fn prior(&self) -> Option<Prior> {
        Some(self.prior.as_ref()?.to_host())
    }

    /// Whether the prior depends on clues or previous tokens.
    pub fn sees_clues(&self) -> bool {
        self.config.latent.as_ref().is_some_and(|latent| latent.clues.is_some() || latent.sees_past)
    }

    /// The prior of each row of `xt` (`[rows, seq]`) on the host, with the unmasked tokens as
    /// clues. For a causal model, the prior of the first unfinished block. `None` without a latent.
    pub fn priors_given(&self, xt: &[u32]) -> Option<Vec<Prior>> {
        self.prior.as_ref()?;
        let (units, observed) = self.current_units(xt, xt, self.config.mask_token());
        Conditioned::each_block(self, xt).priors_given(&units, &observed)
    }

    /// For each row, the index (over all rows) of the first block in which `of` contains `mark`, or
    /// of the last block, and the `tokens` of that block. Whole rows unless the model is causal.
    fn current_units(&self, tokens: &[u32], of: &[u32], mark: u32) -> (Vec<usize>, Vec<u32>) {
        if !self.config.is_causal() {
            return ((0..tokens.len() / self.config.seq_len).collect(), tokens.to_vec());
        }
        let (len, blocks) = (self.config.unit_len(), self.config.blocks);
        let rows = of.chunks_exact(self.config.seq_len).enumerate();
        let units: Vec<usize> = rows
            .map(|(row, of)| {
                let block = of.iter().position(|&token| token == mark).map_or(blocks - 1, |i| i / len);
                row * blocks + block
            })
            .collect();
        let tokens = units.iter().flat_map(|&unit| tokens[unit * len..(unit + 1) * len].iter().copied());
        let tokens = tokens.collect();
        (units, tokens)
    }

    /// The dependency graph of the positions, if known.
    pub fn graph(&self) -> Option<&DependencyGraph> {
        self.graph.as_ref()
    }

    /// Counter of evaluated sequences.
    pub fn nfe_counter(&self) -> &NfeCounter {
        self.denoiser.nfe_counter()
    }

    /// The device of the parameters.
    pub fn device(&self) -> Device {
        self.devices().first().cloned().expect("a model has parameters")
    }

    /// Uploads host latents as `[rows, n_latents, channels]`.
    ///
    /// # Panics
    ///
    /// If the model has no latent.
    pub fn upload_latent(&self, values: &[f32], device: &Device) -> Tensor<3> {
        let latent = self.config.latent.as_ref().expect("the model has a latent");
        let (n_latents, channels) = (latent.n_latents(self.config.unit_len()), latent.family.channels());
        let rows = values.len() / (n_latents * channels);
        Tensor::from_data(TensorData::new(values.to_vec(), [rows, n_latents, channels]), device)
    }
}

/// Uploads host tokens as `[rows, seq]`.
pub(crate) fn upload_tokens(tokens: &[u32], seq: usize, device: &Device) -> Tensor<2, Int> {
    let values: Vec<i32> = tokens.iter().map(|&token| token as i32).collect();
    Tensor::from_data(TensorData::new(values, [tokens.len() / seq, seq]), device)
}

impl<D: TrainableDenoiser> Predictor for VmdModel<D> {
    fn vocab(&self) -> usize {
        self.config.vocab
    }

    fn seq_len(&self) -> usize {
        self.config.seq_len
    }

    fn schedule(&self) -> NoiseSchedule {
        self.config.schedule
    }

    fn n_blocks(&self) -> usize {
        self.config.blocks
    }

    fn latent_scope(&self) -> Scope {
        self.config.scope
    }

    fn draw_latents(&self, _: &[usize], xt: &[u32], rngs: &mut [&mut ChaCha8Rng]) -> Vec<f32> {
        if self.prior.is_none() {
            return Vec::new();
        }
        let (units, observed) = self.current_units(xt, xt, self.config.mask_token());
        Conditioned::each_block(self, xt).draw_latents(&units, &observed, rngs)
    }

    fn fits_latents(&self) -> bool {
        let latent = self.config.latent.as_ref();
        latent.is_some_and(|latent| latent.structure == LatentStructure::PerToken && latent.clues.is_none())
    }

    fn fit_latents(
        &self,
        _: &[usize],
        xt: &[u32],
        guess: &[u32],
        latent_mask: &[u32],
        rngs: &mut [&mut ChaCha8Rng],
    ) -> Vec<f32> {
        let (units, masks) = self.current_units(latent_mask, latent_mask, 1);
        let (_, guesses) = self.current_units(guess, latent_mask, 1);
        let inferred = Conditioned::each_block(self, guess).infer_latents(&units, &guesses, &masks, rngs);
        let (units, observed) = self.current_units(xt, xt, self.config.mask_token());
        Conditioned::each_block(self, xt).redraw_latents(&units, &observed, &inferred, rngs)
    }

    fn graph(&self) -> Option<&DependencyGraph> {
        self.graph.as_ref()
    }

    /// For a causal model, only the logits of the first unfinished block of each row are valid.
    ///
    /// # Panics
    ///
    /// If the model is causal and its tokens have parents. Use [`Conditioned`] to evaluate one
    /// block at a time.
    fn predict(&self, query: Query<'_>) -> Prediction {
        let blocks = self.config.blocks;
        assert!(
            blocks == 1 || self.denoiser.parent_head().is_none(),
            "blocks with parents must be evaluated one at a time"
        );
        let t: Vec<f64> = query.t.iter().flat_map(|&t| std::iter::repeat_n(t, blocks)).collect();
        let row_len = query.z.len() / query.t.len().max(1);
        let rows = query.z.chunks_exact(row_len.max(1));
        let z: Vec<f32> = rows.flat_map(|z| std::iter::repeat_n(z, blocks).flatten().copied()).collect();
        Conditioned::each_block(self, query.xt).predict(Query { t: &t, z: &z, rows: &[], ..query })
    }
}
