//! Shared parts of priors over categorical groups, on the device and on the host.

use std::fmt::Debug;
use std::sync::Arc;

use burn::tensor::Tensor;
use rand::Rng;

use super::host::{draw_class, push_one_hot};
use super::{DeviceKind, HostKind};
use crate::LatentDistribution;
use crate::distribution::sum_rows;

/// A prior `Π_g p(z_g | z_{<g})` over groups, on the device.
pub(super) trait Conditionals {
    /// Returns normalised `ln p` of every class given the preceding groups in `z`
    /// (`[batch, n_latents, channels]`, one-hot). The result is
    /// `[batch, n_latents, n_groups, n_classes]`; sizes of 1 are broadcast.
    fn log_probabilities(&self, z: &Tensor<3>, shift: Option<&Tensor<3>>) -> Tensor<4>;

    /// Copies the prior to the host.
    fn on_host(&self) -> Arc<dyn HostKind>;
}

impl<K: Conditionals> DeviceKind for K {
    fn log_density(&self, z: &Tensor<3>, shift: Option<&Tensor<3>>) -> Tensor<1> {
        let [batch, n_latents, channels] = z.dims();
        let log_p = self.log_probabilities(z, shift);
        let [_, _, n_groups, n_classes] = log_p.dims();
        assert_eq!(channels, n_groups * n_classes, "a one-hot value for every group");
        sum_rows(z.clone().reshape([batch, n_latents, n_groups, n_classes]) * log_p)
    }

    /// Returns `Σ_g KL(q_g ‖ p_g(· | z_{<g}))`.
    fn divergence(&self, q: &LatentDistribution, z: &Tensor<3>, shift: Option<&Tensor<3>>) -> Tensor<1> {
        let log_p = self.log_probabilities(z, shift);
        let log_q = q.log_probabilities();
        sum_rows((log_q.clone().exp() * (log_q - log_p)).sum_dim(3))
    }

    fn to_host(&self) -> Arc<dyn HostKind> {
        self.on_host()
    }
}

/// A prior `Π_g p(z_g | z_{<g})` over groups, on the host.
///
/// `before` lists the chosen channel of every preceding group of the row.
pub(super) trait HostConditionals: Debug + Send + Sync {
    /// Returns the number of groups of a row, of classes of a group, and of values of the state.
    fn sizes(&self) -> [usize; 3];

    /// Updates the state for the group that follows those in `before`. Called for every group of a
    /// row, in order.
    fn advance(&self, _state: &mut [f64], _before: &[usize], _shift: &[f64]) {}

    /// Returns `ln p` of the classes of the group that follows those in `before`.
    fn log_probabilities(&self, state: &[f64], before: &[usize], shift: &[f64]) -> Vec<f64>;
}

/// Visits all groups in order. `choose` returns the class of a group, given its index and `ln p`
/// of its classes.
fn walk(kind: &impl HostConditionals, shift: &[f64], mut choose: impl FnMut(usize, &[f64]) -> usize) {
    let [groups, n_classes, n_state] = kind.sizes();
    let (mut state, mut before) = (vec![0.0; n_state], Vec::with_capacity(groups));
    for group in 0..groups {
        kind.advance(&mut state, &before, shift);
        let class = choose(group, &kind.log_probabilities(&state, &before, shift));
        before.push(group * n_classes + class);
    }
}

impl<K: HostConditionals> HostKind for K {
    fn log_density(&self, z: &[f32], shift: &[f64]) -> f64 {
        let [_, n_classes, _] = self.sizes();
        let mut total = 0.0;
        walk(self, shift, |group, log_p| {
            let classes = &z[group * n_classes..(group + 1) * n_classes];
            let class = classes.iter().position(|&z| z > 0.5).unwrap_or_default();
            total += log_p[class];
            class
        });
        total
    }

    fn sample_into(&self, shift: &[f64], rng: &mut dyn Rng, values: &mut Vec<f32>) {
        let [_, n_classes, _] = self.sizes();
        walk(self, shift, |_, log_p| {
            let class = draw_class(log_p, rng);
            push_one_hot(class, n_classes, values);
            class
        });
    }

    fn next_group(&self, before: &[usize], shift: &[f64]) -> Option<Vec<f64>> {
        let [_, _, n_state] = self.sizes();
        let mut state = vec![0.0; n_state];
        (0..=before.len()).for_each(|n| self.advance(&mut state, &before[..n], shift));
        Some(self.log_probabilities(&state, before, shift))
    }
}

/// Splits the shift of a prior into the terms of its logits, `[1 | batch, groups, n_classes]`, and
/// of its hidden units, `[1 | batch, groups, hidden]`, if it has any. Within each (sub-)latent,
/// the terms of all logits come first.
pub(super) fn split_shift(
    shift: Option<&Tensor<3>>,
    n_groups: usize,
    n_classes: usize,
) -> (Option<Tensor<3>>, Option<Tensor<3>>) {
    let Some(shift) = shift else { return (None, None) };
    let ([rows, n_latents, n_shifts], channels) = (shift.dims(), n_groups * n_classes);
    let (groups, n_hidden) = (n_latents * n_groups, n_shifts - channels);
    let logits = shift.clone().narrow(2, 0, channels).reshape([rows, groups, n_classes]);
    let hidden = (n_hidden > 0)
        .then(|| shift.clone().narrow(2, channels, n_hidden).reshape([rows, groups, n_hidden / n_groups]));
    (Some(logits), hidden)
}

/// Returns two tails of a row's `shift` (`[n_latents, n_groups · n_classes + n_groups · hidden]`).
/// The first starts at the logit terms of `group`, counted over all latents, the second at the
/// terms of its hidden units. A tail is empty if `shift` ends before it.
pub(super) fn shift_of_group(
    shift: &[f64],
    group: usize,
    [n_groups, n_classes, hidden]: [usize; 3],
) -> (&[f64], &[f64]) {
    let (latent, group) = (group / n_groups, group % n_groups);
    let from =
        |place: usize| shift.get(latent * n_groups * (n_classes + hidden) + place..).unwrap_or_default();
    (from(group * n_classes), from(n_groups * n_classes + group * hidden))
}
