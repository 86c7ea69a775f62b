//! AdamW updates.

use burn::tensor::Tensor;

/// Settings of one `AdamW` update (arXiv 1711.05101, algorithm 2).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamWStep {
    /// Factor on the gradient, such as that of clipping.
    pub gradient_scale: f64,
    /// Step size.
    pub learning_rate: f64,
    /// Decay rates of the two moments.
    pub betas: [f64; 2],
    /// Bias corrections of the two moments, `1 − βᵗ`.
    pub bias: [f64; 2],
    /// Added to the square root of the second moment.
    pub epsilon: f64,
    /// Share of the weights that is subtracted, decoupled from the gradient.
    pub decay: f64,
    /// Decay rate of the average.
    pub ema: f64,
}

/// Weights with their moments and their average, each `[n]`, without autodiff.
#[derive(Debug, Clone)]
pub struct AdamWState {
    /// The weights.
    pub weights: Tensor<1>,
    /// First moment.
    pub first: Tensor<1>,
    /// Second moment.
    pub second: Tensor<1>,
    /// Exponential moving average of the weights.
    pub average: Tensor<1>,
}

/// Applies one update; `gradient` is `[n]`.
///
/// The fused kernel makes one pass over memory and updates the state in place unless it is shared.
pub fn adamw(step: AdamWStep, state: AdamWState, gradient: Tensor<1>) -> AdamWState {
    #[cfg(feature = "flex")]
    if fused::applies(&state, &gradient) {
        return fused::adamw(step, state, gradient);
    }
    let [beta_1, beta_2] = step.betas;
    let gradient = gradient * step.gradient_scale;
    let first = state.first * beta_1 + gradient.clone() * (1.0 - beta_1);
    let second = state.second * beta_2 + gradient.clone() * gradient * (1.0 - beta_2);
    let delta = first.clone() * (step.learning_rate / step.bias[0])
        / ((second.clone() / step.bias[1]).sqrt() + step.epsilon);
    let weights = state.weights * (1.0 - step.decay) - delta;
    let average = state.average * step.ema + weights.clone() * (1.0 - step.ema);
    AdamWState { weights, first, second, average }
}

#[cfg(feature = "flex")]
mod fused {
    use burn::tensor::{Tensor, TensorData};
    use pulp::{Simd, WithSimd};
    use rayon::prelude::*;

    use super::{AdamWState, AdamWStep};
    use crate::cpu::{TASK, dispatch};
    use crate::fused::Input;

    pub(super) fn applies(state: &AdamWState, gradient: &Tensor<1>) -> bool {
        let AdamWState { weights, first, second, average } = state;
        [weights, first, second, average, gradient].iter().all(|x| matches!(Input::of(x), Input::Plain(_)))
    }

    pub(super) fn adamw(step: AdamWStep, state: AdamWState, gradient: Tensor<1>) -> AdamWState {
        let device = gradient.device();
        let host = |x: Tensor<1>| x.into_data().try_into_vec::<f32>().expect("single precision");
        let AdamWState { weights, first, second, average } = state;
        let [mut weights, mut first, mut second, mut average] = [weights, first, second, average].map(host);
        let gradient = host(gradient);
        let n = gradient.len();
        assert!([&weights, &first, &second, &average].iter().all(|x| x.len() == n), "one size");
        weights
            .par_chunks_mut(TASK)
            .zip(first.par_chunks_mut(TASK))
            .zip(second.par_chunks_mut(TASK))
            .zip(average.par_chunks_mut(TASK))
            .zip(gradient.par_chunks(TASK))
            .for_each(|((((weights, first), second), average), gradient)| {
                dispatch(Update { step, weights, first, second, average, gradient });
            });
        let [weights, first, second, average] = [weights, first, second, average]
            .map(|values| Tensor::from_data(TensorData::new(values, [n]), &device));
        AdamWState { weights, first, second, average }
    }

    struct Update<'a> {
        step: AdamWStep,
        weights: &'a mut [f32],
        first: &'a mut [f32],
        second: &'a mut [f32],
        average: &'a mut [f32],
        gradient: &'a [f32],
    }

    impl WithSimd for Update<'_> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) {
            let Self { step, weights, first, second, average, gradient } = self;
            let n = gradient.len();
            let (weights, first) = (&mut weights[..n], &mut first[..n]);
            let (second, average) = (&mut second[..n], &mut average[..n]);
            let [beta_1, beta_2] = step.betas.map(|beta| beta as f32);
            let [rest_1, rest_2] = step.betas.map(|beta| (1.0 - beta) as f32);
            let scale = step.gradient_scale as f32;
            let rate = (step.learning_rate / step.bias[0]) as f32;
            let (bias, epsilon) = (step.bias[1] as f32, step.epsilon as f32);
            let (keep, ema, rest) = ((1.0 - step.decay) as f32, step.ema as f32, (1.0 - step.ema) as f32);
            for i in 0..n {
                let g = gradient[i] * scale;
                first[i] = first[i] * beta_1 + g * rest_1;
                second[i] = second[i] * beta_2 + g * g * rest_2;
                let delta = first[i] * rate / ((second[i] / bias).sqrt() + epsilon);
                weights[i] = weights[i] * keep - delta;
                average[i] = average[i] * ema + weights[i] * rest;
            }
        }
    }
}
