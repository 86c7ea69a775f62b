//! The loss as named terms: reconstruction, KL and penalty of learned edges.

mod kl;
mod latents;
mod reconstruction;

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use vmd_denoiser::Context;
use vmd_latent::LatentDistribution;
use vmd_nn::Loops;

use crate::{TrainableDenoiser, TrainingBatch, VmdModel};
use latents::Latents;

pub(crate) use kl::prior_shift;

/// Source of the latent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LatentSource {
    /// The posterior, as the bound requires.
    #[default]
    Posterior,
    /// The prior, for the reconstruction as in sampling. Only for the latent gain.
    Prior,
    /// No latent: zeros and no KL. Only for a network that is trained this way in a share of its
    /// batches.
    Absent,
}

/// Weights of the loss terms.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LossOptions {
    /// Weight of the KL; 1 for a bound.
    pub kl_weight: f64,
    /// Whether the KL is taken to the standard prior (`N(0, I)` or uniform classes) while a learned
    /// prior is fitted to the posterior. Otherwise an early learned prior keeps the posterior from
    /// exploring other codes.
    pub hold_prior: bool,
    /// Source of `z`.
    pub latent_source: LatentSource,
    /// Weight of the penalty of learned edges. Has an effect only with gate noise.
    pub gate_weight: f64,
    /// Loops to run and the loss on them; if absent, all loops are run and only the last one is in
    /// the loss.
    pub loops: Option<TrainedLoops>,
}

/// Training through some of a network's loops, with a loss after each of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrainedLoops {
    /// Number of loops that are run, and of loops with gradients.
    pub loops: Loops,
    /// Weight of the mean reconstruction after the tracked loops before the last one.
    pub early_share: f64,
}

impl LossOptions {
    /// The bound: weight 1, `z` from the posterior.
    pub const BOUND: Self = Self {
        kl_weight: 1.0,
        hold_prior: false,
        latent_source: LatentSource::Posterior,
        gate_weight: 1.0,
        loops: None,
    };
}

/// Terms of the loss in nats per sequence, means over the batch, on the device.
#[derive(Debug, Clone)]
pub struct Loss {
    /// The training loss, `[1]`: `recon + kl_weight · kl` over all rows, including those without a
    /// latent. With two draws it uses the reconstruction of the first one. With gate noise it
    /// includes the penalty of learned edges.
    pub total: Tensor<1>,
    /// `Σ_k r_k Σ_{i masked} −log p(x0^i | xt, z)`, `[1]`.
    pub recon: Tensor<1>,
    /// KL of the latent with its multiplier, weight 1, `[1]`; absent without a latent.
    pub kl: Option<Tensor<1>>,
    /// The posterior, for diagnostics.
    pub posterior: Option<LatentDistribution>,
    /// The latents, `[draws · rows, n_latents, channels]`.
    pub z: Option<Tensor<3>>,
}

/// Evaluates the loss of `model` on `batch`, on `device` (the model's own, with or without
/// autodiff).
///
/// # Source
///
/// arXiv 2510.23606 for the block scope; the step scope with `c(n, r)` is derived in
/// `docs/method.md`.
pub fn loss<D: TrainableDenoiser>(
    model: &VmdModel<D>,
    batch: &TrainingBatch,
    options: LossOptions,
    device: &Device,
) -> Loss {
    let latents = Latents::draw(model, batch, options.latent_source, device);
    let (recon_per_draw, mut total) = reconstruction(model, batch, &latents, options, device);
    if let Some(gates) = model.denoiser().edge_gates().filter(|_| !batch.gate_noise.is_empty()) {
        total = total + gates.price() * options.gate_weight;
    }
    let recon = latents.mean_present(recon_per_draw.clone());
    let kl = kl::term(model, batch, &latents, recon_per_draw, options, device).map(|kl| {
        kl.descended.into_iter().for_each(|term| total = total.clone() + term);
        kl.reported
    });
    Loss { total, recon, kl, posterior: latents.posterior, z: latents.draws }
}

/// The reconstruction term of each row and draw, `[draws · rows]`, and its part of the training
/// loss, `[1]`.
fn reconstruction<D: TrainableDenoiser>(
    model: &VmdModel<D>,
    batch: &TrainingBatch,
    latents: &Latents,
    options: LossOptions,
    device: &Device,
) -> (Tensor<1>, Tensor<1>) {
    let (z, context) = (latents.masked(batch.rows()), latents.context.clone());
    let (Some(z), true) = (&z, latents.n_draws == 2 && device.is_autodiff()) else {
        let per_draw = reconstruction::of(model, batch, (z, context), options.loops, device);
        return (per_draw.last.clone(), per_draw.descended().mean());
    };
    // The second draw is a baseline only. It needs no gradient, so it costs a third of the first.
    let draws = z.clone().chunk(2, 0);
    let inner = context.as_ref().map(Context::inner);
    let first = reconstruction::of(model, batch, (Some(draws[0].clone()), context), options.loops, device);
    let second = (Some(draws[1].clone().inner()), inner);
    let second = reconstruction::of(&model.valid(), batch, second, None, &device.clone().inner());
    let (second, descended) = (Tensor::from_inner(second.last), first.descended());
    (Tensor::cat(vec![first.last.detach(), second], 0), descended.mean())
}

/// Zero, with the gradient of `surrogate`.
fn without_value(surrogate: Tensor<1>) -> Tensor<1> {
    surrogate.clone() - surrogate.detach()
}

fn upload(values: &[f64], device: &Device) -> Tensor<1> {
    let values: Vec<f32> = values.iter().map(|&value| value as f32).collect();
    let n = values.len();
    Tensor::from_data(TensorData::new(values, [n]), device)
}
