//! The posterior's distribution over `z`.

use burn::tensor::{Tensor, activation::softmax};

use crate::HostPosterior;

/// `q(z | ·)` for a batch.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "one value a batch, and both variants hold handles only")]
pub enum LatentDistribution {
    /// Independent normals.
    Gaussian {
        /// `[batch, n_latents, dim]`.
        mean: Tensor<3>,
        /// `[batch, n_latents, dim]`.
        log_variance: Tensor<3>,
    },
    /// Independent categoricals.
    Categorical {
        /// Normalised, `[batch, n_latents, n_groups, n_classes]`.
        log_probabilities: Tensor<4>,
        /// Temperature of the relaxed draw.
        temperature: f64,
    },
}

impl LatentDistribution {
    /// `KL(q ‖ p)` in nats to the standard prior, apart for every unit: `[batch, n_latents, n_units]`.
    ///
    /// Gaussian: `½(μ² + σ² − ln σ² − 1)`. Categorical: `Σ_k q_k ln q_k + ln n_classes`.
    pub fn kl_per_unit(&self) -> Tensor<3> {
        match self {
            Self::Gaussian { mean, log_variance } => {
                let squares = mean.clone() * mean.clone() + log_variance.clone().exp();
                (squares - log_variance.clone() - 1.0) * 0.5
            }
            Self::Categorical { log_probabilities, .. } => {
                let [_, _, _, n_classes] = log_probabilities.dims();
                let negative_entropy = log_probabilities.clone().exp() * log_probabilities.clone();
                negative_entropy.sum_dim(3).squeeze_dim::<3>(3) + (n_classes as f64).ln()
            }
        }
    }

    /// `KL(q ‖ p)` in nats, `[batch]`, each unit counted as at least `free_nats`.
    pub fn kl(&self, free_nats: f64) -> Tensor<1> {
        let per_unit = self.kl_per_unit();
        let per_unit = if free_nats > 0.0 { per_unit.clamp_min(free_nats) } else { per_unit };
        let [batch, n_latents, n_units] = per_unit.dims();
        per_unit.reshape([batch, n_latents * n_units]).sum_dim(1).squeeze_dim(1)
    }

    /// A reparametrised draw, `[batch, n_latents, channels]`, from host-drawn `noise` of the same shape.
    ///
    /// Gaussian: `μ + σ·noise`. Categorical: straight-through Gumbel-softmax (arXiv 1611.01144): the value is
    /// an exact one-hot draw, the gradient that of the relaxed one.
    pub fn sample(&self, noise: Tensor<3>) -> Tensor<3> {
        match self {
            Self::Gaussian { mean, log_variance } => {
                mean.clone() + (log_variance.clone() * 0.5).exp() * noise
            }
            Self::Categorical { log_probabilities, temperature } => {
                let [batch, n_latents, n_groups, n_classes] = log_probabilities.dims();
                let scores = log_probabilities.clone() + noise.reshape(log_probabilities.dims());
                let hard = one_hot_of_largest(scores.clone().detach());
                let soft = softmax(scores / *temperature, 3);
                let straight_through = soft.clone() + (hard - soft.detach());
                straight_through.reshape([batch, n_latents, n_groups * n_classes])
            }
        }
    }

    /// The distribution's parameters on the host, in double precision, for diagnostics.
    pub fn to_host(&self) -> HostPosterior {
        let host = |values: burn::tensor::TensorData| -> Vec<f64> { values.iter::<f64>().collect() };
        match self {
            Self::Gaussian { mean, log_variance } => HostPosterior::Gaussian {
                mean: host(mean.to_data()),
                log_variance: host(log_variance.to_data()),
                row_len: mean.dims()[1] * mean.dims()[2],
            },
            Self::Categorical { log_probabilities, .. } => {
                let [_, n_latents, n_groups, n_classes] = log_probabilities.dims();
                HostPosterior::Categorical {
                    log_probabilities: host(log_probabilities.to_data()),
                    n_groups: n_latents * n_groups,
                    n_classes,
                }
            }
        }
    }
}

fn one_hot_of_largest(scores: Tensor<4>) -> Tensor<4> {
    let [_, _, _, n_classes] = scores.dims();
    scores.argmax(3).squeeze_dim::<3>(3).one_hot::<4>(n_classes).float()
}
