//! Matrix products with factors rounded to bf16 and sums in single precision, for processors with
//! AVX512-BF16.
//!
//! The instruction multiplies pairs: rows `2p` and `2p + 1` of the right-hand factor are
//! interleaved, and so are columns of the left-hand one.

use std::cell::RefCell;

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::product::{MAX_ROWS, Matrix, Start};
use super::scratch::Scratch;
use super::{TASK, dispatch};

/// Columns of a panel: two AVX-512 vectors.
const WIDTH: usize = 32;

thread_local! {
    static LEFT: RefCell<Vec<u32>> = const { RefCell::new(Vec::new()) };
}

/// Whether this processor supports AVX512-BF16.
pub(crate) fn has_bf16() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bf16")
    }
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// Rounds `x` to bf16, ties to even, and returns the bits; NaN stays NaN.
#[inline(always)]
fn round(x: f32) -> u32 {
    let bits = x.to_bits();
    let rounded = bits.wrapping_add(0x7fff + (bits >> 16 & 1)) >> 16;
    if x.is_nan() { bits >> 16 | 0x40 } else { rounded }
}

#[inline(always)]
fn pair(low: f32, high: f32) -> u32 {
    round(low) | round(high) << 16
}

/// A right-hand factor in panels, `[panels, pairs, WIDTH]`. The bits of each pair are stored as an
/// `f32`, the element type of [`Scratch`].
#[derive(Debug)]
pub(crate) struct Packed {
    values: Scratch,
    rows: usize,
    cols: usize,
}

impl Packed {
    pub(crate) fn new(b: Matrix<'_>) -> Self {
        let (rows, cols) = (b.n_rows(), b.n_cols());
        let panel = rows.div_ceil(2) * WIDTH;
        let mut values = Scratch::take(cols.div_ceil(WIDTH) * panel);
        let least = TASK.div_ceil(panel.max(1));
        values.par_chunks_mut(panel.max(1)).with_min_len(least).enumerate().for_each(|(index, out)| {
            dispatch(PackPanel { b, from: index * WIDTH, out });
        });
        Self { values, rows, cols }
    }

    /// `c = start + a·self`; rows of `c` are `c_stride` apart.
    pub(crate) fn multiply(&self, a: Matrix<'_>, start: Start<'_>, c: &mut [f32], c_stride: usize) {
        let mut left = LEFT.take();
        let (row_stride, pair_stride) = pairs(a, &mut left);
        let n_pairs = self.rows.div_ceil(2);
        let mut row = 0;
        while row < a.n_rows() {
            let rows = match a.n_rows() - row {
                MAX_ROWS.. => MAX_ROWS,
                6.. => 6,
                3.. => 3,
                _ => 1,
            };
            for from in (0..self.cols).step_by(WIDTH) {
                let panel = &self.values[from * n_pairs..][..WIDTH * n_pairs];
                let cols = WIDTH.min(self.cols - from);
                let mut sums = [[0.0; WIDTH]; MAX_ROWS];
                let left = &left[(row * row_stride).min(left.len())..];
                let tile = Tile { left, row_stride, pair_stride, n_pairs, panel, sums: &mut sums };
                match rows {
                    1 => tile.run::<1>(),
                    3 => tile.run::<3>(),
                    6 => tile.run::<6>(),
                    _ => tile.run::<MAX_ROWS>(),
                }
                for (i, sums) in sums.iter().enumerate().take(rows) {
                    let c = &mut c[(row + i) * c_stride + from..][..cols];
                    start.put(&sums[..cols], from, c);
                }
            }
            row += rows;
        }
        LEFT.set(left);
    }
}

/// Rounds the columns from `from` on to one panel.
struct PackPanel<'a> {
    b: Matrix<'a>,
    from: usize,
    out: &'a mut [f32],
}

impl WithSimd for PackPanel<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { b, from, out } = self;
        let (rows, width) = (b.n_rows(), WIDTH.min(b.n_cols() - from));
        if width < WIDTH {
            out.fill(0.0);
        }
        if let Some(values) = b.row_major() {
            for (p, out) in out.chunks_exact_mut(WIDTH).enumerate() {
                let low = &values(2 * p)[from..from + width];
                if 2 * p + 1 < rows {
                    let high = &values(2 * p + 1)[from..from + width];
                    for col in 0..width {
                        out[col] = f32::from_bits(pair(low[col], high[col]));
                    }
                } else {
                    for col in 0..width {
                        out[col] = f32::from_bits(pair(low[col], 0.0));
                    }
                }
            }
            return;
        }
        let columns = b.transposed();
        let Some(values) = columns.row_major() else { unreachable!("contiguous along one direction") };
        for col in 0..width {
            let column = &values(from + col)[..rows];
            for (p, two) in column.chunks(2).enumerate() {
                let high = if two.len() == 2 { two[1] } else { 0.0 };
                out[p * WIDTH + col] = f32::from_bits(pair(two[0], high));
            }
        }
    }
}

/// Rounds `a` to pairs along its columns, in memory order. Returns the strides between rows and
/// between pairs.
fn pairs(a: Matrix<'_>, left: &mut Vec<u32>) -> (usize, usize) {
    let (rows, n_pairs) = (a.n_rows(), a.n_cols().div_ceil(2));
    left.resize(rows * n_pairs, 0);
    dispatch(RoundLeft { a, left });
    if a.row_major().is_some() { (n_pairs, 1) } else { (1, rows) }
}

struct RoundLeft<'a> {
    a: Matrix<'a>,
    left: &'a mut [u32],
}

impl WithSimd for RoundLeft<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { a, left } = self;
        let (rows, cols) = (a.n_rows(), a.n_cols());
        let n_pairs = cols.div_ceil(2);
        if let Some(values) = a.row_major() {
            for (row, out) in left.chunks_exact_mut(n_pairs.max(1)).enumerate() {
                let row = &values(row)[..cols];
                for (out, two) in out.iter_mut().zip(row.chunks_exact(2)) {
                    *out = pair(two[0], two[1]);
                }
                if cols % 2 == 1 {
                    out[n_pairs - 1] = pair(row[cols - 1], 0.0);
                }
            }
            return;
        }
        let columns = a.transposed();
        let Some(values) = columns.row_major() else { unreachable!("contiguous along one direction") };
        for (p, out) in left.chunks_exact_mut(rows.max(1)).enumerate() {
            let out = &mut out[..rows];
            let low = &values(2 * p)[..rows];
            if 2 * p + 1 < cols {
                let high = &values(2 * p + 1)[..rows];
                for i in 0..rows {
                    out[i] = pair(low[i], high[i]);
                }
            } else {
                for i in 0..rows {
                    out[i] = pair(low[i], 0.0);
                }
            }
        }
    }
}

struct Tile<'a> {
    left: &'a [u32],
    row_stride: usize,
    pair_stride: usize,
    n_pairs: usize,
    /// `[n_pairs, WIDTH]`.
    panel: &'a [f32],
    sums: &'a mut [[f32; WIDTH]; MAX_ROWS],
}

impl Tile<'_> {
    /// Computes `sums` for the first `ROWS` rows.
    fn run<const ROWS: usize>(self) {
        if self.n_pairs == 0 {
            return;
        }
        let last = (ROWS - 1) * self.row_stride + (self.n_pairs - 1) * self.pair_stride;
        assert!(last < self.left.len() && self.panel.len() >= self.n_pairs * WIDTH, "the tile is in bounds");
        #[cfg(target_arch = "x86_64")]
        #[expect(unsafe_code, reason = "instructions whose presence is checked")]
        // SAFETY: `has_bf16` is asserted, and the bounds are checked above.
        unsafe {
            assert!(has_bf16(), "bf16 products need AVX512-BF16");
            self.run_avx512::<ROWS>();
        }
        #[cfg(not(target_arch = "x86_64"))]
        panic!("bf16 products need AVX512-BF16, not {} rows elsewhere", self.sums.len());
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512bf16")]
    #[expect(
        unsafe_code,
        reason = "loads without bounds checks, and vectors of another type of the same size"
    )]
    fn run_avx512<const ROWS: usize>(self) {
        use std::arch::x86_64::{
            __m512bh, __m512i, _mm512_dpbf16_ps, _mm512_loadu_epi32, _mm512_set1_epi32, _mm512_setzero_ps,
            _mm512_storeu_ps,
        };
        let mut sum = [[_mm512_setzero_ps(); 2]; ROWS];
        let (left, panel) = (self.left.as_ptr(), self.panel.as_ptr().cast::<i32>());
        // SAFETY: `run` has checked that the last pair of the last row, and the last pair of the
        // panel, are in bounds; both vector types are 64 bytes without invalid values.
        unsafe {
            let vector = |x: __m512i| std::mem::transmute::<__m512i, __m512bh>(x);
            for p in 0..self.n_pairs {
                let b = [
                    vector(_mm512_loadu_epi32(panel.add(p * WIDTH))),
                    vector(_mm512_loadu_epi32(panel.add(p * WIDTH + WIDTH / 2))),
                ];
                for i in 0..ROWS {
                    let a = *left.add(i * self.row_stride + p * self.pair_stride);
                    let a = vector(_mm512_set1_epi32(a as i32));
                    for v in 0..2 {
                        sum[i][v] = _mm512_dpbf16_ps(sum[i][v], a, b[v]);
                    }
                }
            }
            for i in 0..ROWS {
                for v in 0..2 {
                    _mm512_storeu_ps(self.sums[i].as_mut_ptr().add(v * WIDTH / 2), sum[i][v]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::round;

    #[test]
    fn rounding_is_to_the_nearest_and_to_even() {
        for (x, bits) in [(1.0, 0x3f80), (-2.0, 0xc000), (0.0, 0), (f32::INFINITY, 0x7f80), (3.4e38, 0x7f80)]
        {
            assert_eq!(round(x), bits, "{x}");
        }
        // Values above 1 are 2⁻⁷ apart; halfway between two, the even one is taken.
        assert_eq!(round(1.0 + 0.5 / 128.0), 0x3f80);
        assert_eq!(round(1.0 + 1.5 / 128.0), 0x3f82);
        assert_eq!(round(1.0 + 0.51 / 128.0), 0x3f81);
        let nan = f32::from_bits(round(f32::from_bits(0x7f80_0001)) << 16);
        assert!(nan.is_nan());
    }
}
