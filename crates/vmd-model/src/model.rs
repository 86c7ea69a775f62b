//! The model: a denoiser and, with a latent, its posterior.

use burn::module::{Module, ModuleDisplay};
use burn::tensor::{Device, Int, Tensor, TensorData};
use rand_chacha::ChaCha8Rng;
use vmd_denoiser::{Denoiser, DenoiserInput, LatentShape, Network, NfeCounter};
use vmd_graph::DependencyGraph;
use vmd_latent::{LatentRows, Posterior, Prior, PriorNetwork};
use vmd_nn::{NetworkError, ParameterInit};

use crate::sampler::{Prediction, Query};
use crate::{ConfigProblem, ModelConfig, Scope, TokenPredictor};

/// A denoiser that a model can be built around: any that is a Burn module.
pub trait TrainableDenoiser: Denoiser + Module + ModuleDisplay {}

impl<D: Denoiser + Module + ModuleDisplay> TrainableDenoiser for D {}

/// A (variational) masked diffusion model around a denoiser: [`Network`], or any other that implements [`Denoiser`].
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
    /// A freshly initialised model; `rng` decides every parameter.
    ///
    /// # Errors
    ///
    /// The first problem of `config`.
    pub fn new(config: &ModelConfig, rng: ChaCha8Rng, device: &Device) -> Result<Self, ConfigProblem> {
        let init = &mut ParameterInit::new(rng, device);
        Self::around(config, init, |latent, graph, init| {
            let (vocab, seq, aware) = (config.vocab, config.seq_len, config.reveal_aware);
            Network::new(&config.denoiser, vocab, seq, latent, aware, graph, init)
        })
    }
}

impl<D: TrainableDenoiser> VmdModel<D> {
    /// A model around a denoiser of your own, which `denoiser` makes from the shape of the latent, the dependency graph and
    /// the source of initial parameters. The `denoiser` of `config` is then without effect.
    ///
    /// # Errors
    ///
    /// The first problem of `config`, or what `denoiser` returns.
    pub fn around(
        config: &ModelConfig,
        init: &mut ParameterInit<'_>,
        denoiser: impl FnOnce(
            Option<LatentShape>,
            Option<&DependencyGraph>,
            &mut ParameterInit<'_>,
        ) -> Result<D, NetworkError>,
    ) -> Result<Self, ConfigProblem> {
        if let Some(problem) = config.problems().into_iter().next() {
            return Err(problem);
        }
        let graph = config.build_graph()?;
        let problem = |error: NetworkError| ConfigProblem(error.to_string());
        let (vocab, seq, graph) = (config.vocab, config.seq_len, graph.as_ref());
        let shape = config.latent.as_ref().map(|latent| LatentShape {
            channels: latent.family.channels(),
            square: latent.family.n_units(),
        });
        Ok(Self {
            denoiser: denoiser(shape, graph, init).map_err(problem)?,
            posterior: match &config.latent {
                Some(latent) => Some(Posterior::new(latent, vocab, seq, graph, init).map_err(problem)?),
                None => None,
            },
            prior: match &config.latent {
                Some(latent) => Some(PriorNetwork::new(latent, vocab, seq, graph, init).map_err(problem)?),
                None => None,
            },
            config: config.clone(),
            graph: graph.cloned(),
        })
    }

    /// What the model was built from.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// The denoising network.
    pub fn denoiser(&self) -> &D {
        &self.denoiser
    }

    /// The inference network, if the model has a latent.
    pub fn posterior(&self) -> Option<&Posterior> {
        self.posterior.as_ref()
    }

    /// The prior with its parameters, on the device; `None` without a latent.
    pub fn prior_network(&self) -> Option<&PriorNetwork> {
        self.prior.as_ref()
    }

    /// The prior on the host, without clues; `None` without a latent.
    pub fn prior(&self) -> Option<Prior> {
        Some(self.prior.as_ref()?.to_host())
    }

    /// Whether the prior depends on what is known.
    pub fn sees_clues(&self) -> bool {
        self.config.latent.as_ref().is_some_and(|latent| latent.clues.is_some())
    }

    /// The prior of every row of `xt` (`[rows, seq]`) on the host, with what is not masked as clues; `None` without a
    /// latent.
    pub fn priors_given(&self, xt: &[u32]) -> Option<Vec<Prior>> {
        let prior = self.prior.as_ref()?;
        Some(prior.to_host_given(upload_tokens(xt, self.config.seq_len, &self.device())))
    }

    /// The denoiser's count of evaluated sequences.
    pub fn nfe_counter(&self) -> &NfeCounter {
        self.denoiser.nfe_counter()
    }

    /// Where the parameters live.
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
        let (n_latents, channels) = (latent.n_latents(self.config.seq_len), latent.family.channels());
        let rows = values.len() / (n_latents * channels);
        Tensor::from_data(TensorData::new(values.to_vec(), [rows, n_latents, channels]), device)
    }
}

/// Uploads host tokens as `[rows, seq]`.
pub(crate) fn upload_tokens(tokens: &[u32], seq: usize, device: &Device) -> Tensor<2, Int> {
    let values: Vec<i32> = tokens.iter().map(|&token| token as i32).collect();
    Tensor::from_data(TensorData::new(values, [tokens.len() / seq, seq]), device)
}

impl<D: TrainableDenoiser> TokenPredictor for VmdModel<D> {
    fn vocab(&self) -> usize {
        self.config.vocab
    }

    fn seq_len(&self) -> usize {
        self.config.seq_len
    }

    fn n_blocks(&self) -> usize {
        self.config.blocks
    }

    fn latent_scope(&self) -> Scope {
        self.config.scope
    }

    fn is_reveal_aware(&self) -> bool {
        self.config.reveal_aware
    }

    fn draw_latent(&self, xt: &[u32], rngs: &mut [&mut ChaCha8Rng]) -> LatentRows {
        let Some(priors) = self.priors_given(xt) else { return LatentRows::default() };
        let row_len = priors.first().map_or(0, Prior::row_len);
        let mut values = Vec::with_capacity(rngs.len() * row_len);
        priors.iter().zip(rngs).for_each(|(prior, rng)| prior.sample_into(rng, &mut values));
        LatentRows { values, row_len }
    }

    fn has_posterior(&self) -> bool {
        self.posterior.is_some()
    }

    fn infer_latent(&self, x0: &[u32], tied: &[u32], rngs: &mut [&mut ChaCha8Rng]) -> Option<LatentRows> {
        let (posterior, latent) = (self.posterior.as_ref()?, self.config.latent.as_ref()?);
        let (device, seq) = (self.device(), self.config.seq_len);
        let row_len = latent.row_len(seq);
        let mut noise = Vec::with_capacity(rngs.len() * row_len);
        rngs.iter_mut().for_each(|rng| latent.noise_into(seq, rng, &mut noise));
        let z = posterior
            .forward(upload_tokens(x0, seq, &device), upload_tokens(tied, seq, &device))
            .sample(self.upload_latent(&noise, &device), false);
        Some(LatentRows { values: z.into_data().iter::<f32>().collect(), row_len })
    }

    fn graph(&self) -> Option<&DependencyGraph> {
        self.graph.as_ref()
    }

    fn predict(&self, query: Query<'_>) -> Prediction {
        let device = self.device();
        let times: Vec<f32> = query.t.iter().map(|&t| t as f32).collect();
        let input = DenoiserInput {
            xt: upload_tokens(query.xt, self.config.seq_len, &device),
            z: self.posterior.is_some().then(|| self.upload_latent(&query.z.values, &device)),
            t: Some(Tensor::from_data(TensorData::new(times, [query.t.len()]), &device)),
            budget: Some(Tensor::full([query.t.len()], 1.0 / query.budget as f32, &device)),
            reveals: (self.config.reveal_aware)
                .then(|| upload_tokens(query.reveals, self.config.seq_len, &device)),
            gate_noise: None,
        };
        let host = |tensor: Tensor<3>| tensor.into_data().iter::<f32>().collect();
        let (logits, features) = self.denoiser.logits_and_features(input);
        match self.denoiser.parent_head().zip(features) {
            Some((head, features)) => Prediction::with_parents(host(logits), head.to_host(), host(features)),
            None => Prediction::from(host(logits)),
        }
    }
}
