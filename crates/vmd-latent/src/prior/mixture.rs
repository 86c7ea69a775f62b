//! Mixture priors `p(z) = Σ_k w_k p_k(z)`, whose components are distributions over all latents of
//! a row.

use std::sync::Arc;

use burn::module::{Module, Param};
use burn::tensor::{Tensor, activation::log_softmax};
use rand::Rng;
use vmd_core::{log_softmax as host_log_softmax, log_sum_exp, standard_normal};
use vmd_nn::ParameterInit;

use super::host::{draw_class, log_normal as host_log_normal, push_one_hot};
use super::{DeviceKind, HostKind, LOGIT_SCALE, host};
use crate::distribution::{LOG_VARIANCE_LIMIT, log_normal};

/// Standard deviation of the initial logits of categorical components before multiplication by
/// `LOGIT_SCALE`; 1 nat after it.
const LOGIT_SPREAD: f64 = 0.1;

/// Weights of the components.
#[derive(Module, Debug)]
struct Weights {
    /// `[components]`.
    logits: Param<Tensor<1>>,
}

impl Weights {
    fn new(components: usize, init: &mut ParameterInit<'_>) -> Self {
        Self { logits: init.constant([components], 0.0) }
    }

    /// Returns `ln Σ_k w_k p_k`, `[batch]`, given `ln p_k` of `[batch, components]` and the terms
    /// that clues add to the logits of the weights.
    fn mix(&self, log_components: Tensor<2>, shift: Option<Tensor<2>>) -> Tensor<1> {
        let mut logits = (self.logits.val() * LOGIT_SCALE).unsqueeze::<2>();
        if let Some(shift) = shift {
            logits = logits + shift;
        }
        let terms = log_softmax(logits, 1) + log_components;
        let largest = terms.clone().detach().max_dim(1);
        let total = (terms - largest.clone()).exp().sum_dim(1).log() + largest;
        total.squeeze_dim::<1>(1)
    }

    /// Splits a shift into the terms of the weights, `[1 | batch, components]`, summed over
    /// tokens, and those of the components' parameters, `[1 | batch, components, row_len]`.
    fn split(&self, shift: Option<&Tensor<3>>) -> (Option<Tensor<2>>, Option<Tensor<3>>) {
        let Some(shift) = shift else { return (None, None) };
        let ([batch, n_latents, n_shifts], [components]) = (shift.dims(), self.logits.dims());
        let weights = shift.clone().narrow(2, 0, components).sum_dim(1).squeeze_dim(1);
        let channels = n_shifts / components - 1;
        let own = shift
            .clone()
            .narrow(2, components, components * channels)
            .reshape([batch, n_latents, components, channels])
            .swap_dims(1, 2)
            .reshape([batch, components, n_latents * channels]);
        (Some(weights), Some(own))
    }

    fn to_host(&self) -> HostWeights {
        HostWeights { logits: host(self.logits.val() * LOGIT_SCALE) }
    }
}

/// Weights of the components on the host.
#[derive(Debug)]
struct HostWeights {
    logits: Vec<f64>,
}

impl HostWeights {
    /// Returns `ln w`, and the terms that clues add to the parameters of every component; empty
    /// without clues.
    fn given(&self, shift: &[f64], row_len: usize) -> (Vec<f64>, Vec<Vec<f64>>) {
        let components = self.logits.len();
        let (mut log_weights, mut own) = (self.logits.clone(), vec![Vec::new(); components]);
        if !shift.is_empty() {
            let n_latents = (shift.len() - components * row_len) / components;
            for latent in shift.chunks_exact(shift.len() / n_latents) {
                let (to_weights, rest) = latent.split_at(components);
                log_weights.iter_mut().zip(to_weights).for_each(|(weight, shift)| *weight += shift);
                for (own, shift) in own.iter_mut().zip(rest.chunks_exact(row_len / n_latents)) {
                    own.extend_from_slice(shift);
                }
            }
        }
        host_log_softmax(&mut log_weights);
        (log_weights, own)
    }
}

/// Returns the sum of `values` and `shift`, which may be empty.
fn shifted(values: &[f64], shift: &[f64]) -> Vec<f64> {
    let shift = shift.iter().copied().chain(std::iter::repeat(0.0));
    values.iter().zip(shift).map(|(value, shift)| value + shift).collect()
}

/// Mixture of diagonal normals. Clues shift weights and means.
#[derive(Module, Debug)]
pub(super) struct NormalMixture {
    weights: Weights,
    /// `[components, row_len]`.
    mean: Param<Tensor<2>>,
    /// `[components, row_len]`.
    log_variance: Param<Tensor<2>>,
}

impl NormalMixture {
    /// Creates the prior. The means start with variance 1; equal components would stay equal.
    pub(super) fn new(components: usize, row_len: usize, init: &mut ParameterInit<'_>) -> Self {
        Self {
            weights: Weights::new(components, init),
            mean: init.uniform([components, row_len], 1.0),
            log_variance: init.constant([components, row_len], 0.0),
        }
    }
}

impl DeviceKind for NormalMixture {
    fn log_density(&self, z: &Tensor<3>, shift: Option<&Tensor<3>>) -> Tensor<1> {
        let [batch, n_latents, channels] = z.dims();
        let (to_weights, to_means) = self.weights.split(shift);
        let mut mean = self.mean.val().unsqueeze::<3>();
        if let Some(shift) = to_means {
            mean = mean + shift;
        }
        let distance = z.clone().reshape([batch, 1, n_latents * channels]) - mean;
        let log_variance = self.log_variance.val().clamp(-LOG_VARIANCE_LIMIT, LOG_VARIANCE_LIMIT);
        let log_components = log_normal(distance, log_variance.unsqueeze::<3>()).sum_dim(2);
        self.weights.mix(log_components.squeeze_dim(2), to_weights)
    }

    fn to_host(&self) -> Arc<dyn HostKind> {
        let row_len = self.mean.dims()[1];
        let log_variance = host(self.log_variance.val().clamp(-LOG_VARIANCE_LIMIT, LOG_VARIANCE_LIMIT));
        Arc::new(HostNormals {
            weights: self.weights.to_host(),
            mean: host(self.mean.val()),
            log_variance,
            row_len,
        })
    }
}

#[derive(Debug)]
struct HostNormals {
    weights: HostWeights,
    /// `[components, row_len]`.
    mean: Vec<f64>,
    log_variance: Vec<f64>,
    row_len: usize,
}

impl HostNormals {
    /// Returns the means and the logarithms of the variances of one component.
    fn component(&self, k: usize, shift: &[f64]) -> impl Iterator<Item = (f64, f64)> {
        let own = k * self.row_len..(k + 1) * self.row_len;
        let log_variance = self.log_variance[own.clone()].iter().copied();
        shifted(&self.mean[own], shift).into_iter().zip(log_variance)
    }
}

impl HostKind for HostNormals {
    fn log_density(&self, z: &[f32], shift: &[f64]) -> f64 {
        let (log_weights, own) = self.weights.given(shift, self.row_len);
        let of_component = |k: usize| -> f64 {
            let term = |((mean, log_variance), &z): ((f64, f64), &f32)| {
                host_log_normal(f64::from(z) - mean, log_variance)
            };
            log_weights[k] + self.component(k, &own[k]).zip(z).map(term).sum::<f64>()
        };
        log_sum_exp(&(0..own.len()).map(of_component).collect::<Vec<_>>())
    }

    fn sample_into(&self, shift: &[f64], rng: &mut dyn Rng, values: &mut Vec<f32>) {
        let (log_weights, own) = self.weights.given(shift, self.row_len);
        let k = draw_class(&log_weights, rng);
        let draw = |(mean, log_variance): (f64, f64)| {
            (mean + (0.5 * log_variance).exp() * standard_normal(rng)) as f32
        };
        values.extend(self.component(k, &own[k]).map(draw));
    }
}

/// Mixture of products of independent groups. Clues shift weights and logits.
#[derive(Module, Debug)]
pub(super) struct ProductMixture {
    weights: Weights,
    /// `[components, groups, n_classes]`, over the groups of all (sub-)latents of a row.
    logits: Param<Tensor<3>>,
}

impl ProductMixture {
    /// Creates the prior. The logits start at small random values; equal components would stay
    /// equal.
    pub(super) fn new(
        components: usize,
        groups: usize,
        n_classes: usize,
        init: &mut ParameterInit<'_>,
    ) -> Self {
        Self {
            weights: Weights::new(components, init),
            logits: init.uniform([components, groups, n_classes], LOGIT_SPREAD),
        }
    }
}

impl DeviceKind for ProductMixture {
    fn log_density(&self, z: &Tensor<3>, shift: Option<&Tensor<3>>) -> Tensor<1> {
        let [batch, n_latents, channels] = z.dims();
        let [components, groups, n_classes] = self.logits.dims();
        let (to_weights, to_logits) = self.weights.split(shift);
        let mut logits = (self.logits.val() * LOGIT_SCALE).unsqueeze::<4>();
        if let Some(shift) = to_logits {
            let [rows, _, _] = shift.dims();
            logits = logits + shift.reshape([rows, components, groups, n_classes]);
        }
        let log_p = log_softmax(logits, 3);
        let [rows, _, _, _] = log_p.dims();
        let log_p = log_p.reshape([rows, components, groups * n_classes]);
        let z = z.clone().reshape([batch, 1, n_latents * channels]);
        self.weights.mix((z * log_p).sum_dim(2).squeeze_dim(2), to_weights)
    }

    fn to_host(&self) -> Arc<dyn HostKind> {
        let [_, groups, n_classes] = self.logits.dims();
        Arc::new(HostProducts {
            weights: self.weights.to_host(),
            logits: host(self.logits.val() * LOGIT_SCALE),
            row_len: groups * n_classes,
            n_classes,
        })
    }
}

#[derive(Debug)]
struct HostProducts {
    weights: HostWeights,
    /// `[components, row_len]`.
    logits: Vec<f64>,
    row_len: usize,
    n_classes: usize,
}

impl HostProducts {
    /// Returns `ln p` of all classes of one component.
    fn component(&self, k: usize, shift: &[f64]) -> Vec<f64> {
        let mut log_p = shifted(&self.logits[k * self.row_len..(k + 1) * self.row_len], shift);
        log_p.chunks_exact_mut(self.n_classes).for_each(host_log_softmax);
        log_p
    }
}

impl HostKind for HostProducts {
    fn log_density(&self, z: &[f32], shift: &[f64]) -> f64 {
        let (log_weights, own) = self.weights.given(shift, self.row_len);
        let of_component = |k: usize| -> f64 {
            let log_p = self.component(k, &own[k]);
            let chosen = log_p.iter().zip(z).filter(|(_, z)| **z > 0.5);
            log_weights[k] + chosen.map(|(log_p, _)| log_p).sum::<f64>()
        };
        log_sum_exp(&(0..own.len()).map(of_component).collect::<Vec<_>>())
    }

    fn sample_into(&self, shift: &[f64], rng: &mut dyn Rng, values: &mut Vec<f32>) {
        let (log_weights, own) = self.weights.given(shift, self.row_len);
        let k = draw_class(&log_weights, rng);
        for log_p in self.component(k, &own[k]).chunks_exact(self.n_classes) {
            push_one_hot(draw_class(log_p, rng), self.n_classes, values);
        }
    }
}
