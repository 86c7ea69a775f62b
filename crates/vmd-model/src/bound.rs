//! Bounds on held-out data, with diagnostics of the latent.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};
use vmd_latent::LatentHealth;

use crate::loss::prior_shift;
use crate::{LatentSource, LossOptions, ObjectiveConfig, TrainableDenoiser, TrainingBatch, VmdModel, loss};

/// A latent gain below this share of the reconstruction term counts as collapsed.
const COLLAPSE_SHARE: f64 = 0.01;

/// A bound in nats per sequence, and the contribution of the latent to it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BoundEstimate {
    /// Number of steps of the sampler that the bound holds for; absent in continuous time.
    pub steps: Option<usize>,
    /// `recon + kl` with KL weight 1 and no free nats.
    pub bound: f64,
    /// Reconstruction part.
    pub recon: f64,
    /// KL part, with its multiplier.
    pub kl: f64,
    /// Reconstruction with `z ~ p` minus the one with `z ~ q`, nats; absent without a latent.
    pub latent_gain: Option<f64>,
    /// Diagnostics of the latent on the first chunk of sequences; absent without a latent.
    pub health: Option<LatentHealth>,
    /// Bounds of the same network without its latent; absent unless a share of the batches is
    /// trained without it.
    pub latent_free: Option<LatentFree>,
}

/// Bounds of a network without its latent, nats per sequence.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LatentFree {
    /// With the same number of steps.
    pub bound: f64,
    /// In continuous time, where tokens appear one at a time. An upper estimate of the entropy of
    /// the data.
    pub continuous: f64,
}

impl BoundEstimate {
    /// Whether the latent gain is below 1 % of the reconstruction term.
    pub fn is_collapsed(&self) -> bool {
        self.latent_gain.is_some_and(|gain| gain < COLLAPSE_SHARE * self.recon)
    }

    /// Nats that a latent can save at most with this number of steps, at least 0.
    pub fn latent_headroom(&self) -> Option<f64> {
        self.latent_free.map(|free| (free.bound - free.continuous).max(0.0))
    }

    /// Nats that the latent saves; negative if it costs more than it saves.
    pub fn latent_savings(&self) -> Option<f64> {
        self.latent_free.map(|free| free.bound - self.bound)
    }
}

/// Estimates the bound of `objective` on `x0` (`[rows, seq]`) for each number of steps, in chunks
/// of `batch_rows`, with the random numbers of `seed`.
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

/// Data and random numbers shared by all bounds.
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

    /// Calls `evaluate` with each chunk and its share of all rows.
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
