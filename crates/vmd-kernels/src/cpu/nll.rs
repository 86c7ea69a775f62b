//! Negative log-likelihoods of chosen entries.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::norm::lane_sum;
use super::scratch::Scratch;
use super::{TASK, dispatch, math};

/// `ln Σ exp(logits) − logits[target]` of every row with a target, and 0 of the others; writes
/// `ln Σ exp` to `log_sum`.
pub(crate) fn forward(logits: &[f32], targets: &[Option<usize>], log_sum: &mut [f32]) -> Scratch {
    let vocab = logits.len() / targets.len().max(1);
    let rows = TASK.div_ceil(vocab.max(1));
    let mut nll = Scratch::zeroed(targets.len());
    nll.par_chunks_mut(rows)
        .zip(log_sum.par_chunks_mut(rows))
        .zip(targets.par_chunks(rows))
        .zip(logits.par_chunks((rows * vocab).max(1)))
        .for_each(|(((nll, log_sum), targets), logits)| {
            dispatch(Forward { logits, vocab, targets, nll, log_sum });
        });
    nll
}

/// The gradient of the logits.
pub(crate) fn backward(logits: &[f32], targets: &[Option<usize>], log_sum: &[f32], grad: &[f32]) -> Scratch {
    let vocab = logits.len() / targets.len().max(1);
    let rows = TASK.div_ceil(vocab.max(1));
    let mut d_logits = Scratch::zeroed(logits.len());
    let size = (rows * vocab).max(1);
    d_logits
        .par_chunks_mut(size)
        .zip(logits.par_chunks(size))
        .zip(targets.par_chunks(rows))
        .zip(log_sum.par_chunks(rows))
        .zip(grad.par_chunks(rows))
        .for_each(|((((d_logits, logits), targets), log_sum), grad)| {
            dispatch(Backward { logits, vocab, targets, log_sum, grad, d_logits });
        });
    d_logits
}

struct Forward<'a> {
    logits: &'a [f32],
    vocab: usize,
    targets: &'a [Option<usize>],
    nll: &'a mut [f32],
    log_sum: &'a mut [f32],
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { logits, vocab, targets, nll, log_sum } = self;
        for position in 0..targets.len() {
            let Some(target) = targets[position] else { continue };
            let logits = &logits[position * vocab..][..vocab];
            let mut largest = f32::NEG_INFINITY;
            for &logit in logits {
                largest = if logit > largest { logit } else { largest };
            }
            let sum = lane_sum!(vocab, |i| math::exp(logits[i] - largest));
            log_sum[position] = largest + sum.ln();
            nll[position] = log_sum[position] - logits[target];
        }
    }
}

struct Backward<'a> {
    logits: &'a [f32],
    vocab: usize,
    targets: &'a [Option<usize>],
    log_sum: &'a [f32],
    grad: &'a [f32],
    d_logits: &'a mut [f32],
}

impl WithSimd for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { logits, vocab, targets, log_sum, grad, d_logits } = self;
        for position in 0..targets.len() {
            let Some(target) = targets[position] else { continue };
            let logits = &logits[position * vocab..][..vocab];
            let d_logits = &mut d_logits[position * vocab..][..vocab];
            let (log_sum, grad) = (log_sum[position], grad[position]);
            for i in 0..vocab {
                d_logits[i] = math::exp(logits[i] - log_sum) * grad;
            }
            d_logits[target] -= grad;
        }
    }
}
