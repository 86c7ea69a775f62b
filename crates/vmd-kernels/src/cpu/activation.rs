//! Activations.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::{TASK, math, zeros};
use crate::Activation;

/// `f(x)`.
pub(crate) fn forward(activation: Activation, x: &[f32]) -> Vec<f32> {
    let mut y = zeros(x.len());
    forward_into(activation, x, &mut y);
    y
}

/// `y = f(x)`.
pub(crate) fn forward_into(activation: Activation, x: &[f32], y: &mut [f32]) {
    y.par_chunks_mut(TASK).zip(x.par_chunks(TASK)).for_each(|(y, x)| {
        Arch::new().dispatch(Forward { activation, x, y });
    });
}

/// `f'(x)·grad`.
pub(crate) fn backward(activation: Activation, x: &[f32], grad: &[f32]) -> Vec<f32> {
    let mut dx = grad.to_vec();
    backward_in_place(activation, x, &mut dx);
    dx
}

/// `grad ← f'(x)·grad`.
pub(crate) fn backward_in_place(activation: Activation, x: &[f32], grad: &mut [f32]) {
    grad.par_chunks_mut(TASK).zip(x.par_chunks(TASK)).for_each(|(grad, x)| {
        Arch::new().dispatch(Backward { activation, x, grad });
    });
}

struct Forward<'a> {
    activation: Activation,
    x: &'a [f32],
    y: &'a mut [f32],
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { activation, x, y } = self;
        match activation {
            Activation::Gelu => {
                for (y, &x) in y.iter_mut().zip(x) {
                    *y = x * math::normal_distribution(x);
                }
            }
            Activation::Silu => {
                for (y, &x) in y.iter_mut().zip(x) {
                    *y = x * math::sigmoid(x);
                }
            }
            Activation::Relu => {
                for (y, &x) in y.iter_mut().zip(x) {
                    *y = if x < 0.0 { 0.0 } else { x };
                }
            }
        }
    }
}

struct Backward<'a> {
    activation: Activation,
    x: &'a [f32],
    grad: &'a mut [f32],
}

impl WithSimd for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { activation, x, grad } = self;
        match activation {
            Activation::Gelu => {
                for (grad, &x) in grad.iter_mut().zip(x) {
                    *grad *= math::normal_distribution(x) + x * math::normal_density(x);
                }
            }
            Activation::Silu => {
                for (grad, &x) in grad.iter_mut().zip(x) {
                    let sigmoid = math::sigmoid(x);
                    *grad *= sigmoid * (1.0 + x * (1.0 - sigmoid));
                }
            }
            Activation::Relu => {
                for (grad, &x) in grad.iter_mut().zip(x) {
                    *grad = if x > 0.0 || x.is_nan() { *grad } else { 0.0 };
                }
            }
        }
    }
}
