//! Kernels on slices.

pub(crate) mod activation;
pub(crate) mod attention;
pub(crate) mod math;
pub(crate) mod nll;
pub(crate) mod norm;
pub(crate) mod product;
pub(crate) mod scratch;

use rayon::prelude::*;

/// `n` zeros. Large vectors are written by all threads: zeroing and page faults would else be the longest stretch of a
/// training step that one thread does alone.
pub(crate) fn zeros(n: usize) -> Vec<f32> {
    if n < TASK { vec![0.0; n] } else { rayon::iter::repeat_n(0.0, n).with_min_len(TASK).collect() }
}

/// Elements of an element-wise operation that one task handles.
pub(crate) const TASK: usize = 1 << 14;
