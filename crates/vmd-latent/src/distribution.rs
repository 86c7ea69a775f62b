//! Posterior distributions over `z`.

use burn::tensor::{Tensor, activation::softmax};

use crate::HostPosterior;

/// `ln 2π`.
pub(crate) const LN_TAU: f64 = 1.837_877_066_409_345_3;

/// Bound on `|ln σ²|`: a standard deviation lies within `e^±5`, so that no KL overflows.
pub(crate) const LOG_VARIANCE_LIMIT: f64 = 10.0;

/// A posterior `q(z | ·)` for each row of a batch.
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
    },
}

impl LatentDistribution {
    /// Returns `KL(q ‖ p)` in nats to the standard prior `p`, `[batch]`.
    ///
    /// Gaussian: `Σ ½(μ² + σ² − ln σ² − 1)`. Categorical: `Σ_k q_k (ln q_k + ln n_classes)`,
    /// summed over groups.
    pub fn divergence_from_standard(&self) -> Tensor<1> {
        let per_unit = match self {
            Self::Gaussian { mean, log_variance } => {
                let squares = mean.clone() * mean.clone() + log_variance.clone().exp();
                (squares - log_variance.clone() - 1.0) * 0.5
            }
            Self::Categorical { log_probabilities } => {
                let [_, _, _, n_classes] = log_probabilities.dims();
                let log_ratio = log_probabilities.clone() + (n_classes as f64).ln();
                (log_probabilities.clone().exp() * log_ratio).sum_dim(3).squeeze_dim::<3>(3)
            }
        };
        sum_rows(per_unit)
    }

    /// Returns `ln q(z)` in nats, `[batch]`, for `z` of `[batch, n_latents, channels]`: a density
    /// for a Gaussian latent, the probability of one-hot draws for a categorical one.
    pub fn log_density(&self, z: Tensor<3>) -> Tensor<1> {
        match self {
            Self::Gaussian { mean, log_variance } => {
                sum_rows(log_normal(z - mean.clone(), log_variance.clone()))
            }
            Self::Categorical { log_probabilities } => {
                sum_rows(log_probabilities.clone() * z.reshape(log_probabilities.dims()))
            }
        }
    }

    /// Returns the means and the logarithms of the variances. Panics for a categorical.
    pub(crate) fn moments(&self) -> (Tensor<3>, Tensor<3>) {
        match self.clone() {
            Self::Gaussian { mean, log_variance } => (mean, log_variance),
            Self::Categorical { .. } => panic!("a Gaussian prior goes with a Gaussian posterior"),
        }
    }

    /// Returns `ln q` of all classes. Panics for a Gaussian.
    pub(crate) fn log_probabilities(&self) -> Tensor<4> {
        match self.clone() {
            Self::Categorical { log_probabilities } => log_probabilities,
            Self::Gaussian { .. } => panic!("a categorical prior goes with a categorical posterior"),
        }
    }

    /// Returns a draw, `[batch, n_latents, channels]`, from host-drawn `noise` of the same shape.
    ///
    /// Gaussian: `μ + σ·noise`, differentiable. Categorical: an exact one-hot draw (Gumbel-max).
    /// With `straight_through`, its gradient is that of the relaxed draw (arXiv 1611.01144);
    /// otherwise it has no gradient.
    pub fn sample(&self, noise: Tensor<3>, straight_through: bool) -> Tensor<3> {
        match self {
            Self::Gaussian { mean, log_variance } => {
                mean.clone() + (log_variance.clone() * 0.5).exp() * noise
            }
            Self::Categorical { log_probabilities } => {
                let [batch, n_latents, n_groups, n_classes] = log_probabilities.dims();
                let scores = log_probabilities.clone() + noise.reshape(log_probabilities.dims());
                let mut z = one_hot_of_largest(scores.clone().detach());
                if straight_through {
                    let soft = softmax(scores, 3);
                    z = soft.clone() + (z - soft.detach());
                }
                z.reshape([batch, n_latents, n_groups * n_classes])
            }
        }
    }

    /// Detaches the parameters from the autodiff graph.
    pub fn detach(&self) -> Self {
        match self.clone() {
            Self::Gaussian { mean, log_variance } => {
                Self::Gaussian { mean: mean.detach(), log_variance: log_variance.detach() }
            }
            Self::Categorical { log_probabilities } => {
                Self::Categorical { log_probabilities: log_probabilities.detach() }
            }
        }
    }

    /// Repeats the batch `times` times.
    pub fn repeat(&self, times: usize) -> Self {
        match self {
            Self::Gaussian { mean, log_variance } => Self::Gaussian {
                mean: mean.clone().repeat_dim(0, times),
                log_variance: log_variance.clone().repeat_dim(0, times),
            },
            Self::Categorical { log_probabilities } => {
                Self::Categorical { log_probabilities: log_probabilities.clone().repeat_dim(0, times) }
            }
        }
    }

    /// Copies the parameters to the host in double precision, for diagnostics.
    pub fn to_host(&self) -> HostPosterior {
        let host = |values: burn::tensor::TensorData| -> Vec<f64> { values.iter::<f64>().collect() };
        match self {
            Self::Gaussian { mean, log_variance } => HostPosterior::Gaussian {
                mean: host(mean.to_data()),
                log_variance: host(log_variance.to_data()),
                row_len: mean.dims()[1] * mean.dims()[2],
            },
            Self::Categorical { log_probabilities } => {
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

/// Returns `ln N(distance; 0, e^{log_variance})` element-wise.
pub(crate) fn log_normal(distance: Tensor<3>, log_variance: Tensor<3>) -> Tensor<3> {
    let squares = distance.clone() * distance * (-log_variance.clone()).exp();
    (squares + log_variance + LN_TAU) * -0.5
}

/// Sums over all dimensions but the first, `[batch]`.
pub(crate) fn sum_rows<const D: usize>(values: Tensor<D>) -> Tensor<1> {
    values.flatten::<2>(1, D - 1).sum_dim(1).squeeze_dim(1)
}

fn one_hot_of_largest(scores: Tensor<4>) -> Tensor<4> {
    let [_, _, _, n_classes] = scores.dims();
    scores.argmax(3).squeeze_dim::<3>(3).one_hot::<4>(n_classes).float()
}
