//! The loss as a decomposition into named parts.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use vmd_denoiser::{Context, DenoiserInput};
use vmd_latent::{LatentConfig, LatentDistribution};
use vmd_nn::Loops;

use crate::model::upload_tokens;
use crate::{TrainableDenoiser, TrainingBatch, VmdModel};

/// Where the loss takes its latent from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LatentSource {
    /// The posterior, as the bound requires.
    #[default]
    Posterior,
    /// The prior: the reconstruction that a sampler would get. Only for the latent gain.
    Prior,
    /// Nowhere: zeros in its place and no KL. Only for a network that was trained so for a share of its batches.
    Absent,
}

/// How the parts are put together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LossOptions {
    /// Weight of the KL; 1 for a bound.
    pub kl_weight: f64,
    /// Whether the KL is charged against the standard prior, `N(0, I)` or all classes alike. A learned one that is charged
    /// early takes away what the sequences have not yet found; held back, it follows the posterior and pulls at
    /// nothing.
    pub hold_prior: bool,
    /// Where `z` comes from.
    pub latent_source: LatentSource,
    /// Weight of the price of learned edges, where there is noise for them.
    pub gate_weight: f64,
    /// The network's loops and what is descended of them; absent for all of them, of which the last one counts.
    pub loops: Option<TrainedLoops>,
}

/// Training through a part of a network's loops, with a loss after each of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrainedLoops {
    /// How many are run and how many are tracked.
    pub loops: Loops,
    /// Share of the reconstruction that is descended after the tracked loops before the last one, on average over them.
    pub early_share: f64,
}

impl LossOptions {
    /// The bound itself: weight 1, `z` from the posterior.
    pub const BOUND: Self = Self {
        kl_weight: 1.0,
        hold_prior: false,
        latent_source: LatentSource::Posterior,
        gate_weight: 1.0,
        loops: None,
    };
}

/// Parts of the loss in nats per sequence, means over the batch, still on the device.
#[derive(Debug, Clone)]
pub struct Loss {
    /// What training descends, `[1]`: `recon + kl_weight · kl` over all rows, those without a latent too; of two draws
    /// the first one's reconstruction. With noise for learned edges, their price as well.
    pub total: Tensor<1>,
    /// `Σ_k r_k Σ_{i masked} −log p(x0^i | xt, z)`, `[1]`.
    pub recon: Tensor<1>,
    /// KL of the latent with its multiplier, weight 1, `[1]`; absent without a latent.
    pub kl: Option<Tensor<1>>,
    /// The posterior that was used, for diagnostics.
    pub posterior: Option<LatentDistribution>,
    /// The latents that were used, `[draws · rows, n_latents, channels]`.
    pub z: Option<Tensor<3>>,
}

/// Evaluates the loss of `model` on `batch`, on `device` (the model's own, with or without autodiff).
///
/// # Source
///
/// arXiv 2510.23606 for the sequence scope; the step scope with `c(n, r)` is derived in `docs/method.md`.
pub fn loss<D: TrainableDenoiser>(
    model: &VmdModel<D>,
    batch: &TrainingBatch,
    options: LossOptions,
    device: &Device,
) -> Loss {
    let x0 = upload_tokens(&batch.x0, batch.seq, device);
    let latent_mask = upload_tokens(&batch.latent_mask, batch.seq, device);
    let context = model.read(&batch.x0, device);
    let before = context.as_ref().map(|context| model.before_blocks(context));
    let posterior = model.posterior().map(|network| network.forward(x0, latent_mask, before.clone()));
    let n_draws = model.config().latent.as_ref().map_or(1, LatentConfig::n_draws);
    let draws = posterior.as_ref().map(|posterior| match options.latent_source {
        LatentSource::Prior => model.upload_latent(&batch.prior_draws(model), device),
        LatentSource::Posterior | LatentSource::Absent => {
            let noise = model.upload_latent(&batch.latent_noise, device);
            posterior.repeat(n_draws).sample(noise, n_draws == 1)
        }
    });
    let with_latent: Vec<f64> = batch
        .latent_free
        .iter()
        .map(|free| f64::from(u8::from(!free && options.latent_source != LatentSource::Absent)))
        .collect();
    // The mean of a part is over the rows that have a latent, where there are any.
    let present = upload(&with_latent, device).repeat_dim(0, n_draws);
    let n_present = with_latent.iter().sum::<f64>();
    let z = draws.clone().map(|z| match n_present as usize == batch.rows() {
        true => z,
        false => z * present.clone().reshape([-1, 1, 1]),
    });
    let score_only = n_draws == 2 && device.is_autodiff();
    let (recon_per_draw, mut total) = if let (true, Some(z)) = (score_only, &z) {
        // The second draw is there to be compared with the first: its value is enough, and costs a third.
        let draws = z.clone().chunk(2, 0);
        let inner = context.as_ref().map(Context::inner);
        let first = weighted_nll(model, batch, (Some(draws[0].clone()), context), options.loops, device);
        let second = (Some(draws[1].clone().inner()), inner);
        let second = weighted_nll(&model.valid(), batch, second, None, &device.clone().inner());
        let (second, descended) = (Tensor::from_inner(second.last), first.descended());
        (Tensor::cat(vec![first.last.detach(), second], 0), descended.mean())
    } else {
        let per_draw = weighted_nll(model, batch, (z, context), options.loops, device);
        (per_draw.last.clone(), per_draw.descended().mean())
    };
    if let Some(gates) = model.denoiser().edge_gates().filter(|_| !batch.gate_noise.is_empty()) {
        total = total + gates.price() * options.gate_weight;
    }
    let mean_present = |part: Tensor<1>| match n_present as usize {
        0 => part.mean(),
        _ => (part * present.clone()).sum() / (n_present * n_draws as f64),
    };
    let recon = mean_present(recon_per_draw.clone());
    let mut kl = None;
    if let (Some(q), Some(z), Some(prior)) = (&posterior, &draws, model.prior_network())
        && options.latent_source != LatentSource::Absent
    {
        let q = q.repeat(n_draws);
        let kl_factor = upload(&batch.kl_factor, device).repeat_dim(0, n_draws);
        let shift = prior_shift(model, batch, before, n_draws, device);
        let divergence = if options.hold_prior {
            let follows = prior.divergence(&q.detach(), &z.clone().detach(), shift.as_ref());
            total = total + without_value((follows * kl_factor.clone()).mean());
            q.divergence_from_standard()
        } else {
            prior.divergence(&q, z, shift.as_ref())
        };
        let charged = divergence.clone() * kl_factor.clone() * options.kl_weight;
        total = total + charged.clone().mean();
        if n_draws == 2 && options.latent_source == LatentSource::Posterior {
            total = total + leave_one_out(&q, z.clone(), recon_per_draw + charged);
        }
        kl = Some(mean_present(divergence * kl_factor));
    }
    Loss { total, recon, kl, posterior, z: draws }
}

/// What the prior is told of every row, `n_draws` times over.
pub(crate) fn prior_shift<D: TrainableDenoiser>(
    model: &VmdModel<D>,
    batch: &TrainingBatch,
    before: Option<Tensor<3>>,
    n_draws: usize,
    device: &Device,
) -> Option<Tensor<3>> {
    let prior = model.prior_network().filter(|_| model.sees_clues())?;
    let observed = upload_tokens(&batch.observed, batch.seq, device);
    prior.shift(Some(observed), before).map(|shift| shift.repeat_dim(0, n_draws))
}

/// Zero, with the gradient `½(f(z₁) − f(z₂))·∇(ln q(z₁) − ln q(z₂))` of `E_q f(z)` with respect to `q`, which holds every
/// row twice.
///
/// # Source
///
/// The leave-one-out baseline with two draws, arXiv 1907.03077 (eq. 2).
fn leave_one_out(q: &LatentDistribution, z: Tensor<3>, f: Tensor<1>) -> Tensor<1> {
    let log_q = q.log_density(z);
    let difference = |values: Tensor<1>| {
        let halves = values.chunk(2, 0);
        halves[0].clone() - halves[1].clone()
    };
    without_value((difference(f.detach()) * difference(log_q) * 0.5).mean())
}

/// Zero, with the gradient of `surrogate`.
fn without_value(surrogate: Tensor<1>) -> Tensor<1> {
    surrogate.clone() - surrogate.detach()
}

/// The reconstruction term of every row, `[draws · rows]`.
struct Reconstruction {
    /// At the end of the network.
    last: Tensor<1>,
    /// After the tracked loops before, on average, and the share of it that is descended.
    early: Option<(Tensor<1>, f64)>,
}

impl Reconstruction {
    fn descended(&self) -> Tensor<1> {
        match &self.early {
            Some((early, share)) => self.last.clone() * (1.0 - share) + early.clone() * *share,
            None => self.last.clone(),
        }
    }
}

/// The reconstruction for latents `z` of `[draws · rows, n_latents, channels]`, after what a causal model has read.
fn weighted_nll<D: TrainableDenoiser>(
    model: &VmdModel<D>,
    batch: &TrainingBatch,
    (z, context): (Option<Tensor<3>>, Option<Context>),
    trained: Option<TrainedLoops>,
    device: &Device,
) -> Reconstruction {
    let n_draws = z.as_ref().map_or(1, |z| z.dims()[0] / batch.rows());
    let tokens = |tokens: &[u32]| upload_tokens(tokens, batch.seq, device).repeat_dim(0, n_draws);
    let values = |values: &[f64]| upload(values, device).repeat_dim(0, n_draws);
    let input = DenoiserInput {
        xt: tokens(&batch.xt),
        z,
        t: Some(values(&batch.t)),
        budget: Some(values(&inverse_steps(&batch.steps))),
        gate_noise: (!batch.gate_noise.is_empty()).then(|| {
            let shape = [batch.rows(), batch.seq, batch.seq];
            let noise = Tensor::<3>::from_data(TensorData::new(batch.gate_noise.clone(), shape), device);
            noise.repeat_dim(0, n_draws)
        }),
        context: context.map(|context| if n_draws == 1 { context } else { context.repeat(n_draws) }),
        first: 0,
    };
    let (mut early, features) = match trained {
        Some(trained) => model.denoiser().logits_of_loops(input, trained.loops),
        None => {
            let (logits, features) = model.denoiser().logits_and_features(input);
            (vec![logits], features)
        }
    };
    let mut last = early.pop().expect("a network has at least one loop");
    if let (Some(head), Some(features)) = (model.denoiser().parent_head(), features) {
        last =
            last + head.forward(features, &batch.given.repeat(n_draws), &batch.reveal_order.repeat(n_draws));
    }
    let (x0, loss_mask, weight) = (tokens(&batch.x0), tokens(&batch.loss_mask), values(&batch.recon_weight));
    let of = |logits| {
        let nll = vmd_kernels::masked_nll(logits, x0.clone(), loss_mask.clone());
        nll.sum_dim(1).squeeze_dim::<1>(1) * weight.clone()
    };
    let n_early = early.len() as f64;
    let early = early.into_iter().map(of).reduce(|sum, nll| sum + nll).map(|sum| sum / n_early);
    let share = trained.map_or(0.0, |trained| trained.early_share);
    Reconstruction { last: of(last), early: early.map(|early| (early, share)) }
}

/// `1/T` of every row, 0 in continuous time: what a network is told of its budget.
pub(crate) fn inverse_steps(steps: &[Option<usize>]) -> Vec<f64> {
    steps.iter().map(|steps| steps.map_or(0.0, |steps| 1.0 / steps as f64)).collect()
}

fn upload(values: &[f64], device: &Device) -> Tensor<1> {
    let values: Vec<f32> = values.iter().map(|&value| value as f32).collect();
    let n = values.len();
    Tensor::from_data(TensorData::new(values, [n]), device)
}
