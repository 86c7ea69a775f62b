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
    /// `KL(q ‖ p)` in nats, apart for every unit: `[batch, n_latents, n_units]`.
    ///
    /// The prior is the standard one, or the categorical one of `log_prior` (`[batch, n_latents, n_groups, n_classes]`).
    /// Gaussian: `½(μ² + σ² − ln σ² − 1)`. Categorical: `Σ_k q_k (ln q_k − ln p_k)`. Where `log_prior` depends on a draw
    /// `z ~ q` through the groups before each, this is the KL's unbiased estimate from that draw.
    pub fn kl_per_unit(&self, log_prior: Option<&Tensor<4>>) -> Tensor<3> {
        match self {
            Self::Gaussian { mean, log_variance } => {
                let squares = mean.clone() * mean.clone() + log_variance.clone().exp();
                (squares - log_variance.clone() - 1.0) * 0.5
            }
            Self::Categorical { log_probabilities, .. } => {
                let [_, _, _, n_classes] = log_probabilities.dims();
                let log_ratio = match log_prior {
                    Some(log_prior) => log_probabilities.clone() - log_prior.clone(),
                    None => log_probabilities.clone() + (n_classes as f64).ln(),
                };
                (log_probabilities.clone().exp() * log_ratio).sum_dim(3).squeeze_dim::<3>(3)
            }
        }
    }

    /// `KL(q ‖ p)` in nats, `[batch]`, each unit counted as at least `free_nats`.
    pub fn kl(&self, free_nats: f64, log_prior: Option<&Tensor<4>>) -> Tensor<1> {
        let per_unit = self.kl_per_unit(log_prior);
        let per_unit = if free_nats > 0.0 { per_unit.clamp_min(free_nats) } else { per_unit };
        let [batch, n_latents, n_units] = per_unit.dims();
        per_unit.reshape([batch, n_latents * n_units]).sum_dim(1).squeeze_dim(1)
    }

    /// A draw, `[batch, n_latents, channels]`, from host-drawn `noise` of the same shape.
    ///
    /// Gaussian: `μ + σ·noise`, with its gradient. Categorical: an exact one-hot draw (Gumbel-max); with
    /// `straight_through` its gradient is that of the relaxed draw (arXiv 1611.01144), otherwise it has none.
    pub fn sample(&self, noise: Tensor<3>, straight_through: bool) -> Tensor<3> {
        match self {
            Self::Gaussian { mean, log_variance } => {
                mean.clone() + (log_variance.clone() * 0.5).exp() * noise
            }
            Self::Categorical { log_probabilities, temperature } => {
                let [batch, n_latents, n_groups, n_classes] = log_probabilities.dims();
                let scores = log_probabilities.clone() + noise.reshape(log_probabilities.dims());
                let mut z = one_hot_of_largest(scores.clone().detach());
                if straight_through {
                    let soft = softmax(scores / *temperature, 3);
                    z = soft.clone() + (z - soft.detach());
                }
                z.reshape([batch, n_latents, n_groups * n_classes])
            }
        }
    }

    /// The same distributions as constants.
    pub fn detach(&self) -> Self {
        match self.clone() {
            Self::Gaussian { mean, log_variance } => {
                Self::Gaussian { mean: mean.detach(), log_variance: log_variance.detach() }
            }
            Self::Categorical { log_probabilities, temperature } => {
                Self::Categorical { log_probabilities: log_probabilities.detach(), temperature }
            }
        }
    }

    /// The same distributions `times` times over, as one larger batch.
    pub fn repeat(&self, times: usize) -> Self {
        match self {
            Self::Gaussian { mean, log_variance } => Self::Gaussian {
                mean: mean.clone().repeat_dim(0, times),
                log_variance: log_variance.clone().repeat_dim(0, times),
            },
            Self::Categorical { log_probabilities, temperature } => Self::Categorical {
                log_probabilities: log_probabilities.clone().repeat_dim(0, times),
                temperature: *temperature,
            },
        }
    }

    /// `ln q(z)` of one-hot draws of a categorical latent, `[batch]`; `None` for a Gaussian.
    pub fn log_mass(&self, z: Tensor<3>) -> Option<Tensor<1>> {
        let Self::Categorical { log_probabilities, .. } = self else { return None };
        let [batch, n_latents, n_groups, n_classes] = log_probabilities.dims();
        let flat = log_probabilities.clone().reshape([batch, n_latents, n_groups * n_classes]);
        Some((flat * z).reshape([batch, n_latents * n_groups * n_classes]).sum_dim(1).squeeze_dim(1))
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
