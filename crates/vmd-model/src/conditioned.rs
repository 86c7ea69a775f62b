//! Blocks of a causal model, conditioned on the previous tokens.

use std::sync::Arc;

use burn::tensor::{Device, Int, Tensor, TensorData};
use rand::rngs::ChaCha8Rng;
use vmd_denoiser::{Context, DenoiserInput, HostParentHead};
use vmd_graph::{DependencyGraph, Parents};
use vmd_latent::{LatentDistribution, Prior};
use vmd_process::NoiseSchedule;
use vmd_sampler::{Prediction, Predictor, Query, Scope, StepTies};

use crate::model::upload_tokens;
use crate::{TrainableDenoiser, VmdModel};

/// The blocks of a causal model, each conditioned on the tokens before it. For any other model a
/// block is a whole sequence, without conditioning.
#[derive(Debug)]
pub struct Conditioned<'a, D: TrainableDenoiser> {
    model: &'a VmdModel<D>,
    context: Option<Context>,
    /// Input of posterior and prior for the tokens before each block, `[blocks, 1, channels]`.
    before: Option<Tensor<3>>,
    first: usize,
    /// Whether several blocks of one text are evaluated in parallel.
    side_by_side: bool,
}

impl<'a, D: TrainableDenoiser> Conditioned<'a, D> {
    /// Every block of `texts` (`[rows, seq_len]`), given the tokens of its text before it.
    pub fn each_block(model: &'a VmdModel<D>, texts: &[u32]) -> Self {
        let context = model.read(texts, &model.device());
        let before = context.as_ref().map(|context| model.before_blocks(context));
        Self { model, before, context, first: 0, side_by_side: model.config().is_causal() }
    }

    /// The next block of texts with cached `context`, or their first block if `None`.
    pub fn next_block(model: &'a VmdModel<D>, context: Option<Context>) -> Self {
        let before = context.as_ref().map(|context| {
            let [_, n, _] = context.features.dims();
            context.features.clone().narrow(1, n - 1, 1)
        });
        let first = context.as_ref().map_or(0, |context| context.positions.end);
        Self { model, before, context, first, side_by_side: false }
    }

    /// Selects the blocks `rows`.
    fn before(&self, rows: &[usize]) -> Option<Tensor<3>> {
        self.before.clone().map(|before| match is_all(rows, before.dims()[0]) {
            true => before,
            false => select(before, rows),
        })
    }

    fn context(&self, rows: &[usize]) -> Option<Context> {
        let context = self.context.clone()?;
        if self.side_by_side || is_all(rows, context.rows()) {
            return Some(context);
        }
        Some(context.select(rows))
    }

    /// The prior of the blocks `rows` on the host, given the unmasked tokens of `observed`
    /// (`[rows, block_len]`). `None` without a latent.
    pub fn priors_given(&self, rows: &[usize], observed: &[u32]) -> Option<Vec<Prior>> {
        let prior = self.model.prior_network()?;
        Some(prior.to_host_given(self.upload(observed), self.before(rows)))
    }

    /// The posterior of the blocks `rows`; `x0` and `latent_mask` are `[rows, block_len]`. `None`
    /// without a latent.
    pub fn posterior(&self, rows: &[usize], x0: &[u32], latent_mask: &[u32]) -> Option<LatentDistribution> {
        let posterior = self.model.posterior()?;
        Some(posterior.forward(self.upload(x0), self.upload(latent_mask), self.before(rows)))
    }

    fn upload(&self, tokens: &[u32]) -> Tensor<2, Int> {
        upload_tokens(tokens, self.seq_len(), &self.model.device())
    }
}

impl<D: TrainableDenoiser> Predictor for Conditioned<'_, D> {
    fn vocab(&self) -> usize {
        self.model.config().vocab
    }

    fn seq_len(&self) -> usize {
        self.model.config().unit_len()
    }

    fn schedule(&self) -> NoiseSchedule {
        self.model.config().schedule
    }

    fn latent_scope(&self) -> Scope {
        self.model.config().scope
    }

    fn draw_latents(&self, rows: &[usize], xt: &[u32], rngs: &mut [&mut ChaCha8Rng]) -> Vec<f32> {
        let mut values = Vec::new();
        let priors = self.priors_given(rows, xt).unwrap_or_default();
        priors.iter().zip(rngs).for_each(|(prior, rng)| prior.sample_into(rng, &mut values));
        values
    }

    fn fits_latents(&self) -> bool {
        self.model.fits_latents()
    }

    fn fit_latents(
        &self,
        rows: &[usize],
        xt: &[u32],
        guess: &[u32],
        latent_mask: &[u32],
        rngs: &mut [&mut ChaCha8Rng],
    ) -> Vec<f32> {
        let inferred = self.infer_latents(rows, guess, latent_mask, rngs);
        self.redraw_latents(rows, xt, &inferred, rngs)
    }

    fn graph(&self) -> Option<&DependencyGraph> {
        self.model.graph()
    }

    fn predict(&self, query: Query<'_>) -> Prediction {
        let (device, n) = (self.model.device(), query.t.len());
        let times: Vec<f32> = query.t.iter().map(|&t| t as f32).collect();
        let has_latent = self.model.posterior().is_some();
        let input = DenoiserInput {
            xt: self.upload(query.xt),
            z: has_latent.then(|| self.model.upload_latent(query.z, &device)),
            t: Some(Tensor::from_data(TensorData::new(times, [n]), &device)),
            budget: Some(Tensor::full([n], 1.0 / query.budget as f32, &device)),
            gate_noise: None,
            context: self.repeated(n, query.rows),
            first: self.first,
        };
        let host = |tensor: Tensor<3>| tensor.into_data().iter::<f32>().collect();
        let (logits, features) = self.model.denoiser().logits_and_features(input);
        match self.model.denoiser().parent_head().zip(features) {
            Some((head, features)) => {
                let ties = HostTies { head: head.to_host(), features: host(features), seq: self.seq_len() };
                Prediction::with_ties(host(logits), Arc::new(ties))
            }
            None => Prediction::from(host(logits)),
        }
    }
}

/// A parent head on the host, with the features of all rows.
#[derive(Debug)]
struct HostTies {
    head: HostParentHead,
    /// `[rows, seq, hidden]`.
    features: Vec<f32>,
    seq: usize,
}

impl StepTies for HostTies {
    fn parents(&self) -> &Parents {
        self.head.parents()
    }

    fn add_to(&self, logits: &mut [f32], row: usize, i: usize, given: &[u32]) {
        let (token, hidden) = (row * self.seq + i, self.head.hidden());
        self.head.add_to(logits, i, &self.features[token * hidden..(token + 1) * hidden], given);
    }
}

impl<D: TrainableDenoiser> Conditioned<'_, D> {
    /// Samples a latent from the posterior for each row of `x0` (`[rows, seq]`). `latent_mask` is 1
    /// for the tokens that the latent covers.
    pub(crate) fn infer_latents(
        &self,
        rows: &[usize],
        x0: &[u32],
        latent_mask: &[u32],
        rngs: &mut [&mut ChaCha8Rng],
    ) -> Vec<f32> {
        let latent = self.model.config().latent.as_ref();
        let Some((latent, posterior)) = latent.zip(self.posterior(rows, x0, latent_mask)) else {
            return Vec::new();
        };
        let mut noise = Vec::with_capacity(rngs.len() * latent.row_len(self.seq_len()));
        rngs.iter_mut().for_each(|rng| latent.noise_into(self.seq_len(), rng, &mut noise));
        let z = posterior.sample(self.model.upload_latent(&noise, &self.model.device()), false);
        z.into_data().iter::<f32>().collect()
    }

    /// Keeps the latents `z` of the tokens shown in `xt` (`[rows, seq]`) and samples the others
    /// from the prior, each given the ones before it.
    pub(crate) fn redraw_latents(
        &self,
        rows: &[usize],
        xt: &[u32],
        z: &[f32],
        rngs: &mut [&mut ChaCha8Rng],
    ) -> Vec<f32> {
        let priors = self.priors_given(rows, xt).unwrap_or_default();
        let mut values = Vec::with_capacity(z.len());
        let shown = xt.chunks_exact(self.seq_len());
        let z = z.chunks_exact((z.len() / rngs.len()).max(1));
        for (((prior, shown), z), rng) in priors.iter().zip(shown).zip(z).zip(rngs) {
            let kept: Vec<bool> = shown.iter().map(|&token| token < self.vocab() as u32).collect();
            prior.redraw_into(z, &kept, *rng, &mut values);
        }
        values
    }
}

impl<D: TrainableDenoiser> Conditioned<'_, D> {
    /// The context of `n` blocks: the selected ones, or all of them repeated.
    fn repeated(&self, n: usize, rows: &[usize]) -> Option<Context> {
        let context = self.context(rows)?;
        let blocks = if self.side_by_side { self.model.config().blocks } else { 1 };
        match n / (context.rows() * blocks) {
            1 => Some(context),
            times => Some(context.repeat(times)),
        }
    }
}

impl<D: TrainableDenoiser> VmdModel<D> {
    /// Encodes `texts` (`[rows, seq_len]`) as context of later blocks. `None` unless the model is
    /// causal.
    pub(crate) fn read(&self, texts: &[u32], device: &Device) -> Option<Context> {
        let config = self.config();
        config.is_causal().then(|| {
            let texts = upload_tokens(texts, config.seq_len, device);
            self.denoiser().read(texts, None).expect("the network of a causal model encodes context")
        })
    }

    /// Summary of the tokens before each block of the encoded texts,
    /// `[rows · blocks, 1, channels]`: the features of the last of them, and zeros for the first
    /// block.
    pub(crate) fn before_blocks(&self, context: &Context) -> Tensor<3> {
        let ([rows, seq, width], blocks) = (context.features.dims(), self.config().blocks);
        let by_block = context.features.clone().reshape([rows, blocks, seq / blocks, width]);
        let last = by_block.narrow(2, seq / blocks - 1, 1).narrow(1, 0, blocks - 1);
        let start = Tensor::zeros([rows, 1, 1, width], &last.device());
        Tensor::cat(vec![start, last], 1).reshape([rows * blocks, 1, width])
    }
}

fn is_all(rows: &[usize], n: usize) -> bool {
    rows.is_empty() || rows.len() >= n
}

fn select(tensor: Tensor<3>, rows: &[usize]) -> Tensor<3> {
    let rows: Vec<i32> = rows.iter().map(|&row| row as i32).collect();
    let rows = Tensor::<1, Int>::from_data(TensorData::from(&rows[..]), &tensor.device());
    tensor.select(0, rows)
}
