//! The latents of a batch.

use burn::tensor::{Device, Tensor};
use vmd_denoiser::Context;
use vmd_latent::{LatentConfig, LatentDistribution};

use super::{LatentSource, upload};
use crate::model::upload_tokens;
use crate::{TrainableDenoiser, TrainingBatch, VmdModel};

/// The latents of a batch, and the distribution they were drawn from.
pub(super) struct Latents {
    /// Encoded texts of a causal model.
    pub(super) context: Option<Context>,
    /// Input of posterior and prior for the tokens before each block.
    pub(super) before: Option<Tensor<3>>,
    pub(super) posterior: Option<LatentDistribution>,
    /// `[draws · rows, n_latents, channels]`.
    pub(super) draws: Option<Tensor<3>>,
    /// Draws per row.
    pub(super) n_draws: usize,
    /// 1 for the rows with a latent, `[draws · rows]`.
    present: Tensor<1>,
    /// Number of rows with a latent.
    n_present: f64,
}

impl Latents {
    /// Draws the latents of `batch` from `source`.
    pub(super) fn draw<D: TrainableDenoiser>(
        model: &VmdModel<D>,
        batch: &TrainingBatch,
        source: LatentSource,
        device: &Device,
    ) -> Self {
        let x0 = upload_tokens(&batch.x0, batch.seq, device);
        let latent_mask = upload_tokens(&batch.latent_mask, batch.seq, device);
        let context = model.read(&batch.x0, device);
        let before = context.as_ref().map(|context| model.before_blocks(context));
        let posterior = model.posterior().map(|network| network.forward(x0, latent_mask, before.clone()));
        let n_draws = model.config().latent.as_ref().map_or(1, LatentConfig::n_draws);
        let draws = posterior.as_ref().map(|posterior| match source {
            LatentSource::Prior => model.upload_latent(&batch.prior_draws(model), device),
            LatentSource::Posterior | LatentSource::Absent => {
                let noise = model.upload_latent(&batch.latent_noise, device);
                posterior.repeat(n_draws).sample(noise, n_draws == 1)
            }
        });
        let has_latent = |free: &bool| f64::from(u8::from(!free && source != LatentSource::Absent));
        let present: Vec<f64> = batch.latent_free.iter().map(has_latent).collect();
        Self {
            context,
            before,
            posterior,
            draws,
            n_draws,
            present: upload(&present, device).repeat_dim(0, n_draws),
            n_present: present.iter().sum(),
        }
    }

    /// The draws, with zeros for rows without a latent.
    pub(super) fn masked(&self, rows: usize) -> Option<Tensor<3>> {
        self.draws.clone().map(|z| match self.n_present as usize == rows {
            true => z,
            false => z * self.present.clone().reshape([-1, 1, 1]),
        })
    }

    /// Mean of a term over the rows with a latent, or over all rows if none has one.
    pub(super) fn mean_present(&self, term: Tensor<1>) -> Tensor<1> {
        match self.n_present as usize {
            0 => term.mean(),
            _ => (term * self.present.clone()).sum() / (self.n_present * self.n_draws as f64),
        }
    }
}
