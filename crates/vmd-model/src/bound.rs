//! The bound on held-out data, with the latent's health.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};
use vmd_latent::LatentHealth;

use crate::{LatentSource, LossOptions, ObjectiveConfig, TrainingBatch, VmdModel, loss};

/// Below this share of the reconstruction term, the latent's gain counts as none.
const COLLAPSE_SHARE: f64 = 0.01;

/// A bound in nats per sequence, and what the latent contributes to it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BoundEstimate {
    /// `recon + kl` with KL weight 1 and no free nats.
    pub bound: f64,
    /// Reconstruction part.
    pub recon: f64,
    /// KL part, with its multiplier.
    pub kl: f64,
    /// Nats by which the reconstruction with `z ~ q` beats the one with `z ~ p`; absent without a latent.
    pub latent_gain: Option<f64>,
    /// Diagnostics of the latent on the first chunk of sequences, absent without a latent.
    pub health: Option<LatentHealth>,
}

impl BoundEstimate {
    /// Whether the latent gains less than 1 % of the reconstruction term.
    pub fn is_collapsed(&self) -> bool {
        self.latent_gain.is_some_and(|gain| gain < COLLAPSE_SHARE * self.recon)
    }
}

/// Estimates the bound of `objective` on `x0` (`[rows, seq]`), in chunks of `batch_rows`, with the random
/// numbers of `seed`.
pub fn estimate_bound(
    model: &VmdModel,
    objective: &ObjectiveConfig,
    x0: &[u32],
    batch_rows: usize,
    seed: u64,
    device: &Device,
) -> BoundEstimate {
    let objective = ObjectiveConfig { full_mask_share: 0.0, ..objective.clone() };
    let prior_options = LossOptions { latent_source: LatentSource::Prior, ..LossOptions::BOUND };
    let rows_in_all = (x0.len() / model.config().seq_len) as f64;
    let (mut recon, mut kl, mut recon_from_prior) = (0.0, 0.0, 0.0);
    let mut health = None;
    let n_draws = model.config().latent.as_ref().map_or(1, |latent| latent.n_draws());
    for (chunk, tokens) in x0.chunks(batch_rows * model.config().seq_len).enumerate() {
        let batch = TrainingBatch::draw(tokens.to_vec(), model, &objective, seed, chunk as u64);
        let share = batch.rows() as f64 / rows_in_all;
        let parts = loss(model, &batch, LossOptions::BOUND, device);
        recon += share * scalar(&parts.recon);
        kl += share * parts.kl.as_ref().map_or(0.0, scalar);
        if let (Some(posterior), Some(z)) = (parts.posterior, parts.z) {
            let z: Vec<f32> = z.into_data().iter::<f32>().collect();
            health.get_or_insert_with(|| {
                let one_draw = &z[..batch.prior_draws.len() / n_draws];
                let log_prior = model
                    .learned_prior()
                    .map(|p| p.log_probabilities(&model.upload_latent(one_draw, device)));
                let kl = posterior.kl(0.0, log_prior.as_ref()).mean();
                LatentHealth::measure(&posterior.to_host(), one_draw, scalar(&kl))
            });
            recon_from_prior += share * scalar(&loss(model, &batch, prior_options, device).recon);
        }
    }
    let latent_gain = model.posterior().map(|_| recon_from_prior - recon);
    BoundEstimate { bound: recon + kl, recon, kl, latent_gain, health }
}

fn scalar(tensor: &burn::tensor::Tensor<1>) -> f64 {
    f64::from(tensor.clone().into_scalar::<f32>())
}
