//! Priors over independent groups or channels, with learned parameters shared by all tokens.

use std::sync::Arc;

use burn::module::{Module, Param};
use burn::tensor::{Tensor, activation::log_softmax};
use rand::Rng;
use vmd_core::{log_softmax as host_log_softmax, standard_normal};
use vmd_nn::ParameterInit;

use super::groups::Conditionals;
use super::host::{draw_class, log_normal as host_log_normal, push_one_hot};
use super::{DeviceKind, HostKind, LOGIT_SCALE, host};
use crate::LatentDistribution;
use crate::distribution::{LOG_VARIANCE_LIMIT, log_normal, sum_rows};

/// Class probabilities of every group. Clues shift the logits.
#[derive(Module, Debug)]
pub(super) struct GroupLogits {
    /// `[n_groups, n_classes]`.
    logits: Param<Tensor<2>>,
    #[module(skip)]
    n_latents: usize,
}

impl GroupLogits {
    /// Creates the prior, which starts uniform.
    pub(super) fn new(
        n_latents: usize,
        n_groups: usize,
        n_classes: usize,
        init: &mut ParameterInit<'_>,
    ) -> Self {
        Self { logits: init.constant([n_groups, n_classes], 0.0), n_latents }
    }
}

impl Conditionals for GroupLogits {
    fn log_probabilities(&self, _: &Tensor<3>, shift: Option<&Tensor<3>>) -> Tensor<4> {
        let [n_groups, n_classes] = self.logits.dims();
        let logits = (self.logits.val() * LOGIT_SCALE).unsqueeze::<4>();
        let logits = match shift {
            None => logits,
            Some(shift) => {
                let [batch, n_latents, _] = shift.dims();
                logits + shift.clone().reshape([batch, n_latents, n_groups, n_classes])
            }
        };
        log_softmax(logits, 3)
    }

    fn on_host(&self) -> Arc<dyn HostKind> {
        Arc::new(HostLogits {
            logits: host(self.logits.val() * LOGIT_SCALE),
            n_classes: self.logits.dims()[1],
            n_latents: self.n_latents,
        })
    }
}

#[derive(Debug)]
struct HostLogits {
    /// `[n_groups, n_classes]`.
    logits: Vec<f64>,
    n_classes: usize,
    n_latents: usize,
}

impl HostLogits {
    /// Calls `visit` with the index of every group of a row and `ln p` of its classes.
    fn for_each_group(&self, shift: &[f64], mut visit: impl FnMut(usize, &[f64])) {
        let groups = self.logits.chunks_exact(self.n_classes);
        let n_groups = self.n_latents * groups.len();
        for (group, own) in groups.cycle().take(n_groups).enumerate() {
            let mut log_p = own.to_vec();
            let shift = shift.get(group * self.n_classes..).unwrap_or_default();
            log_p.iter_mut().zip(shift).for_each(|(logit, shift)| *logit += shift);
            host_log_softmax(&mut log_p);
            visit(group, &log_p);
        }
    }
}

impl HostKind for HostLogits {
    fn log_density(&self, z: &[f32], shift: &[f64]) -> f64 {
        let mut total = 0.0;
        self.for_each_group(shift, |group, log_p| {
            let z = &z[group * self.n_classes..];
            total += log_p.iter().zip(z).filter(|(_, z)| **z > 0.5).map(|(log_p, _)| log_p).sum::<f64>();
        });
        total
    }

    fn sample_into(&self, shift: &[f64], rng: &mut dyn Rng, values: &mut Vec<f32>) {
        self.for_each_group(shift, |_, log_p| push_one_hot(draw_class(log_p, rng), self.n_classes, values));
    }
}

/// Mean and variance of every channel. Clues shift the means and the logarithms of the variances.
#[derive(Module, Debug)]
pub(super) struct ChannelNormals {
    /// `[dim]`.
    mean: Param<Tensor<1>>,
    /// `[dim]`.
    log_variance: Param<Tensor<1>>,
    #[module(skip)]
    n_latents: usize,
}

impl ChannelNormals {
    /// Creates the prior, which starts as `N(0, I)`.
    pub(super) fn new(dim: usize, n_latents: usize, init: &mut ParameterInit<'_>) -> Self {
        Self { mean: init.constant([dim], 0.0), log_variance: init.constant([dim], 0.0), n_latents }
    }

    /// Returns the means and the logarithms of the variances, `[1 | batch, 1 | n_latents, dim]`
    /// each.
    fn parameters(&self, shift: Option<&Tensor<3>>) -> (Tensor<3>, Tensor<3>) {
        let (mut mean, mut log_variance) =
            (self.mean.val().unsqueeze::<3>(), self.log_variance.val().unsqueeze::<3>());
        if let Some(shift) = shift {
            let halves = shift.clone().chunk(2, 2);
            mean = mean + halves[0].clone();
            log_variance = log_variance + halves[1].clone();
        }
        (mean, log_variance.clamp(-LOG_VARIANCE_LIMIT, LOG_VARIANCE_LIMIT))
    }
}

impl DeviceKind for ChannelNormals {
    fn log_density(&self, z: &Tensor<3>, shift: Option<&Tensor<3>>) -> Tensor<1> {
        let (mean, log_variance) = self.parameters(shift);
        sum_rows(log_normal(z.clone() - mean, log_variance))
    }

    /// Returns `½((μ − m)²/s² + σ²/s² − ln σ² + ln s² − 1)`, summed over channels.
    fn divergence(&self, q: &LatentDistribution, _: &Tensor<3>, shift: Option<&Tensor<3>>) -> Tensor<1> {
        let (mean, log_variance) = self.parameters(shift);
        let (q_mean, q_log_variance) = q.moments();
        let distance = q_mean - mean;
        let log_ratio = q_log_variance - log_variance.clone();
        let squares = distance.clone() * distance * (-log_variance).exp() + log_ratio.clone().exp();
        sum_rows((squares - log_ratio - 1.0) * 0.5)
    }

    fn to_host(&self) -> Arc<dyn HostKind> {
        Arc::new(HostNormals {
            mean: host(self.mean.val()),
            log_variance: host(self.log_variance.val()),
            n_latents: self.n_latents,
        })
    }
}

#[derive(Debug)]
struct HostNormals {
    mean: Vec<f64>,
    log_variance: Vec<f64>,
    n_latents: usize,
}

impl HostNormals {
    /// Returns mean and logarithm of the variance of every value of a row.
    fn parameters(&self, shift: &[f64]) -> impl Iterator<Item = (f64, f64)> {
        let dim = self.mean.len();
        (0..self.n_latents * dim).map(move |i| {
            let (latent, channel) = (i / dim, i % dim);
            let of =
                |half: usize| shift.get((2 * latent + half) * dim + channel).copied().unwrap_or_default();
            let log_variance = self.log_variance[channel] + of(1);
            (self.mean[channel] + of(0), log_variance.clamp(-LOG_VARIANCE_LIMIT, LOG_VARIANCE_LIMIT))
        })
    }
}

impl HostKind for HostNormals {
    fn log_density(&self, z: &[f32], shift: &[f64]) -> f64 {
        let term = |(&z, (mean, log_variance)): (&f32, (f64, f64))| {
            host_log_normal(f64::from(z) - mean, log_variance)
        };
        z.iter().zip(self.parameters(shift)).map(term).sum()
    }

    fn sample_into(&self, shift: &[f64], rng: &mut dyn Rng, values: &mut Vec<f32>) {
        let draw = |(mean, log_variance): (f64, f64)| {
            (mean + (0.5 * log_variance).exp() * standard_normal(rng)) as f32
        };
        values.extend(self.parameters(shift).map(draw));
    }
}
