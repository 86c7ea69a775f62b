//! Layer normalisation with modulation.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::dispatch;
use super::packed::total;
use super::scratch::Scratch;

/// Inputs of the normalisation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NormInput<'a> {
    /// `[batch, seq, width]`.
    pub(crate) x: &'a [f32],
    pub(crate) seq: usize,
    /// `[width]`.
    pub(crate) gamma: &'a [f32],
    /// `[width]`.
    pub(crate) beta: &'a [f32],
    pub(crate) modulation: Option<Modulation<'a>>,
    pub(crate) epsilon: f32,
}

/// Scale and shift, `[batch, seq, width]` or `[batch, width]`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Modulation<'a> {
    pub(crate) scale: &'a [f32],
    pub(crate) shift: &'a [f32],
    pub(crate) per_token: bool,
}

/// Gradients of all inputs; those of an absent modulation are empty.
pub(crate) struct NormGradients {
    pub(crate) x: Scratch,
    pub(crate) gamma: Scratch,
    pub(crate) beta: Scratch,
    pub(crate) scale: Scratch,
    pub(crate) shift: Scratch,
}

/// Sequences whose parameter gradients are summed together; fixed, so that the order of additions
/// is fixed.
const GROUP: usize = 4;

/// The output, and mean and inverse deviation of every row, `[batch, seq, 2]`.
pub(crate) fn forward(input: NormInput<'_>) -> (Scratch, Scratch) {
    let width = input.gamma.len();
    let mut y = Scratch::take(input.x.len());
    let mut moments = Scratch::take(2 * input.x.len() / width.max(1));
    let chunk = (input.seq * width).max(1);
    y.par_chunks_mut(chunk).zip(moments.par_chunks_mut((2 * input.seq).max(1))).enumerate().for_each(
        |(sequence, (y, moments))| {
            dispatch(Forward { input: input.sequence(sequence), y, moments });
        },
    );
    (y, moments)
}

/// Gradients, given those of the output.
pub(crate) fn backward(input: NormInput<'_>, moments: &[f32], grad: &[f32]) -> NormGradients {
    let width = input.gamma.len();
    let sequence_len = (input.seq * width).max(1);
    let n_modulation = input.modulation.map_or(0, |modulation| modulation.scale.len());
    let per_sequence = n_modulation * sequence_len / input.x.len().max(1);
    let mut x = Scratch::take(input.x.len());
    // Scale and shift side by side, so that one iterator yields both.
    let mut modulation = vec![0.0; 2 * n_modulation];
    let chunk = 2 * per_sequence * GROUP;
    let parts: Vec<&mut [f32]> = if n_modulation == 0 {
        (0..x.len().div_ceil(GROUP * sequence_len)).map(|_| Default::default()).collect()
    } else {
        modulation.chunks_mut(chunk).collect()
    };
    let sums: Vec<Scratch> = x
        .par_chunks_mut(GROUP * sequence_len)
        .zip(parts)
        .enumerate()
        .map(|(group, (dx, modulation))| {
            let mut sums = Scratch::zeroed(2 * width);
            for (i, dx) in dx.chunks_mut(sequence_len).enumerate() {
                let sequence = group * GROUP + i;
                let modulation = &mut modulation[i * 2 * per_sequence..(i + 1) * 2 * per_sequence];
                let (scale, shift) = modulation.split_at_mut(per_sequence);
                dispatch(Backward {
                    input: input.sequence(sequence),
                    moments: &moments[sequence * 2 * input.seq..(sequence + 1) * 2 * input.seq],
                    grad: &grad[sequence * sequence_len..(sequence + 1) * sequence_len],
                    dx,
                    sums: &mut sums,
                    scale,
                    shift,
                });
            }
            sums
        })
        .collect();
    let sums = total(sums, 2 * width);
    let (mut scale, mut shift) = (Scratch::take(n_modulation), Scratch::take(n_modulation));
    let pairs = modulation.chunks_exact((2 * per_sequence).max(1));
    let parts = scale.chunks_exact_mut(per_sequence.max(1)).zip(shift.chunks_exact_mut(per_sequence.max(1)));
    for (pair, (scale, shift)) in pairs.zip(parts) {
        scale.copy_from_slice(&pair[..per_sequence]);
        shift.copy_from_slice(&pair[per_sequence..]);
    }
    let (gamma, beta) = (Scratch::copy(&sums[..width]), Scratch::copy(&sums[width..]));
    NormGradients { x, gamma, beta, scale, shift }
}

impl NormInput<'_> {
    /// The inputs of one sequence.
    fn sequence(self, index: usize) -> Self {
        let len = self.seq * self.gamma.len();
        Self {
            x: &self.x[index * len..(index + 1) * len],
            modulation: self.modulation.map(|modulation| {
                let len = if modulation.per_token { len } else { self.gamma.len() };
                Modulation {
                    scale: &modulation.scale[index * len..(index + 1) * len],
                    shift: &modulation.shift[index * len..(index + 1) * len],
                    ..modulation
                }
            }),
            ..self
        }
    }
}

/// Sum of `f(i)` for `i < n`, in sixteen partial sums, so that the loop vectorises.
macro_rules! lane_sum {
    ($n:expr, |$i:ident| $term:expr) => {{
        let n: usize = $n;
        let mut lanes = [0.0f32; 16];
        let whole = n / 16 * 16;
        let mut start = 0;
        while start < whole {
            for lane in 0..16 {
                let $i = start + lane;
                lanes[lane] += $term;
            }
            start += 16;
        }
        // Pairwise, because a sequential sum of the lanes is a chain of dependent additions.
        for half in [8, 4, 2, 1] {
            for lane in 0..half {
                lanes[lane] += lanes[lane + half];
            }
        }
        let mut sum = lanes[0];
        for $i in whole..n {
            sum += $term;
        }
        sum
    }};
}
pub(crate) use lane_sum;

struct Forward<'a> {
    input: NormInput<'a>,
    y: &'a mut [f32],
    moments: &'a mut [f32],
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { input, y, moments } = self;
        let width = input.gamma.len();
        let (gamma, beta) = (&input.gamma[..width], &input.beta[..width]);
        for token in 0..input.seq {
            let x = &input.x[token * width..][..width];
            let y = &mut y[token * width..][..width];
            let mean = lane_sum!(width, |i| x[i]) / width as f32;
            let variance = lane_sum!(width, |i| (x[i] - mean) * (x[i] - mean)) / width as f32;
            let inverse = 1.0 / (variance + input.epsilon).sqrt();
            moments[2 * token] = mean;
            moments[2 * token + 1] = inverse;
            match input.modulation {
                None => {
                    for i in 0..width {
                        y[i] = (x[i] - mean) * inverse * gamma[i] + beta[i];
                    }
                }
                Some(modulation) => {
                    let from = if modulation.per_token { token * width } else { 0 };
                    let scale = &modulation.scale[from..][..width];
                    let shift = &modulation.shift[from..][..width];
                    for i in 0..width {
                        let plain = (x[i] - mean) * inverse * gamma[i] + beta[i];
                        y[i] = plain * (1.0 + scale[i]) + shift[i];
                    }
                }
            }
        }
    }
}

struct Backward<'a> {
    input: NormInput<'a>,
    moments: &'a [f32],
    grad: &'a [f32],
    dx: &'a mut [f32],
    /// Accumulated gradients of `gamma` and `beta`.
    sums: &'a mut [f32],
    scale: &'a mut [f32],
    shift: &'a mut [f32],
}

impl WithSimd for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { input, moments, grad, dx, sums, scale: d_scale, shift: d_shift } = self;
        let width = input.gamma.len();
        let (gamma, beta) = (&input.gamma[..width], &input.beta[..width]);
        let (d_gamma, d_beta) = sums.split_at_mut(width);
        let (d_gamma, d_beta) = (&mut d_gamma[..width], &mut d_beta[..width]);
        for token in 0..input.seq {
            let x = &input.x[token * width..][..width];
            let grad = &grad[token * width..][..width];
            let dx = &mut dx[token * width..][..width];
            let (mean, inverse) = (moments[2 * token], moments[2 * token + 1]);
            // `dx` first holds the gradient of the output of the plain norm.
            match input.modulation {
                None => dx.copy_from_slice(grad),
                Some(modulation) => {
                    let from = if modulation.per_token { token * width } else { 0 };
                    let scale = &modulation.scale[from..][..width];
                    let d_scale = &mut d_scale[from..][..width];
                    let d_shift = &mut d_shift[from..][..width];
                    for i in 0..width {
                        let plain = (x[i] - mean) * inverse * gamma[i] + beta[i];
                        d_scale[i] += grad[i] * plain;
                        d_shift[i] += grad[i];
                        dx[i] = grad[i] * (1.0 + scale[i]);
                    }
                }
            }
            for i in 0..width {
                d_gamma[i] += dx[i] * (x[i] - mean) * inverse;
                d_beta[i] += dx[i];
                dx[i] *= gamma[i];
            }
            let along_mean = lane_sum!(width, |i| dx[i]) / width as f32;
            let along_x = lane_sum!(width, |i| dx[i] * (x[i] - mean)) * inverse / width as f32;
            for i in 0..width {
                dx[i] = inverse * (dx[i] - along_mean - (x[i] - mean) * inverse * along_x);
            }
        }
    }
}
