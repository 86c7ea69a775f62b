//! The KL term.

use burn::tensor::{Device, Tensor};
use vmd_latent::{LatentDistribution, PriorNetwork};

use super::latents::Latents;
use super::{LatentSource, LossOptions, upload, without_value};
use crate::model::upload_tokens;
use crate::{TrainableDenoiser, TrainingBatch, VmdModel};

/// The KL term of a batch.
pub(super) struct KlTerm {
    /// With its multiplier and weight 1, `[1]`.
    pub(super) reported: Tensor<1>,
    /// Terms added to the training loss, each `[1]`, in this order.
    pub(super) descended: Vec<Tensor<1>>,
}

/// The KL between posterior and prior; `None` without a latent. `recon` is the reconstruction term
/// of each row and draw.
pub(super) fn term<D: TrainableDenoiser>(
    model: &VmdModel<D>,
    batch: &TrainingBatch,
    latents: &Latents,
    recon: Tensor<1>,
    options: LossOptions,
    device: &Device,
) -> Option<KlTerm> {
    if options.latent_source == LatentSource::Absent {
        return None;
    }
    let (q, z) = (latents.posterior.as_ref()?.repeat(latents.n_draws), latents.draws.as_ref()?);
    let prior = model.prior_network()?;
    let factor = upload(&batch.kl_factor, device).repeat_dim(0, latents.n_draws);
    let shift = prior_shift(model, batch, latents.before.clone(), latents.n_draws, device);
    let mut descended = Vec::new();
    let divergence = if options.hold_prior {
        descended.push(following(prior, &q, z, shift.as_ref(), &factor));
        q.divergence_from_standard()
    } else {
        prior.divergence(&q, z, shift.as_ref())
    };
    let charged = divergence.clone() * factor.clone() * options.kl_weight;
    descended.push(charged.clone().mean());
    if latents.n_draws == 2 && options.latent_source == LatentSource::Posterior {
        descended.push(leave_one_out(&q, z.clone(), recon + charged));
    }
    let reported = latents.mean_present(divergence * factor);
    Some(KlTerm { reported, descended })
}

/// Zero, with the gradient that fits a learned prior to the posterior and does not reach the
/// posterior.
fn following(
    prior: &PriorNetwork,
    q: &LatentDistribution,
    z: &Tensor<3>,
    shift: Option<&Tensor<3>>,
    factor: &Tensor<1>,
) -> Tensor<1> {
    let follows = prior.divergence(&q.detach(), &z.clone().detach(), shift);
    without_value((follows * factor.clone()).mean())
}

/// Conditioning input of the prior for each row, repeated `n_draws` times.
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

/// Zero, with the gradient `½(f(z₁) − f(z₂))·∇(ln q(z₁) − ln q(z₂))` of `E_q f(z)` with respect to
/// `q`. `q` contains each row twice.
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
