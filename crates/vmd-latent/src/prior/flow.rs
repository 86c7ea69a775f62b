//! A normalising flow: standard normal noise, bent by layers that are easily inverted.

use std::sync::Arc;

use burn::module::Module;
use burn::tensor::{Tensor, TensorData};
use rand::Rng;
use vmd_nn::{Linear, ParameterInit, Weights};

use super::host::standard_normal;
use super::{DeviceKind, HostKind, host};
use crate::distribution::{LN_TAU, sum_rows};

/// One layer stretches a channel by `e^±3` at the most, so that no draw overflows.
const LOG_SCALE_LIMIT: f64 = 3.0;

/// `z = f_n(… f_1(u))` with `u ~ N(0, I)` and affine coupling layers `f`: a layer leaves every other channel as it is, and
/// scales and moves the rest by what a small network says of those, `z_b = u_b·e^{s(u_a)} + t(u_a)`.
///
/// # Source
///
/// `RealNVP`, arXiv 1605.08803 (eqs. 7 and 8), with checkerboard halves in turn.
#[derive(Module, Debug)]
pub(super) struct Flow {
    layers: Vec<Coupling>,
}

/// One layer's network.
#[derive(Module, Debug)]
struct Coupling {
    /// `[dim]` to `[hidden]`.
    input: Linear,
    /// `[hidden]` to `[2 · dim]`: `s` before its limit, then `t`.
    output: Linear,
    /// Which channels it changes: those of this parity.
    #[module(skip)]
    parity: usize,
}

impl Flow {
    /// Starts as `N(0, I)`.
    pub(super) fn new(dim: usize, layers: usize, hidden: usize, init: &mut ParameterInit<'_>) -> Self {
        let coupling = |layer: usize| Coupling {
            input: Linear::new(dim, hidden, Weights::Scaled { gain: 1.0 }, init),
            output: Linear::new(hidden, 2 * dim, Weights::Zero, init),
            parity: layer % 2,
        };
        Self { layers: (0..layers).map(coupling).collect() }
    }
}

impl Coupling {
    /// 1 where `layer` changes a channel, `[1, 1, dim]`.
    fn changed(&self, like: &Tensor<3>) -> Tensor<3> {
        let [_, _, dim] = like.dims();
        let changed: Vec<f32> =
            (0..dim).map(|channel| f32::from(u8::from(channel % 2 == self.parity))).collect();
        Tensor::from_data(TensorData::new(changed, [1, 1, dim]), &like.device())
    }

    /// Undoes the layer: `u` and `s`, which is 0 for channels that are left alone; both `[batch, 1, dim]`.
    fn inverse(&self, z: Tensor<3>) -> (Tensor<3>, Tensor<3>) {
        let changed = self.changed(&z);
        let kept = z.clone() * (changed.clone() * -1.0 + 1.0);
        let halves = self.output.forward(self.input.forward(kept).tanh()).chunk(2, 2);
        let s = (halves[0].clone() / LOG_SCALE_LIMIT).tanh() * LOG_SCALE_LIMIT * changed.clone();
        ((z - halves[1].clone() * changed) * (-s.clone()).exp(), s)
    }
}

impl DeviceKind for Flow {
    /// `ln N(u; 0, I) − Σ s`.
    fn log_density(&self, z: &Tensor<3>, _: Option<&Tensor<3>>) -> Tensor<1> {
        let mut u = z.clone();
        let mut log_det = Tensor::zeros_like(z);
        for layer in self.layers.iter().rev() {
            let (before, s) = layer.inverse(u);
            u = before;
            log_det = log_det + s;
        }
        sum_rows((u.clone() * u + LN_TAU) * -0.5 - log_det)
    }

    fn to_host(&self) -> Arc<dyn HostKind> {
        let layer = |layer: &Coupling| HostCoupling {
            input: host(layer.input.weight.val()),
            input_bias: host(layer.input.bias.val()),
            output: host(layer.output.weight.val()),
            output_bias: host(layer.output.bias.val()),
            parity: layer.parity,
        };
        Arc::new(HostFlow { layers: self.layers.iter().map(layer).collect() })
    }
}

#[derive(Debug)]
struct HostFlow {
    layers: Vec<HostCoupling>,
}

#[derive(Debug)]
struct HostCoupling {
    /// `[dim, hidden]`.
    input: Vec<f64>,
    input_bias: Vec<f64>,
    /// `[hidden, 2 · dim]`.
    output: Vec<f64>,
    output_bias: Vec<f64>,
    parity: usize,
}

impl HostCoupling {
    /// `s` and `t` of every channel, given those that stay in `values`.
    fn scale_and_move(&self, values: &[f64]) -> Vec<(f64, f64)> {
        let (dim, n_hidden) = (values.len(), self.input_bias.len());
        let mut h = self.input_bias.clone();
        for (channel, value) in values.iter().enumerate().filter(|(channel, _)| channel % 2 != self.parity) {
            let weights = &self.input[channel * n_hidden..];
            h.iter_mut().zip(weights).for_each(|(h, weight)| *h += value * weight);
        }
        let mut out = self.output_bias.clone();
        for (h, weights) in h.iter().zip(self.output.chunks_exact(2 * dim)) {
            out.iter_mut().zip(weights).for_each(|(out, weight)| *out += h.tanh() * weight);
        }
        let of = |channel: usize| match channel % 2 == self.parity {
            true => ((out[channel] / LOG_SCALE_LIMIT).tanh() * LOG_SCALE_LIMIT, out[dim + channel]),
            false => (0.0, 0.0),
        };
        (0..dim).map(of).collect()
    }
}

impl HostKind for HostFlow {
    fn log_density(&self, z: &[f32], _: &[f64]) -> f64 {
        let mut u: Vec<f64> = z.iter().map(|&z| f64::from(z)).collect();
        let mut log_det = 0.0;
        for layer in self.layers.iter().rev() {
            let moved = layer.scale_and_move(&u);
            for (u, (s, t)) in u.iter_mut().zip(moved) {
                *u = (*u - t) * (-s).exp();
                log_det += s;
            }
        }
        u.iter().map(|u| -0.5 * (u * u + LN_TAU)).sum::<f64>() - log_det
    }

    fn sample_into(&self, _: &[f64], rng: &mut dyn Rng, values: &mut Vec<f32>) {
        let dim = self.layers.first().map_or(0, |layer| layer.output_bias.len() / 2);
        let mut z: Vec<f64> = (0..dim).map(|_| standard_normal(rng)).collect();
        for layer in &self.layers {
            let moved = layer.scale_and_move(&z);
            for (z, (s, t)) in z.iter_mut().zip(moved) {
                *z = *z * s.exp() + t;
            }
        }
        values.extend(z.iter().map(|&z| z as f32));
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn layers_undo_what_sampling_does() {
        const DIM: usize = 5;
        let device = Device::flex();
        let init = &mut ParameterInit::new(ChaCha8Rng::seed_from_u64(1), &device);
        let mut flow = Flow::new(DIM, 4, 8, init);
        for layer in &mut flow.layers {
            layer.output = Linear::new(8, 2 * DIM, Weights::Scaled { gain: 1.5 }, init);
        }
        let (mut values, mut rng) = (Vec::new(), ChaCha8Rng::seed_from_u64(2));
        flow.to_host().sample_into(&[], &mut rng, &mut values);
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let noise: Vec<f64> = (0..DIM).map(|_| standard_normal(&mut rng)).collect();
        assert!(values.iter().zip(&noise).all(|(z, u)| (f64::from(*z) - u).abs() > 1e-2), "nothing moved");

        let mut u = Tensor::<3>::from_data(TensorData::new(values, [1, 1, DIM]), &device);
        for layer in flow.layers.iter().rev() {
            u = layer.inverse(u).0;
        }
        for (found, wanted) in host(u).iter().zip(&noise) {
            // Four layers in f32, each of which may stretch by a few.
            assert!((found - wanted).abs() < 1e-4, "{found} and {wanted}");
        }
    }
}
