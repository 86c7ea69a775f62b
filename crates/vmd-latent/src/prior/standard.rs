//! The standard prior: `N(0, I)`, or uniform over classes.

use std::sync::Arc;

use burn::tensor::Tensor;
use rand::{Rng, RngExt};
use vmd_core::standard_normal;

use super::host::push_one_hot;
use super::{DeviceKind, HostKind};
use crate::distribution::{LN_TAU, sum_rows};
use crate::{LatentDistribution, LatentFamily};

/// The standard prior, which has no parameters.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standard {
    family: LatentFamily,
    pub(super) n_latents: usize,
}

impl Standard {
    pub(super) fn new(family: LatentFamily, n_latents: usize) -> Self {
        Self { family, n_latents }
    }
}

impl DeviceKind for Standard {
    fn log_density(&self, z: &Tensor<3>, _: Option<&Tensor<3>>) -> Tensor<1> {
        match self.family {
            LatentFamily::Gaussian { .. } => sum_rows((z.clone() * z.clone() + LN_TAU) * -0.5),
            // One class per group is 1.
            LatentFamily::Categorical { n_classes, .. } => sum_rows(z.clone() * -(n_classes as f64).ln()),
        }
    }

    fn divergence(&self, q: &LatentDistribution, _: &Tensor<3>, _: Option<&Tensor<3>>) -> Tensor<1> {
        q.divergence_from_standard()
    }

    fn to_host(&self) -> Arc<dyn HostKind> {
        Arc::new(*self)
    }
}

impl HostKind for Standard {
    fn log_density(&self, z: &[f32], _: &[f64]) -> f64 {
        match self.family {
            LatentFamily::Gaussian { .. } => z.iter().map(|&z| -0.5 * (f64::from(z).powi(2) + LN_TAU)).sum(),
            LatentFamily::Categorical { n_classes, .. } => {
                -((z.len() / n_classes) as f64) * (n_classes as f64).ln()
            }
        }
    }

    fn sample_into(&self, _: &[f64], rng: &mut dyn Rng, values: &mut Vec<f32>) {
        match self.family {
            LatentFamily::Gaussian { dim } => {
                values.extend((0..self.n_latents * dim).map(|_| standard_normal(rng) as f32));
            }
            LatentFamily::Categorical { n_groups, n_classes, .. } => {
                for _ in 0..self.n_latents * n_groups {
                    let class = rng.random_range(0..n_classes);
                    push_one_hot(class, n_classes, values);
                }
            }
        }
    }
}
