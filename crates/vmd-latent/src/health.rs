//! Diagnostics of a latent.

use serde::{Deserialize, Serialize};
use vmd_core::log_mean_exp;

/// A unit is active if the variance of its posterior mean over the data exceeds this value (arXiv
/// 1509.00519).
const ACTIVE_VARIANCE: f64 = 0.01;

/// Posterior parameters of several sequences on the host.
#[derive(Debug, Clone, PartialEq)]
pub enum HostPosterior {
    /// Independent normals, `[rows, row_len]`.
    Gaussian {
        /// Means.
        mean: Vec<f64>,
        /// Logarithms of the variances.
        log_variance: Vec<f64>,
        /// Values per row.
        row_len: usize,
    },
    /// Independent categoricals, `[rows, n_groups, n_classes]`.
    Categorical {
        /// Normalised log-probabilities.
        log_probabilities: Vec<f64>,
        /// Groups per row.
        n_groups: usize,
        /// Classes per group.
        n_classes: usize,
    },
}

/// Diagnostics of a latent over a set of sequences.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LatentHealth {
    /// Mean `KL(q(z|x) ‖ p(z))`, nats per sequence.
    pub kl: f64,
    /// Number of units with `Var_x E_q[z|x] > 0.01`.
    pub active_units: usize,
    /// Total number of units.
    pub n_units: usize,
    /// `I_q(x; z)` in nats, estimated with the aggregate posterior of the `n` given sequences; at
    /// most `ln n`.
    pub mutual_information: f64,
}

impl LatentHealth {
    /// Computes the diagnostics of `posterior`, given draws `z`, `[rows, row_len]` in the
    /// denoiser's format, and its mean KL to the prior `kl` in nats.
    pub fn measure(posterior: &HostPosterior, z: &[f32], kl: f64) -> Self {
        Self {
            kl,
            active_units: posterior.variances().iter().filter(|&&v| v > ACTIVE_VARIANCE).count(),
            n_units: posterior.variances().len(),
            mutual_information: posterior.mutual_information(z),
        }
    }
}

impl HostPosterior {
    /// Returns the number of sequences.
    pub fn n_rows(&self) -> usize {
        match self {
            Self::Gaussian { mean, row_len, .. } => mean.len() / row_len,
            Self::Categorical { log_probabilities, n_groups, n_classes } => {
                log_probabilities.len() / (n_groups * n_classes)
            }
        }
    }

    /// Returns `ln q(z | x_row)` at `z`, one row in the denoiser's format.
    pub fn log_density(&self, row: usize, z: &[f32]) -> f64 {
        match self {
            Self::Gaussian { mean, log_variance, row_len } => (0..*row_len)
                .map(|i| {
                    let (mean, log_variance) = (mean[row * row_len + i], log_variance[row * row_len + i]);
                    let distance = f64::from(z[i]) - mean;
                    -0.5 * (distance * distance * (-log_variance).exp()
                        + log_variance
                        + std::f64::consts::TAU.ln())
                })
                .sum(),
            Self::Categorical { log_probabilities, n_groups, n_classes } => {
                let row_len = n_groups * n_classes;
                (0..row_len).filter(|&i| z[i] > 0.5).map(|i| log_probabilities[row * row_len + i]).sum()
            }
        }
    }

    /// Returns the variance over rows of every unit's posterior mean; for a categorical group,
    /// summed over its classes.
    fn variances(&self) -> Vec<f64> {
        let (values, per_unit): (Vec<f64>, usize) = match self {
            Self::Gaussian { mean, .. } => (mean.clone(), 1),
            Self::Categorical { log_probabilities, n_classes, .. } => {
                (log_probabilities.iter().map(|lp| lp.exp()).collect(), *n_classes)
            }
        };
        let (rows, row_len) = (self.n_rows(), values.len() / self.n_rows());
        let variance = |i: usize| {
            let mean = (0..rows).map(|row| values[row * row_len + i]).sum::<f64>() / rows as f64;
            (0..rows).map(|row| (values[row * row_len + i] - mean).powi(2)).sum::<f64>() / rows as f64
        };
        (0..row_len / per_unit)
            .map(|unit| (0..per_unit).map(|k| variance(unit * per_unit + k)).sum())
            .collect()
    }

    fn mutual_information(&self, z: &[f32]) -> f64 {
        let rows = self.n_rows();
        let row_len = z.len() / rows;
        let total: f64 = z
            .chunks_exact(row_len)
            .enumerate()
            .map(|(i, z)| {
                let densities: Vec<f64> = (0..rows).map(|j| self.log_density(j, z)).collect();
                densities[i] - log_mean_exp(&densities)
            })
            .sum();
        total / rows as f64
    }
}
