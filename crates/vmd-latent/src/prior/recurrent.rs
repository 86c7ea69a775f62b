//! The recurrent prior.

use std::sync::Arc;

use burn::module::{Module, Param};
use burn::tensor::{
    Tensor,
    activation::{log_softmax, sigmoid},
};
use vmd_core::log_softmax as host_log_softmax;
use vmd_nn::ParameterInit;

use super::groups::{Conditionals, HostConditionals, shift_of_group, split_shift};
use super::{HostKind, LOGIT_SCALE, host};

/// A recurrent prior over the groups of a row, token by token, with the same weights for every
/// token.
///
/// A gated recurrent unit (arXiv 1406.1078; the reset gate multiplies the product of state and
/// weights, not the state): `s_g` is the state after the groups before `g`, and group `g` has the
/// logits `b_g + s_g·V`. Only the size of `b` grows with the number of tokens. Clues shift `b` and
/// the input of the candidate state.
#[derive(Module, Debug)]
pub(super) struct Recurrent {
    /// `b`, `[groups, n_classes]`, over the groups of all (sub-)latents of a row.
    logits: Param<Tensor<2>>,
    /// Input of the unit before the first group, `[3 · hidden]`: for reset gate, update gate and
    /// candidate.
    start: Param<Tensor<1>>,
    /// Input weights of the classes for every group of a token,
    /// `[n_groups, n_classes, 3 · hidden]`.
    input: Param<Tensor<3>>,
    /// Recurrent weights, `[hidden, 3 · hidden]`.
    state: Param<Tensor<2>>,
    /// `V` for every group of a token, `[n_groups, hidden, n_classes]`.
    output: Param<Tensor<3>>,
}

impl Recurrent {
    /// Creates the prior, which starts uniform.
    pub(super) fn new(
        n_latents: usize,
        n_groups: usize,
        n_classes: usize,
        hidden: usize,
        init: &mut ParameterInit<'_>,
    ) -> Self {
        Self {
            logits: init.constant([n_latents * n_groups, n_classes], 0.0),
            start: init.constant([3 * hidden], 0.0),
            // The inputs are one-hot: a sum has one term.
            input: init.uniform([n_groups, n_classes, 3 * hidden], 1.0),
            state: init.uniform([hidden, 3 * hidden], (hidden as f64).sqrt().recip()),
            output: init.constant([n_groups, hidden, n_classes], 0.0),
        }
    }

    /// Returns the next state, `[batch, hidden]`, given the input `taken` (`[batch, 3 · hidden]`),
    /// the `shift` of the candidate, and the state `before`, zero if `None`.
    fn step(&self, taken: Tensor<2>, shift: Option<Tensor<2>>, before: Option<Tensor<2>>) -> Tensor<2> {
        let [batch, gates] = taken.dims();
        let hidden = gates / 3;
        let before = before.unwrap_or_else(|| Tensor::zeros([batch, hidden], &taken.device()));
        let own = before.clone().matmul(self.state.val());
        let part = |all: &Tensor<2>, gate: usize| all.clone().narrow(1, gate * hidden, hidden);
        let reset = sigmoid(part(&taken, 0) + part(&own, 0));
        let update = sigmoid(part(&taken, 1) + part(&own, 1));
        let mut candidate = part(&taken, 2) + reset * part(&own, 2);
        if let Some(shift) = shift {
            candidate = candidate + shift;
        }
        let candidate = candidate.tanh();
        candidate.clone() + update * (before - candidate)
    }
}

impl Conditionals for Recurrent {
    fn log_probabilities(&self, z: &Tensor<3>, shift: Option<&Tensor<3>>) -> Tensor<4> {
        let [n_groups, n_classes, gates] = self.input.dims();
        let [batch, n_latents, _] = z.dims();
        let (tokens, groups, hidden) = (batch * n_latents, n_latents * n_groups, gates / 3);
        // One matrix product per group of a token, because each has its own weights.
        let by_group = z.clone().reshape([tokens, n_groups, n_classes]).swap_dims(0, 1);
        let taken = by_group.matmul(self.input.val()).swap_dims(0, 1).reshape([batch, groups, gates]);
        let start = self.start.val().reshape([1, 1, gates]).expand([batch, 1, gates]);
        // The last group is not an input.
        let taken = match groups {
            1 => start,
            _ => Tensor::cat(vec![start, taken.narrow(1, 0, groups - 1)], 1),
        };
        let (to_logits, to_state) = split_shift(shift, n_groups, n_classes);
        let to_state = to_state.map(|shift| shift.expand([batch, groups, hidden]));
        let mut state: Option<Tensor<2>> = None;
        let states = (0..groups).map(|group| {
            let of_group = |all: &Tensor<3>| all.clone().narrow(1, group, 1).squeeze_dim::<2>(1);
            let next = self.step(of_group(&taken), to_state.as_ref().map(of_group), state.take());
            state = Some(next.clone());
            next
        });
        let states = Tensor::stack::<3>(states.collect(), 1);
        let by_group = states.reshape([tokens, n_groups, hidden]).swap_dims(0, 1);
        let given = by_group.matmul(self.output.val()).swap_dims(0, 1).reshape([batch, groups, n_classes]);
        let mut logits = (self.logits.val().unsqueeze::<3>() + given) * LOGIT_SCALE;
        if let Some(shift) = to_logits {
            logits = logits + shift;
        }
        log_softmax(logits, 2).reshape([batch, n_latents, n_groups, n_classes])
    }

    fn on_host(&self) -> Arc<dyn HostKind> {
        let [n_groups, n_classes, gates] = self.input.dims();
        Arc::new(HostRecurrent {
            own: host(self.logits.val() * LOGIT_SCALE),
            start: host(self.start.val()),
            input: host(self.input.val()),
            state: host(self.state.val()),
            output: host(self.output.val() * LOGIT_SCALE),
            n_groups,
            n_classes,
            hidden: gates / 3,
        })
    }
}

/// Parameters of a [`Recurrent`] on the host.
#[derive(Debug)]
struct HostRecurrent {
    /// `[groups, n_classes]`.
    own: Vec<f64>,
    start: Vec<f64>,
    input: Vec<f64>,
    state: Vec<f64>,
    output: Vec<f64>,
    /// Groups of one (sub-)latent.
    n_groups: usize,
    n_classes: usize,
    hidden: usize,
}

impl HostConditionals for HostRecurrent {
    fn sizes(&self) -> [usize; 3] {
        [self.own.len() / self.n_classes, self.n_classes, self.hidden]
    }

    fn advance(&self, state: &mut [f64], before: &[usize], shift: &[f64]) {
        let hidden = self.hidden;
        let channels = self.n_groups * self.n_classes;
        let taken = before.last().map_or(self.start.as_slice(), |channel| {
            &self.input[channel % channels * 3 * hidden..][..3 * hidden]
        });
        let mut own = vec![0.0; 3 * hidden];
        for (s, weights) in state.iter().zip(self.state.chunks_exact(3 * hidden)) {
            own.iter_mut().zip(weights).for_each(|(own, weight)| *own += s * weight);
        }
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        let (_, shift) = self.shift_of(shift, before.len());
        for (unit, s) in state.iter_mut().enumerate() {
            let reset = sigmoid(taken[unit] + own[unit]);
            let update = sigmoid(taken[hidden + unit] + own[hidden + unit]);
            let shift = shift.get(unit).copied().unwrap_or_default();
            let candidate = (taken[2 * hidden + unit] + reset * own[2 * hidden + unit] + shift).tanh();
            *s = candidate + update * (*s - candidate);
        }
    }

    fn log_probabilities(&self, state: &[f64], before: &[usize], shift: &[f64]) -> Vec<f64> {
        let (n_classes, group) = (self.n_classes, before.len());
        let mut logits = self.own[group * n_classes..(group + 1) * n_classes].to_vec();
        let weights = self.output[group % self.n_groups * self.hidden * n_classes..].chunks_exact(n_classes);
        for (s, weights) in state.iter().zip(weights) {
            logits.iter_mut().zip(weights).for_each(|(logit, weight)| *logit += s * weight);
        }
        let (shift, _) = self.shift_of(shift, group);
        logits.iter_mut().zip(shift).for_each(|(logit, shift)| *logit += shift);
        host_log_softmax(&mut logits);
        logits
    }
}

impl HostRecurrent {
    /// Returns the terms in `shift` of the logits of a group and of its candidate state.
    fn shift_of<'a>(&self, shift: &'a [f64], group: usize) -> (&'a [f64], &'a [f64]) {
        shift_of_group(shift, group, [self.n_groups, self.n_classes, self.hidden])
    }
}
