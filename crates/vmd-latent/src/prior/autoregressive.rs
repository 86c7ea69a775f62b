//! The autoregressive prior.

use std::sync::Arc;

use burn::module::{Module, Param};
use burn::tensor::{
    Device, Int, Tensor, TensorData,
    activation::{log_softmax, relu},
};
use vmd_core::log_softmax as host_log_softmax;
use vmd_nn::ParameterInit;

use super::groups::{Conditionals, HostConditionals, shift_of_group, split_shift};
use super::{HostKind, LOGIT_SCALE, host};

/// An autoregressive prior over the groups of a row, token by token.
///
/// Group `g` has the logits `b_g + Σ_{h<g} W_{hg} z_h`, linear in the one-hot classes of the
/// preceding groups. These represent any joint distribution of two groups, and pairwise terms for
/// more. Hidden units add `V_g·relu(c_g + Σ_{h<g} U_{hg} z_h)`, for dependence among more than two
/// groups. Clues shift `b` and `c`.
#[derive(Module, Debug)]
pub(super) struct Autoregressive {
    /// `b`, `[groups, n_classes]`, over the groups of all (sub-)latents of a row.
    logits: Param<Tensor<2>>,
    /// `W`, `[groups · n_classes, groups · n_classes]`. Blocks whose row group is not before the
    /// column group are unused.
    dependence: Param<Tensor<2>>,
    hidden: Option<HiddenLayer>,
    #[module(skip)]
    n_latents: usize,
}

/// One hidden layer per group.
#[derive(Module, Debug)]
struct HiddenLayer {
    /// `U`, `[groups · n_classes, groups · hidden]`. Blocks whose row group is not before the
    /// column group are unused.
    input: Param<Tensor<2>>,
    /// `c`, `[groups · hidden]`.
    bias: Param<Tensor<1>>,
    /// `V`, `[groups, hidden, n_classes]`.
    output: Param<Tensor<3>>,
}

impl Autoregressive {
    /// Creates the prior, which starts uniform.
    pub(super) fn new(
        n_latents: usize,
        n_groups: usize,
        n_classes: usize,
        hidden: usize,
        init: &mut ParameterInit<'_>,
    ) -> Self {
        let groups = n_latents * n_groups;
        let channels = groups * n_classes;
        Self {
            logits: init.constant([groups, n_classes], 0.0),
            dependence: init.constant([channels, channels], 0.0),
            hidden: (hidden > 0).then(|| HiddenLayer {
                // The inputs are one-hot: a sum has at most one term per group.
                input: init.uniform([channels, groups * hidden], (groups as f64).sqrt().recip()),
                bias: init.constant([groups * hidden], 0.0),
                output: init.constant([groups, hidden, n_classes], 0.0),
            }),
            n_latents,
        }
    }
}

impl Conditionals for Autoregressive {
    fn log_probabilities(&self, z: &Tensor<3>, shift: Option<&Tensor<3>>) -> Tensor<4> {
        let [groups, n_classes] = self.logits.dims();
        let [batch, n_latents, channels] = z.dims();
        let z = z.clone().reshape([batch, n_latents * channels]);
        let used = earlier_groups(groups, n_classes, n_classes, &z.device());
        let given = z.clone().matmul(self.dependence.val() * used).reshape([batch, groups, n_classes]);
        let mut logits = self.logits.val().unsqueeze::<3>() + given;
        let (to_logits, to_hidden) = split_shift(shift, groups / n_latents, n_classes);
        if let Some(hidden) = &self.hidden {
            logits = logits + hidden.forward(z, to_hidden, groups, n_classes);
        }
        let mut logits = logits * LOGIT_SCALE;
        if let Some(shift) = to_logits {
            logits = logits + shift;
        }
        log_softmax(logits, 2).reshape([batch, n_latents, groups / n_latents, n_classes])
    }

    fn on_host(&self) -> Arc<dyn HostKind> {
        let [groups, n_classes] = self.logits.dims();
        Arc::new(HostAutoregressive {
            own: host(self.logits.val() * LOGIT_SCALE),
            dependence: host(self.dependence.val() * LOGIT_SCALE),
            hidden: self.hidden.as_ref().map(HiddenLayer::to_host),
            n_groups: groups / self.n_latents,
            n_classes,
        })
    }
}

impl HiddenLayer {
    /// Returns the terms that the layer adds to the logits, `[batch, groups, n_classes]`, given
    /// `z` of `[batch, groups · n_classes]`.
    fn forward(&self, z: Tensor<2>, shift: Option<Tensor<3>>, groups: usize, n_classes: usize) -> Tensor<3> {
        let [batch, _] = z.dims();
        let [_, per_group, _] = self.output.dims();
        let used = earlier_groups(groups, n_classes, per_group, &z.device());
        let mut h = z.matmul(self.input.val() * used) + self.bias.val().unsqueeze();
        if let Some(shift) = shift {
            let [rows, ..] = shift.dims();
            h = h + shift.reshape([rows, groups * per_group]);
        }
        let h = relu(h).reshape([batch, groups, per_group]).swap_dims(0, 1);
        h.matmul(self.output.val()).swap_dims(0, 1)
    }

    fn to_host(&self) -> HostHidden {
        HostHidden {
            input: host(self.input.val()),
            bias: host(self.bias.val()),
            output: host(self.output.val() * LOGIT_SCALE),
            per_group: self.output.dims()[1],
        }
    }
}

/// Returns a mask `[groups · n_classes, groups · per_group]`: 1 where the group of the row
/// precedes the group of the column.
fn earlier_groups(groups: usize, n_classes: usize, per_group: usize, device: &Device) -> Tensor<2> {
    let group_of_each = |size: usize| {
        let numbers: Vec<i32> = (0..groups * size).map(|index| (index / size) as i32).collect();
        Tensor::<1, Int>::from_data(TensorData::from(&numbers[..]), device)
    };
    let shape = [groups * n_classes, groups * per_group];
    let rows = group_of_each(n_classes).unsqueeze_dim::<2>(1).expand(shape);
    rows.lower(group_of_each(per_group).unsqueeze_dim::<2>(0).expand(shape)).float()
}

/// Parameters of an [`Autoregressive`] on the host.
#[derive(Debug)]
struct HostAutoregressive {
    /// `[groups, n_classes]`.
    own: Vec<f64>,
    /// `[groups · n_classes, groups · n_classes]`.
    dependence: Vec<f64>,
    hidden: Option<HostHidden>,
    /// Groups of one (sub-)latent.
    n_groups: usize,
    n_classes: usize,
}

/// Parameters of a [`HiddenLayer`] on the host.
#[derive(Debug)]
struct HostHidden {
    input: Vec<f64>,
    bias: Vec<f64>,
    output: Vec<f64>,
    per_group: usize,
}

impl HostHidden {
    /// Adds the terms of the layer to the logits of the group that follows those in `before`.
    fn add_to(&self, logits: &mut [f64], before: &[usize], shift: &[f64]) {
        let group = before.len();
        let own = group * self.per_group..(group + 1) * self.per_group;
        let mut h = self.bias[own.clone()].to_vec();
        h.iter_mut().zip(shift).for_each(|(h, shift)| *h += shift);
        for &channel in before {
            let given = &self.input[channel * self.bias.len()..][own.clone()];
            h.iter_mut().zip(given).for_each(|(h, given)| *h += given);
        }
        let weights = self.output[own.start * logits.len()..].chunks_exact(logits.len());
        for (h, weights) in h.iter().zip(weights).filter(|(h, _)| **h > 0.0) {
            logits.iter_mut().zip(weights).for_each(|(logit, weight)| *logit += h * weight);
        }
    }
}

impl HostConditionals for HostAutoregressive {
    fn sizes(&self) -> [usize; 3] {
        [self.own.len() / self.n_classes, self.n_classes, 0]
    }

    fn log_probabilities(&self, _: &[f64], before: &[usize], shift: &[f64]) -> Vec<f64> {
        let (n_classes, group) = (self.n_classes, before.len());
        let own = group * n_classes..(group + 1) * n_classes;
        let mut logits = self.own[own.clone()].to_vec();
        for &channel in before {
            let given = &self.dependence[channel * self.own.len()..][own.clone()];
            logits.iter_mut().zip(given).for_each(|(logit, given)| *logit += given);
        }
        let per_group = self.hidden.as_ref().map_or(0, |hidden| hidden.per_group);
        let (to_logits, to_hidden) = shift_of_group(shift, group, [self.n_groups, n_classes, per_group]);
        logits.iter_mut().zip(to_logits).for_each(|(logit, shift)| *logit += shift);
        if let Some(hidden) = &self.hidden {
            hidden.add_to(&mut logits, before, to_hidden);
        }
        host_log_softmax(&mut logits);
        logits
    }
}
