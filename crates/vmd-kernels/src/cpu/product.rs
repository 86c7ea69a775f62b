//! Single-precision matrix products.

use std::cell::RefCell;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::scratch::Scratch;

/// Inner dimension handled at once: a block of `b` this deep stays in the second-level cache.
const DEPTH: usize = 512;
/// Columns packed at once.
const PACKED_COLS: usize = 256;
/// Vectors that a tile is wide.
const VECTORS: usize = 2;

/// Rows of the tallest tile.
const MAX_ROWS: usize = 12;

thread_local! {
    static PACKED: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

/// A matrix inside a slice.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Matrix<'a> {
    data: &'a [f32],
    rows: usize,
    cols: usize,
    row_stride: usize,
    col_stride: usize,
}

impl<'a> Matrix<'a> {
    /// `rows × cols`, row after row, each `row_stride` after the one before.
    pub(crate) fn new(data: &'a [f32], rows: usize, cols: usize, row_stride: usize) -> Self {
        assert!(
            rows == 0 || cols == 0 || data.len() >= (rows - 1) * row_stride + cols,
            "the slice is too short"
        );
        Self { data, rows, cols, row_stride, col_stride: 1 }
    }

    /// The transpose, of the same data.
    #[inline(always)]
    pub(crate) fn transposed(self) -> Self {
        let Self { data, rows, cols, row_stride, col_stride } = self;
        Self { data, rows: cols, cols: rows, row_stride: col_stride, col_stride: row_stride }
    }

    #[inline(always)]
    fn block(self, row: usize, rows: usize, col: usize, cols: usize) -> Self {
        let start = (row * self.row_stride + col * self.col_stride).min(self.data.len());
        Self { data: &self.data[start..], rows, cols, ..self }
    }
}

/// `c = a·b + bias` for contiguous `c` (`[rows, cols]`), over all threads.
pub(crate) fn product(a: Matrix<'_>, b: Matrix<'_>, bias: Option<&[f32]>, c: &mut [f32]) {
    assert_eq!(a.cols, b.rows, "inner dimensions");
    assert_eq!(c.len(), a.rows * b.cols, "size of the output");
    if c.is_empty() {
        return;
    }
    let rows = share(a.rows, b.cols * a.cols);
    c.par_chunks_mut(rows * b.cols).enumerate().for_each(|(index, c)| {
        let from = index * rows;
        let a = a.block(from, rows.min(a.rows - from), 0, a.cols);
        let start = Start::bias_or_zero(bias);
        Arch::new().dispatch(Product { a, b, start, c, c_stride: b.cols });
    });
}

/// `aᵀ·b` for `a` (`[n, rows]`) and `b` (`[n, cols]`) with a long `n`, over all threads.
///
/// `n` is cut into parts that do not depend on the number of threads, so that neither do the bits of the result.
pub(crate) fn transposed_product(a: Matrix<'_>, b: Matrix<'_>) -> Vec<f32> {
    assert_eq!(a.rows, b.rows, "inner dimensions");
    let n = a.rows;
    let parts = (n / DEPTH).clamp(1, 8);
    let depth = n.div_ceil(parts);
    let partial: Vec<Scratch> = (0..parts)
        .into_par_iter()
        .map(|part| {
            let from = (part * depth).min(n);
            let depth = depth.min(n - from);
            let mut c = Scratch::take(a.cols * b.cols);
            Arch::new().dispatch(Product {
                a: a.block(from, depth, 0, a.cols).transposed(),
                b: b.block(from, depth, 0, b.cols),
                start: Start::Zero,
                c: &mut c,
                c_stride: b.cols,
            });
            c
        })
        .collect();
    let mut c = partial[0].to_vec();
    for part in &partial[1..] {
        c.iter_mut().zip(part.iter()).for_each(|(c, part)| *c += part);
    }
    c
}

/// Sum over the rows of `a` (`[rows, cols]`), in parts that do not depend on the number of threads.
pub(crate) fn sum_of_rows(a: &[f32], cols: usize) -> Vec<f32> {
    let partial: Vec<Vec<f32>> = a
        .par_chunks((DEPTH * cols).max(1))
        .map(|rows| {
            let mut sum = vec![0.0; cols];
            for row in rows.chunks_exact(cols) {
                sum.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
            }
            sum
        })
        .collect();
    let mut total = vec![0.0; cols];
    for sum in partial {
        total.iter_mut().zip(sum).for_each(|(total, sum)| *total += sum);
    }
    total
}

/// Rows for each task: whole tiles, several tasks a thread, but none too small to be worth waking a thread and packing `b`
/// once more.
fn share(rows: usize, work_per_row: usize) -> usize {
    let worthwhile = (rows * work_per_row / 500_000).min(rows / (3 * MAX_ROWS));
    let tasks = worthwhile.clamp(1, 4 * rayon::current_num_threads());
    rows.div_ceil(tasks).next_multiple_of(MAX_ROWS)
}

/// What a product is added to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Start<'a> {
    Zero,
    /// What `c` holds.
    Accumulate,
    /// One value a column.
    Bias(&'a [f32]),
}

impl<'a> Start<'a> {
    fn bias_or_zero(bias: Option<&'a [f32]>) -> Self {
        bias.map_or(Self::Zero, Self::Bias)
    }
}

/// `c = start + a·b` on this thread; rows of `c` are `c_stride` apart.
pub(crate) struct Product<'a> {
    pub(crate) a: Matrix<'a>,
    pub(crate) b: Matrix<'a>,
    pub(crate) start: Start<'a>,
    pub(crate) c: &'a mut [f32],
    pub(crate) c_stride: usize,
}

impl WithSimd for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        multiply(simd, self);
    }
}

#[inline(always)]
pub(crate) fn multiply<S: Simd>(simd: S, product: Product<'_>) {
    // The tile's accumulators, one row of `b` and a broadcast element of `a` fill the registers.
    match S::F32_LANES {
        16 => multiply_tiled::<S, 12>(simd, product),
        8 => multiply_tiled::<S, 6>(simd, product),
        _ => multiply_tiled::<S, 4>(simd, product),
    }
}

#[inline(always)]
fn multiply_tiled<S: Simd, const ROWS: usize>(simd: S, product: Product<'_>) {
    let Product { a, b, start, c, c_stride } = product;
    let (rows, cols, inner) = (a.rows, b.cols, a.cols);
    let width = VECTORS * S::F32_LANES;
    // Closures would be compiled without the features of `simd`: there are none here.
    let mut packed = PACKED.take();
    let mut strip = [0.0; MAX_ROWS * DEPTH];
    {
        let packed = &mut packed;
        for col in (0..cols).step_by(PACKED_COLS) {
            let block_cols = PACKED_COLS.min(cols - col);
            let panels = block_cols.div_ceil(width);
            for depth in (0..inner.max(1)).step_by(DEPTH) {
                let block_depth = DEPTH.min(inner - depth);
                packed.resize(packed.len().max(panels * width * block_depth), 0.0);
                pack(b.block(depth, block_depth, col, block_cols), width, packed);
                let start = if depth > 0 { Start::Accumulate } else { start };
                let mut row = 0;
                while row < rows {
                    let left = rows - row;
                    let tile_rows = if left >= ROWS {
                        ROWS
                    } else if left >= 4 {
                        4
                    } else {
                        1
                    };
                    let mut a = a.block(row, tile_rows, depth, block_depth);
                    if a.col_stride != 1 {
                        // Its columns may lie far apart; side by side they stay in the first-level cache.
                        let columns = a.data.chunks(a.col_stride).zip(strip.chunks_exact_mut(tile_rows));
                        for (from, to) in columns.take(block_depth) {
                            to.copy_from_slice(&from[..tile_rows]);
                        }
                        a = Matrix { data: &strip, col_stride: tile_rows, ..a };
                    }
                    for panel in 0..panels {
                        let from = col + panel * width;
                        let tile = Tile {
                            a,
                            b: &packed[panel * width * block_depth..(panel + 1) * width * block_depth],
                            start: match start {
                                Start::Bias(bias) => Start::Bias(&bias[from..]),
                                other => other,
                            },
                            cols: width.min(cols - from),
                            c: &mut c[row * c_stride + from..],
                            c_stride,
                        };
                        match (tile_rows, a.col_stride == 1) {
                            (1, true) => tile.run::<S, 1, true>(simd),
                            (1, false) => tile.run::<S, 1, false>(simd),
                            (4, true) => tile.run::<S, 4, true>(simd),
                            (4, false) => tile.run::<S, 4, false>(simd),
                            (_, true) => tile.run::<S, ROWS, true>(simd),
                            (_, false) => tile.run::<S, ROWS, false>(simd),
                        }
                    }
                    row += tile_rows;
                }
            }
        }
    }
    PACKED.set(packed);
}

/// Copies `b` to panels of `width` columns, row after row, with zeros for columns that are not there.
#[inline(always)]
fn pack(b: Matrix<'_>, width: usize, packed: &mut [f32]) {
    for (panel, out) in
        packed.chunks_exact_mut(width * b.rows.max(1)).take(b.cols.div_ceil(width)).enumerate()
    {
        let from = panel * width;
        let cols = width.min(b.cols - from);
        if b.col_stride == 1 {
            for (row, out) in out.chunks_exact_mut(width).enumerate() {
                let start = row * b.row_stride + from;
                out[..cols].copy_from_slice(&b.data[start..start + cols]);
                out[cols..].fill(0.0);
            }
        } else {
            for col in 0..width {
                let out = out[col..].iter_mut().step_by(width);
                if col < cols {
                    // Rows of the transpose lie side by side.
                    let start = (from + col) * b.col_stride;
                    let column = b.data[start..].iter().step_by(b.row_stride);
                    out.zip(column).for_each(|(out, &value)| *out = value);
                } else {
                    out.for_each(|out| *out = 0.0);
                }
            }
        }
    }
}

/// One tile of the output.
struct Tile<'a> {
    a: Matrix<'a>,
    /// Packed, `[inner, width]`.
    b: &'a [f32],
    start: Start<'a>,
    cols: usize,
    c: &'a mut [f32],
    c_stride: usize,
}

impl Tile<'_> {
    #[inline(always)]
    fn run<S: Simd, const ROWS: usize, const ROW_MAJOR: bool>(self, simd: S) {
        let lanes = S::F32_LANES;
        let width = VECTORS * lanes;
        let inner = self.a.cols;
        // Counted loops are unrolled and leave the sums in registers; with iterators they went through memory.
        let mut sum = [[simd.splat_f32s(0.0); VECTORS]; ROWS];
        if ROW_MAJOR {
            let mut rows: [&[f32]; ROWS] = [&[]; ROWS];
            for (i, row) in rows.iter_mut().enumerate() {
                *row = &self.a.data[i * self.a.row_stride..][..inner];
            }
            for (k, b) in self.b.chunks_exact(width).take(inner).enumerate() {
                let b = [load(simd, &b[..lanes]), load(simd, &b[lanes..])];
                for i in 0..ROWS {
                    let a = simd.splat_f32s(rows[i][k]);
                    for v in 0..VECTORS {
                        sum[i][v] = simd.mul_add_f32s(a, b[v], sum[i][v]);
                    }
                }
            }
        } else {
            let columns = self.a.data.chunks_exact(ROWS);
            for (a, b) in columns.zip(self.b.chunks_exact(width)).take(inner) {
                let b = [load(simd, &b[..lanes]), load(simd, &b[lanes..])];
                for i in 0..ROWS {
                    let a = simd.splat_f32s(a[i]);
                    for v in 0..VECTORS {
                        sum[i][v] = simd.mul_add_f32s(a, b[v], sum[i][v]);
                    }
                }
            }
        }
        for (i, sum) in sum.iter().enumerate() {
            let c = &mut self.c[i * self.c_stride..][..self.cols];
            for (v, &sum) in sum.iter().enumerate() {
                let (from, to) = ((v * lanes).min(self.cols), ((v + 1) * lanes).min(self.cols));
                let c = &mut c[from..to];
                let start = match self.start {
                    Start::Zero => simd.splat_f32s(0.0),
                    Start::Accumulate => load(simd, c),
                    Start::Bias(bias) => load(simd, &bias[from..to]),
                };
                let total = simd.add_f32s(start, sum);
                if c.len() == lanes {
                    S::as_mut_simd_f32s(c).0[0] = total;
                } else {
                    simd.partial_store_f32s(c, total);
                }
            }
        }
    }
}

/// A vector, or the part of one that is there.
#[inline(always)]
fn load<S: Simd>(simd: S, values: &[f32]) -> S::f32s {
    if values.len() == S::F32_LANES { S::as_simd_f32s(values).0[0] } else { simd.partial_load_f32s(values) }
}
