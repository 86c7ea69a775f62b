//! CPU kernels on slices.

#![allow(clippy::needless_range_loop, reason = "counted loops leave sums in registers, iterators do not")]

pub(crate) mod activation;
pub(crate) mod attention;
mod bf16;
pub(crate) mod context;
pub(crate) mod math;
pub(crate) mod nll;
pub(crate) mod norm;
pub(crate) mod packed;
pub(crate) mod product;
pub(crate) mod scratch;

use std::sync::OnceLock;

use pulp::{Arch, WithSimd};
use rayon::prelude::*;

pub(crate) use bf16::has_bf16;

/// Runs `operation` with the widest vectors of this processor, or with those named by
/// `VMD_INSTRUCTIONS`.
#[inline(always)]
pub(crate) fn dispatch<O: WithSimd>(operation: O) -> O::Output {
    arch().dispatch(operation)
}

fn arch() -> Arch {
    static ARCH: OnceLock<Arch> = OnceLock::new();
    *ARCH.get_or_init(|| match std::env::var("VMD_INSTRUCTIONS").as_deref() {
        Ok("scalar") => Arch::Scalar,
        #[cfg(target_arch = "x86_64")]
        Ok("avx2") => pulp::x86::V3::try_new().map_or(Arch::Scalar, Arch::V3),
        _ => Arch::new(),
    })
}

/// The vector instructions that the kernels use: the widest of this processor, or those named by
/// the environment variable `VMD_INSTRUCTIONS` (`avx2` or `scalar`).
pub fn instructions() -> &'static str {
    match arch() {
        #[cfg(target_arch = "x86_64")]
        Arch::V4(_) => "AVX-512",
        #[cfg(target_arch = "x86_64")]
        Arch::V3(_) => "AVX2",
        #[cfg(target_arch = "aarch64")]
        Arch::Neon(_) => "NEON",
        _ => "scalar",
    }
}

/// Returns `n` zeros. Large vectors are written by all threads: zeroing and page faults would
/// otherwise be the longest single-threaded part of a training step.
pub(crate) fn zeros(n: usize) -> Vec<f32> {
    if n < TASK { vec![0.0; n] } else { rayon::iter::repeat_n(0.0, n).with_min_len(TASK).collect() }
}

/// Elements per task of an element-wise operation.
pub(crate) const TASK: usize = 1 << 14;
