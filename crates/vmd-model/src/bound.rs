//! The bound on held-out data, with the latent's health.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};
use vmd_latent::LatentHealth;

use crate::loss::prior_shift;
use crate::{LatentSource, LossOptions, ObjectiveConfig, TrainableDenoiser, TrainingBatch, VmdModel, loss};

/// Below this share of the reconstruction term, the latent's gain counts as none.
const COLLAPSE_SHARE: f64 = 0.01;

/// A bound in nats per sequence, and what the latent contributes to it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BoundEstimate {
    /// Steps of the sampler that is certified; absent in continuous time.
    pub steps: Option<usize>,
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
    /// What the same network reaches without its latent, absent unless it is trained so for a share of its batches.
    pub latent_free: Option<LatentFree>,
}

/// Bounds of a network without its latent, nats per sequence.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LatentFree {
    /// At the same number of steps.
    pub bound: f64,
    /// In continuous time: one token after the other, an estimate of the data's entropy from above.
    pub continuous: f64,
}

impl BoundEstimate {
    /// Whether the latent gains less than 1 % of the reconstruction term.
    pub fn is_collapsed(&self) -> bool {
        self.latent_gain.is_some_and(|gain| gain < COLLAPSE_SHARE * self.recon)
    }

    /// Nats that a latent can win at this number of steps, never below 0.
    pub fn latent_headroom(&self) -> Option<f64> {
        self.latent_free.map(|free| (free.bound - free.continuous).max(0.0))
    }

    /// Nats that it has won; below 0 where the latent costs more than it saves.
    pub fn latent_savings(&self) -> Option<f64> {
        self.latent_free.map(|free| free.bound - self.bound)
    }
}

/// Estimates the bound of `objective` for each of its numbers of steps on `x0` (`[rows, seq]`), in chunks of
/// `batch_rows`, with the random numbers of `seed`.
pub fn estimate_bounds<D: TrainableDenoiser>(
    model: &VmdModel<D>,
    objective: &ObjectiveConfig,
    x0: &[u32],
    batch_rows: usize,
    seed: u64,
    device: &Device,
) -> Vec<BoundEstimate> {
    let estimate = Estimate { model, x0, batch_rows, seed, device };
    let has_free = model.posterior().is_some() && objective.latent_free_share > 0.0;
    let continuous = has_free.then(|| estimate.latent_free(&objective.certified(None)));
    let of_budget = |steps: Option<usize>| {
        let objective = objective.certified(steps);
        let latent_free =
            continuous.map(|continuous| LatentFree { bound: estimate.latent_free(&objective), continuous });
        BoundEstimate { steps, latent_free, ..estimate.bound(&objective) }
    };
    objective.budgets().into_iter().map(of_budget).collect()
}

/// Data and random numbers that every bound is estimated with.
struct Estimate<'a, D: TrainableDenoiser> {
    model: &'a VmdModel<D>,
    x0: &'a [u32],
    batch_rows: usize,
    seed: u64,
    device: &'a Device,
}

impl<D: TrainableDenoiser> Estimate<'_, D> {
    fn bound(&self, objective: &ObjectiveConfig) -> BoundEstimate {
        let model = self.model;
        let prior_options = LossOptions { latent_source: LatentSource::Prior, ..LossOptions::BOUND };
        let (mut recon, mut kl, mut recon_from_prior) = (0.0, 0.0, 0.0);
        let mut health = None;
        self.for_each_batch(objective, |batch, share| {
            let parts = loss(model, batch, LossOptions::BOUND, self.device);
            recon += share * scalar(&parts.recon);
            kl += share * parts.kl.as_ref().map_or(0.0, scalar);
            if let (Some(posterior), Some(z), Some(prior)) = (parts.posterior, parts.z, model.prior_network())
            {
                health.get_or_insert_with(|| {
                    let one_draw = z.narrow(0, 0, batch.rows());
                    let context = model.read(&batch.x0, self.device);
                    let before = context.map(|context| model.before_blocks(&context));
                    let shift = prior_shift(model, batch, before, 1, self.device);
                    let kl = prior.divergence(&posterior, &one_draw, shift.as_ref()).mean();
                    let one_draw: Vec<f32> = one_draw.into_data().iter::<f32>().collect();
                    LatentHealth::measure(&posterior.to_host(), &one_draw, scalar(&kl))
                });
                recon_from_prior += share * scalar(&loss(model, batch, prior_options, self.device).recon);
            }
        });
        let latent_gain = model.posterior().map(|_| recon_from_prior - recon);
        BoundEstimate { steps: None, bound: recon + kl, recon, kl, latent_gain, health, latent_free: None }
    }

    fn latent_free(&self, objective: &ObjectiveConfig) -> f64 {
        let options = LossOptions { latent_source: LatentSource::Absent, ..LossOptions::BOUND };
        let mut bound = 0.0;
        self.for_each_batch(objective, |batch, share| {
            bound += share * scalar(&loss(self.model, batch, options, self.device).recon);
        });
        bound
    }

    /// Calls `evaluate` with every chunk and its share of all rows.
    fn for_each_batch(&self, objective: &ObjectiveConfig, mut evaluate: impl FnMut(&TrainingBatch, f64)) {
        let seq = self.model.config().seq_len;
        for (chunk, tokens) in self.x0.chunks(self.batch_rows * seq).enumerate() {
            let batch = TrainingBatch::draw(tokens.to_vec(), self.model, objective, self.seed, chunk as u64);
            evaluate(&batch, tokens.len() as f64 / self.x0.len() as f64);
        }
    }
}

fn scalar(tensor: &burn::tensor::Tensor<1>) -> f64 {
    f64::from(tensor.clone().into_scalar::<f32>())
}
