//! The reconstruction term.

use burn::tensor::{Device, Tensor, TensorData};
use vmd_denoiser::{Context, DenoiserInput};

use super::{TrainedLoops, upload};
use crate::model::upload_tokens;
use crate::{TrainableDenoiser, TrainingBatch, VmdModel};

/// The reconstruction term of each row, `[draws · rows]`.
pub(super) struct Reconstruction {
    /// After the last loop.
    pub(super) last: Tensor<1>,
    /// Mean over the earlier tracked loops, and its weight in the training loss.
    early: Option<(Tensor<1>, f64)>,
}

impl Reconstruction {
    /// The part of the training loss.
    pub(super) fn descended(&self) -> Tensor<1> {
        match &self.early {
            Some((early, share)) => self.last.clone() * (1.0 - share) + early.clone() * *share,
            None => self.last.clone(),
        }
    }
}

/// The reconstruction for latents `z` (`[draws · rows, n_latents, channels]`) and the context of a
/// causal model.
pub(super) fn of<D: TrainableDenoiser>(
    model: &VmdModel<D>,
    batch: &TrainingBatch,
    (z, context): (Option<Tensor<3>>, Option<Context>),
    trained: Option<TrainedLoops>,
    device: &Device,
) -> Reconstruction {
    let n_draws = z.as_ref().map_or(1, |z| z.dims()[0] / batch.rows());
    let input = input(batch, (z, context), n_draws, device);
    let mut logits = logits(model, batch, input, n_draws, trained);
    let tokens = |tokens: &[u32]| upload_tokens(tokens, batch.seq, device).repeat_dim(0, n_draws);
    let (x0, loss_mask) = (tokens(&batch.x0), tokens(&batch.loss_mask));
    let weight = upload(&batch.recon_weight, device).repeat_dim(0, n_draws);
    let of = |logits| {
        let nll = vmd_kernels::masked_nll(logits, x0.clone(), loss_mask.clone());
        nll.sum_dim(1).squeeze_dim::<1>(1) * weight.clone()
    };
    let last = logits.pop().expect("a network has at least one loop");
    let n_early = logits.len() as f64;
    let early = logits.into_iter().map(of).reduce(|sum, nll| sum + nll).map(|sum| sum / n_early);
    let share = trained.map_or(0.0, |trained| trained.early_share);
    Reconstruction { last: of(last), early: early.map(|early| (early, share)) }
}

/// Input of the network, repeated for each draw of the latent.
fn input(
    batch: &TrainingBatch,
    (z, context): (Option<Tensor<3>>, Option<Context>),
    n_draws: usize,
    device: &Device,
) -> DenoiserInput {
    let values = |values: &[f64]| upload(values, device).repeat_dim(0, n_draws);
    DenoiserInput {
        xt: upload_tokens(&batch.xt, batch.seq, device).repeat_dim(0, n_draws),
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
    }
}

/// Logits after each tracked loop. The parent head is added to the last ones.
fn logits<D: TrainableDenoiser>(
    model: &VmdModel<D>,
    batch: &TrainingBatch,
    input: DenoiserInput,
    n_draws: usize,
    trained: Option<TrainedLoops>,
) -> Vec<Tensor<3>> {
    let denoiser = model.denoiser();
    let (mut logits, features) = match trained {
        Some(trained) => denoiser.logits_of_loops(input, trained.loops),
        None => {
            let (logits, features) = denoiser.logits_and_features(input);
            (vec![logits], features)
        }
    };
    if let (Some(head), Some(features)) = (denoiser.parent_head(), features) {
        let last = logits.pop().expect("a network has at least one loop");
        let (given, order) = (batch.given.repeat(n_draws), batch.reveal_order.repeat(n_draws));
        logits.push(last + head.forward(features, &given, &order));
    }
    logits
}

/// `1/T` per row, 0 in continuous time: the budget input of the network.
fn inverse_steps(steps: &[Option<usize>]) -> Vec<f64> {
    steps.iter().map(|steps| steps.map_or(0.0, |steps| 1.0 / steps as f64)).collect()
}
