//! Activations.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::scratch::Scratch;
use super::{TASK, dispatch, math};
use crate::Activation;

/// `f(x)`.
pub(crate) fn forward(activation: Activation, x: &[f32]) -> Scratch {
    let mut y = Scratch::copy(x);
    y.par_chunks_mut(TASK).for_each(|y| in_place(activation, y));
    y
}

/// `f'(x)·grad`.
pub(crate) fn backward(activation: Activation, x: &[f32], grad: &[f32]) -> Scratch {
    let mut dx = Scratch::copy(grad);
    dx.par_chunks_mut(TASK).zip(x.par_chunks(TASK)).for_each(|(dx, x)| backward_in_place(activation, x, dx));
    dx
}

/// `y ← f(y)`, on this thread.
pub(crate) fn in_place(activation: Activation, y: &mut [f32]) {
    dispatch(Forward { activation, y });
}

/// `grad ← f'(x)·grad`, on this thread.
pub(crate) fn backward_in_place(activation: Activation, x: &[f32], grad: &mut [f32]) {
    dispatch(Backward { activation, x, grad });
}

struct Forward<'a> {
    activation: Activation,
    y: &'a mut [f32],
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { activation, y } = self;
        match activation {
            Activation::Gelu => {
                for y in y {
                    *y *= math::normal_distribution(*y);
                }
            }
            Activation::Silu => {
                for y in y {
                    *y *= math::sigmoid(*y);
                }
            }
            Activation::Relu => {
                for y in y {
                    *y = if *y < 0.0 { 0.0 } else { *y };
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
