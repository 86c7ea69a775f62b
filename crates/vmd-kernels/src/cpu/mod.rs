//! Kernels on slices.

pub(crate) mod activation;
pub(crate) mod attention;
pub(crate) mod math;
pub(crate) mod norm;
pub(crate) mod product;

/// Elements of an element-wise operation that one task handles.
const TASK: usize = 1 << 14;
