//! Latents of two levels: one for the sequence, and one for every token that follows it.

use std::sync::Arc;

use burn::module::{Module, Param};
use burn::tensor::{
    Tensor,
    activation::{log_softmax, relu},
};
use rand::Rng;
use vmd_nn::ParameterInit;

use super::autoregressive::Autoregressive;
use super::host::{draw_class, log_softmax as host_log_softmax, push_one_hot};
use super::{DeviceKind, HostKind, LOGIT_SCALE, divergence_of_groups, host, log_mass_of_groups};
use crate::LatentDistribution;

/// `p(z_0) Π_i Π_g p(z_ig | z_0)`: the groups of the first latent each given those before it, those of every token given the
/// first latent alone.
///
/// The logits of a token's groups are `b_i + z_0·W_i + relu(c + z_0·U)·V_i`, the last term only with hidden units. Its size
/// grows with the number of tokens, not with its square. Clues shift the logits.
#[derive(Module, Debug)]
pub(super) struct Tree {
    root: Autoregressive,
    /// `b`, `[tokens, n_groups, n_classes]`.
    logits: Param<Tensor<3>>,
    /// `W`, `[channels, tokens · channels]`.
    dependence: Param<Tensor<2>>,
    hidden: Option<HiddenLayer>,
}

/// The part of the tokens' logits that is not linear in `z_0`.
#[derive(Module, Debug)]
struct HiddenLayer {
    /// `U`, `[channels, hidden]`.
    input: Param<Tensor<2>>,
    /// `c`, `[hidden]`.
    bias: Param<Tensor<1>>,
    /// `V`, `[hidden, tokens · channels]`.
    output: Param<Tensor<2>>,
}

impl Tree {
    /// Starts uniform.
    pub(super) fn new(
        tokens: usize,
        n_groups: usize,
        n_classes: usize,
        hidden: usize,
        init: &mut ParameterInit<'_>,
    ) -> Self {
        let channels = n_groups * n_classes;
        Self {
            root: Autoregressive::new(1, n_groups, n_classes, hidden, init),
            logits: init.constant([tokens, n_groups, n_classes], 0.0),
            dependence: init.constant([channels, tokens * channels], 0.0),
            hidden: (hidden > 0).then(|| HiddenLayer {
                // One-hot inputs: one term per group.
                input: init.uniform([channels, hidden], (n_groups as f64).sqrt().recip()),
                bias: init.constant([hidden], 0.0),
                output: init.constant([hidden, tokens * channels], 0.0),
            }),
        }
    }

    /// `ln p` of every class of the tokens given `z_0` (`[batch, channels]`), `[batch, tokens, n_groups, n_classes]`.
    fn log_probabilities(&self, root: Tensor<2>, shift: Option<Tensor<3>>) -> Tensor<4> {
        let [tokens, n_groups, n_classes] = self.logits.dims();
        let [batch, _] = root.dims();
        let mut given = root.clone().matmul(self.dependence.val());
        if let Some(hidden) = &self.hidden {
            let h = relu(root.matmul(hidden.input.val()) + hidden.bias.val().unsqueeze());
            given = given + h.matmul(hidden.output.val());
        }
        let shape = [batch, tokens, n_groups, n_classes];
        let mut logits = (self.logits.val().unsqueeze::<4>() + given.reshape(shape)) * LOGIT_SCALE;
        if let Some(shift) = shift {
            let [batch, ..] = shift.dims();
            logits = logits + shift.reshape([batch, tokens, n_groups, n_classes]);
        }
        log_softmax(logits, 3)
    }

    /// The first latent, `[batch, 1, channels]`, and those of the tokens.
    fn split(&self, all: &Tensor<3>) -> (Tensor<3>, Tensor<3>) {
        let [_, n_latents, _] = all.dims();
        (all.clone().narrow(1, 0, 1), all.clone().narrow(1, 1, n_latents - 1))
    }

    /// `ln p` of the tokens' classes given the first latent of `z`.
    fn of_tokens(&self, root: Tensor<3>, shift: Option<&Tensor<3>>) -> Tensor<4> {
        let [batch, _, channels] = root.dims();
        self.log_probabilities(root.reshape([batch, channels]), shift.map(|shift| self.split(shift).1))
    }
}

impl DeviceKind for Tree {
    fn log_density(&self, z: &Tensor<3>, shift: Option<&Tensor<3>>) -> Tensor<1> {
        let (root, tokens) = self.split(z);
        let of_root = shift.map(|shift| self.split(shift).0);
        let of_tokens = self.of_tokens(root.clone(), shift);
        self.root.log_density(&root, of_root.as_ref()) + log_mass_of_groups(&tokens, of_tokens)
    }

    /// `KL(q_0g ‖ p_g(· | z_{0,<g}))` and `KL(q_ig ‖ p_ig(· | z_0))`.
    fn divergence(&self, q: &LatentDistribution, z: &Tensor<3>, shift: Option<&Tensor<3>>) -> Tensor<2> {
        let (root, _) = self.split(z);
        let of_root = shift.map(|shift| self.split(shift).0);
        let (q_root, q_tokens) = q.split_first();
        let tokens = divergence_of_groups(&q_tokens, self.of_tokens(root.clone(), shift));
        Tensor::cat(vec![self.root.divergence(&q_root, &root, of_root.as_ref()), tokens], 1)
    }

    fn to_host(&self) -> Arc<dyn HostKind> {
        let [_, n_groups, n_classes] = self.logits.dims();
        Arc::new(HostTree {
            root: self.root.to_host(),
            logits: host(self.logits.val() * LOGIT_SCALE),
            dependence: host(self.dependence.val() * LOGIT_SCALE),
            hidden: self.hidden.as_ref().map(|hidden| HostHidden {
                input: host(hidden.input.val()),
                bias: host(hidden.bias.val()),
                output: host(hidden.output.val() * LOGIT_SCALE),
            }),
            n_groups,
            n_classes,
        })
    }
}

/// Parameters of a [`Tree`] on the host.
#[derive(Debug)]
struct HostTree {
    root: Arc<dyn HostKind>,
    logits: Vec<f64>,
    dependence: Vec<f64>,
    hidden: Option<HostHidden>,
    n_groups: usize,
    n_classes: usize,
}

/// Parameters of a [`HiddenLayer`] on the host.
#[derive(Debug)]
struct HostHidden {
    input: Vec<f64>,
    bias: Vec<f64>,
    output: Vec<f64>,
}

impl HostTree {
    fn channels(&self) -> usize {
        self.n_groups * self.n_classes
    }

    /// What clues add to the first latent's logits, and to those of the tokens.
    fn split<'a>(&self, shift: &'a [f64]) -> (&'a [f64], &'a [f64]) {
        shift.split_at(self.channels().min(shift.len()))
    }

    /// The hidden units given the channels that are 1 in the first latent.
    fn hidden(&self, root: &[usize]) -> Vec<f64> {
        let Some(hidden) = &self.hidden else { return Vec::new() };
        let mut h = hidden.bias.clone();
        for &channel in root {
            let given = &hidden.input[channel * h.len()..][..h.len()];
            h.iter_mut().zip(given).for_each(|(h, given)| *h += given);
        }
        h.iter_mut().for_each(|h| *h = h.max(0.0));
        h
    }

    /// `ln p` of the classes of a token's group, which is `group` counted over all tokens.
    fn log_probabilities(&self, group: usize, root: &[usize], h: &[f64], shift: &[f64]) -> Vec<f64> {
        let own = group * self.n_classes..(group + 1) * self.n_classes;
        let mut logits = self.logits[own.clone()].to_vec();
        let mut add = |factor: f64, row: &[f64]| {
            logits.iter_mut().zip(&row[own.clone()]).for_each(|(logit, value)| *logit += factor * value);
        };
        let n = self.logits.len();
        root.iter().for_each(|&channel| add(1.0, &self.dependence[channel * n..(channel + 1) * n]));
        if let Some(hidden) = &self.hidden {
            let units = h.iter().zip(hidden.output.chunks_exact(n)).filter(|(h, _)| **h > 0.0);
            units.for_each(|(&h, row)| add(h, row));
        }
        if !shift.is_empty() {
            add(1.0, shift);
        }
        host_log_softmax(&mut logits);
        logits
    }
}

impl HostKind for HostTree {
    fn log_density(&self, z: &[f32], shift: &[f64]) -> f64 {
        let (root, tokens) = z.split_at(self.channels());
        let (of_root, of_tokens) = self.split(shift);
        let chosen: Vec<usize> = (0..root.len()).filter(|&channel| root[channel] > 0.5).collect();
        let h = self.hidden(&chosen);
        let of_group = |(group, z): (usize, &[f32])| -> f64 {
            let log_p = self.log_probabilities(group, &chosen, &h, of_tokens);
            log_p.iter().zip(z).filter(|(_, z)| **z > 0.5).map(|(log_p, _)| log_p).sum()
        };
        let tokens: f64 = tokens.chunks_exact(self.n_classes).enumerate().map(of_group).sum();
        self.root.log_density(root, of_root) + tokens
    }

    fn sample_into(&self, shift: &[f64], rng: &mut dyn Rng, values: &mut Vec<f32>) {
        let (of_root, of_tokens) = self.split(shift);
        let start = values.len();
        self.root.sample_into(of_root, rng, values);
        let chosen: Vec<usize> = (0..self.channels()).filter(|&i| values[start + i] > 0.5).collect();
        let h = self.hidden(&chosen);
        for group in 0..self.logits.len() / self.n_classes {
            let class = draw_class(&self.log_probabilities(group, &chosen, &h, of_tokens), rng);
            push_one_hot(class, self.n_classes, values);
        }
    }

    fn next_group(&self, before: &[usize], shift: &[f64]) -> Option<Vec<f64>> {
        let (of_root, of_tokens) = self.split(shift);
        let Some(group) = before.len().checked_sub(self.n_groups) else {
            return self.root.next_group(before, of_root);
        };
        let root = &before[..self.n_groups];
        Some(self.log_probabilities(group, root, &self.hidden(root), of_tokens))
    }
}
