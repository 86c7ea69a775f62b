//! Single-precision matrix products.

use std::cell::RefCell;

use pulp::{Simd, WithSimd};

use super::{bf16, dispatch};
use crate::Precision;

/// Depth of a block: the part of the inner dimension that is processed at once.
const DEPTH: usize = 512;
/// Depth of a block if the columns of `a` are first copied to a strip. Zeroing a longer strip takes
/// longer than a small product.
const STRIP_DEPTH: usize = 128;
/// Columns of a block. A block of `b`, this wide and [`DEPTH`] deep, stays in the second-level
/// cache.
const BLOCK_COLS: usize = 256;
/// Width of a tile in vectors.
pub(super) const VECTORS: usize = 2;

/// Rows of the tallest tile.
pub(super) const MAX_ROWS: usize = 12;

thread_local! {
    static PACKED: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

/// A matrix view of a slice, with strides.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Matrix<'a> {
    data: &'a [f32],
    rows: usize,
    cols: usize,
    row_stride: usize,
    col_stride: usize,
}

impl<'a> Matrix<'a> {
    /// A row-major `rows × cols` matrix; rows are `row_stride` apart.
    pub(crate) fn new(data: &'a [f32], rows: usize, cols: usize, row_stride: usize) -> Self {
        assert!(
            rows == 0 || cols == 0 || data.len() >= (rows - 1) * row_stride + cols,
            "the slice is too short"
        );
        Self { data, rows, cols, row_stride, col_stride: 1 }
    }

    /// The transpose, on the same data.
    #[inline(always)]
    pub(crate) fn transposed(self) -> Self {
        let Self { data, rows, cols, row_stride, col_stride } = self;
        Self { data, rows: cols, cols: rows, row_stride: col_stride, col_stride: row_stride }
    }

    /// Rows `from..from + n`, or fewer at the end.
    pub(crate) fn rows(self, from: usize, n: usize) -> Self {
        self.block(from.min(self.rows), n.min(self.rows.saturating_sub(from)), 0, self.cols)
    }

    #[inline(always)]
    pub(crate) fn n_rows(self) -> usize {
        self.rows
    }

    #[inline(always)]
    pub(crate) fn n_cols(self) -> usize {
        self.cols
    }

    /// `c = start + self·b` on this thread; rows of `c` are `c_stride` apart.
    pub(crate) fn multiply(
        self,
        b: Matrix<'_>,
        precision: Precision,
        start: Start<'_>,
        c: &mut [f32],
        c_stride: usize,
    ) {
        match precision {
            Precision::Bf16 => bf16::Packed::new(b).multiply(self, start, c, c_stride),
            _ => dispatch(Product { a: self, b, start, c, c_stride }),
        }
    }

    /// The values from a row on, if each row is contiguous.
    #[inline(always)]
    pub(crate) fn row_major(self) -> Option<impl Fn(usize) -> &'a [f32]> {
        (self.col_stride == 1).then_some(move |row: usize| &self.data[row * self.row_stride..])
    }

    #[inline(always)]
    pub(super) fn block(self, row: usize, rows: usize, col: usize, cols: usize) -> Self {
        let start = (row * self.row_stride + col * self.col_stride).min(self.data.len());
        Self { data: &self.data[start..], rows, cols, ..self }
    }
}

/// The values that a product is added to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Start<'a> {
    Zero,
    /// The values in `c`.
    Accumulate,
    /// One value per column.
    Bias(&'a [f32]),
    /// The values in `c`, and one value per column.
    AccumulateBias(&'a [f32]),
}

impl Start<'_> {
    /// Writes `sums`, of columns from `from` on, to `c`.
    pub(crate) fn put(self, sums: &[f32], from: usize, c: &mut [f32]) {
        let n = sums.len();
        match self {
            Self::Zero => c.copy_from_slice(sums),
            Self::Accumulate => c.iter_mut().zip(sums).for_each(|(c, sum)| *c += sum),
            Self::Bias(bias) => {
                c.iter_mut()
                    .zip(sums)
                    .zip(&bias[from..from + n])
                    .for_each(|((c, sum), bias)| *c = sum + bias);
            }
            Self::AccumulateBias(bias) => {
                c.iter_mut()
                    .zip(sums)
                    .zip(&bias[from..from + n])
                    .for_each(|((c, sum), bias)| *c += sum + bias);
            }
        }
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
        pack_and_multiply(simd, self);
    }
}

/// [`Product`] with `b` packed into panels.
pub(super) struct PackedProduct<'a> {
    pub(super) a: Matrix<'a>,
    /// Panels, each `[inner, width]`.
    pub(super) b: &'a [f32],
    pub(super) cols: usize,
    pub(super) start: Start<'a>,
    pub(super) c: &'a mut [f32],
    pub(super) c_stride: usize,
}

impl WithSimd for PackedProduct<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        multiply_packed(simd, self);
    }
}

/// Computes a [`Product`] inside another operation. It is a call: inlined, all tiles would be
/// compiled again for every product of that operation.
#[inline(always)]
pub(crate) fn multiply<S: Simd>(simd: S, product: Product<'_>) {
    simd.vectorize(product);
}

#[inline(always)]
fn pack_and_multiply<S: Simd>(simd: S, product: Product<'_>) {
    let Product { a, b, start, c, c_stride } = product;
    let width = VECTORS * S::F32_LANES;
    // No closures: they would be compiled without the target features of `simd`.
    let mut packed = PACKED.take();
    let panels = b.cols.div_ceil(width);
    packed.resize(packed.len().max(panels * width * b.rows), 0.0);
    for (index, out) in packed.chunks_exact_mut((width * b.rows).max(1)).take(panels).enumerate() {
        let from = index * width;
        pack(b.block(0, b.rows, from, width.min(b.cols - from)), width, out);
    }
    multiply_packed(simd, PackedProduct { a, b: &packed, cols: b.cols, start, c, c_stride });
    PACKED.set(packed);
}

#[inline(always)]
fn multiply_packed<S: Simd>(simd: S, product: PackedProduct<'_>) {
    // The tile's accumulators, one row of `b` and a broadcast element of `a` fill the registers.
    match S::F32_LANES {
        16 => multiply_tiled::<S, 12>(simd, product),
        8 => multiply_tiled::<S, 6>(simd, product),
        _ => multiply_tiled::<S, 4>(simd, product),
    }
}

#[inline(always)]
fn multiply_tiled<S: Simd, const ROWS: usize>(simd: S, product: PackedProduct<'_>) {
    let PackedProduct { a, b: packed, cols, start, c, c_stride } = product;
    let (rows, inner) = (a.rows, a.cols);
    let width = VECTORS * S::F32_LANES;
    // On the stack and of fixed size; alternatives kept the sums of the loops below in memory, not
    // in registers.
    let mut strip = [0.0; MAX_ROWS * STRIP_DEPTH];
    let max_depth = if a.col_stride == 1 { DEPTH } else { STRIP_DEPTH };
    for col in (0..cols).step_by(BLOCK_COLS) {
        let panels = BLOCK_COLS.min(cols - col).div_ceil(width);
        for depth in (0..inner.max(1)).step_by(max_depth) {
            let block_depth = max_depth.min(inner - depth);
            let start = if depth > 0 { Start::Accumulate } else { start };
            let mut row = 0;
            while row < rows {
                let left = rows - row;
                let tile_rows = if left >= ROWS {
                    ROWS
                } else if left >= 6 {
                    6
                } else if left >= 3 {
                    3
                } else {
                    1
                };
                let mut a = a.block(row, tile_rows, depth, block_depth);
                if a.col_stride != 1 {
                    // Columns of `a` may be far apart. A contiguous copy stays in the first-level
                    // cache.
                    match tile_rows {
                        1 => gather::<1>(a, &mut strip),
                        3 => gather::<3>(a, &mut strip),
                        6 => gather::<6>(a, &mut strip),
                        _ => gather::<ROWS>(a, &mut strip),
                    }
                    a = Matrix { data: &strip, col_stride: tile_rows, ..a };
                }
                for panel in 0..panels {
                    let from = col + panel * width;
                    let b = (from / width * inner + depth) * width;
                    let tile = Tile {
                        a,
                        b: &packed[b..b + width * block_depth],
                        start: match start {
                            Start::Bias(bias) => Start::Bias(&bias[from..]),
                            Start::AccumulateBias(bias) => Start::AccumulateBias(&bias[from..]),
                            other => other,
                        },
                        cols: width.min(cols - from),
                        c: &mut c[row * c_stride + from..],
                        c_stride,
                    };
                    match (tile_rows, a.col_stride == 1) {
                        (1, true) => tile.run::<S, 1, true>(simd),
                        (1, false) => tile.run::<S, 1, false>(simd),
                        (3, true) => tile.run::<S, 3, true>(simd),
                        (3, false) => tile.run::<S, 3, false>(simd),
                        (6, true) => tile.run::<S, 6, true>(simd),
                        (6, false) => tile.run::<S, 6, false>(simd),
                        (_, true) => tile.run::<S, ROWS, true>(simd),
                        (_, false) => tile.run::<S, ROWS, false>(simd),
                    }
                }
                row += tile_rows;
            }
        }
    }
}

/// Copies the columns of `a`, of `ROWS` elements each, to contiguous memory.
#[inline(always)]
fn gather<const ROWS: usize>(a: Matrix<'_>, strip: &mut [f32]) {
    let columns = a.data.chunks(a.col_stride).zip(strip.chunks_exact_mut(ROWS));
    for (from, to) in columns.take(a.cols) {
        // Copies of a fixed size compile to register moves, others to calls.
        to[..ROWS].copy_from_slice(&from[..ROWS]);
    }
}

/// Copies `b`, with at most `width` columns, to one panel of `width` columns, padded with zeros.
#[inline(always)]
pub(super) fn pack(b: Matrix<'_>, width: usize, out: &mut [f32]) {
    let cols = b.cols;
    if cols < width {
        out.fill(0.0);
    }
    if b.col_stride == 1 {
        for (row, out) in out.chunks_exact_mut(width).enumerate().take(b.rows) {
            out[..cols].copy_from_slice(&b.data[row * b.row_stride..][..cols]);
        }
    } else {
        for col in 0..cols {
            let column = b.data[col * b.col_stride..].iter().step_by(b.row_stride);
            out[col..]
                .iter_mut()
                .step_by(width)
                .zip(column)
                .take(b.rows)
                .for_each(|(out, &value)| *out = value);
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
        // Counted loops are unrolled and keep the sums in registers; with iterators the sums were
        // in memory.
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
                    Start::AccumulateBias(bias) => simd.add_f32s(load(simd, c), load(simd, &bias[from..to])),
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

/// Loads a full vector, or a partial one if the slice is shorter.
#[inline(always)]
fn load<S: Simd>(simd: S, values: &[f32]) -> S::f32s {
    if values.len() == S::F32_LANES { S::as_simd_f32s(values).0[0] } else { simd.partial_load_f32s(values) }
}
