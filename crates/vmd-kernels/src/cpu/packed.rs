//! Packed right-hand factors, and the division of rows into blocks and parts.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::product::{MAX_ROWS, Matrix, PackedProduct, Start, VECTORS, pack};
use super::scratch::Scratch;
use super::{TASK, bf16, dispatch};
use crate::Precision;

/// Vector lanes of this processor.
fn lanes() -> usize {
    struct Lanes;
    impl WithSimd for Lanes {
        type Output = usize;

        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> usize {
            S::F32_LANES
        }
    }
    dispatch(Lanes)
}

/// A right-hand factor, packed once and read by all threads.
#[derive(Debug)]
pub(crate) enum Packed {
    F32(Panels),
    Bf16(bf16::Packed),
}

impl Packed {
    /// Packs `b`, with all threads if it is large.
    pub(crate) fn new(b: Matrix<'_>, precision: Precision) -> Self {
        match precision {
            Precision::Bf16 => Self::Bf16(bf16::Packed::new(b)),
            _ => Self::F32(Panels::new(b)),
        }
    }

    /// `c = start + a·self` on this thread; rows of `c` are `c_stride` apart.
    pub(crate) fn multiply(&self, a: Matrix<'_>, start: Start<'_>, c: &mut [f32], c_stride: usize) {
        match self {
            Self::Bf16(packed) => packed.multiply(a, start, c, c_stride),
            Self::F32(Panels { values, rows, cols }) => {
                assert_eq!(a.n_cols(), *rows, "inner dimensions");
                dispatch(PackedProduct { a, b: values, cols: *cols, start, c, c_stride });
            }
        }
    }
}

/// Panels of the width of a tile, each stored row by row.
#[derive(Debug)]
pub(crate) struct Panels {
    values: Scratch,
    rows: usize,
    cols: usize,
}

impl Panels {
    fn new(b: Matrix<'_>) -> Self {
        let width = VECTORS * lanes();
        let panel = (b.n_rows() * width).max(1);
        let mut values = Scratch::take(b.n_cols().div_ceil(width) * panel);
        values.par_chunks_mut(panel).with_min_len(TASK.div_ceil(panel)).enumerate().for_each(
            |(index, out)| {
                let from = index * width;
                pack(b.block(0, b.n_rows(), from, width.min(b.n_cols() - from)), width, out);
            },
        );
        Self { values, rows: b.n_rows(), cols: b.n_cols() }
    }
}

/// Rows of a block. A thread runs several products on a block while it is in the second-level
/// cache.
pub(crate) const BLOCK_ROWS: usize = 96;

/// Rows per task of a product over all threads: a block, or less if there would be fewer blocks
/// than threads.
pub(crate) fn block_rows(rows: usize) -> usize {
    let share = rows.div_ceil(rayon::current_num_threads()).next_multiple_of(MAX_ROWS / 2);
    share.clamp(MAX_ROWS, BLOCK_ROWS)
}

/// Divides `rows` into parts whose sums are added in order. The parts, and so the bits of the
/// result, do not depend on the number of threads. Returns the number of parts and the rows of each
/// except the last.
pub(crate) fn parts(rows: usize) -> (usize, usize) {
    let size = rows.div_ceil((rows / 64).clamp(1, 8)).max(1);
    (rows.div_ceil(size), size)
}

/// Divides `values` into `n` parts of `size`; if `values` is empty, so are all parts.
pub(crate) fn shares(values: &mut [f32], size: usize, n: usize) -> Vec<&mut [f32]> {
    let mut shares: Vec<&mut [f32]> = values.chunks_mut(size.max(1)).collect();
    shares.resize_with(n, Default::default);
    shares
}

/// Sum of buffers of `n` values, in order, with all threads.
pub(crate) fn total(mut parts: Vec<Scratch>, n: usize) -> Scratch {
    if parts.is_empty() {
        return Scratch::zeroed(n);
    }
    let mut sum = parts.remove(0);
    sum.par_chunks_mut(TASK).enumerate().for_each(|(index, sum)| {
        let from = index * TASK;
        for part in &parts {
            add_rows(&part[from..from + sum.len()], sum);
        }
    });
    sum
}

/// Adds the rows of `a` (`[rows, cols]`) to `sum`.
pub(crate) fn add_rows(a: &[f32], sum: &mut [f32]) {
    dispatch(AddRows { a, sum });
}

struct AddRows<'a> {
    a: &'a [f32],
    sum: &'a mut [f32],
}

impl WithSimd for AddRows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { a, sum } = self;
        for row in a.chunks_exact(sum.len().max(1)) {
            for i in 0..row.len() {
                sum[i] += row[i];
            }
        }
    }
}
