//! Softmax attention within ranges.

use std::ops::Range;

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::attention::{LANES, dot, fill_up, row, softmax_in_place};
use super::product::{Matrix, Product, Start, multiply};
use super::scratch::Scratch;
use super::{dispatch, math};
use crate::KeyRanges;

/// Queries per tile. Larger tiles share more of a product, but compute more scores outside the
/// ranges.
const TILE: usize = 48;

/// Sizes and ranges.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape<'a> {
    pub(crate) width: usize,
    pub(crate) heads: usize,
    /// Channels of an earlier token; the last ones are keys and values.
    pub(crate) past_channels: usize,
    pub(crate) ranges: &'a KeyRanges,
}

impl Shape<'_> {
    fn sizes(self) -> [usize; 3] {
        let (seq, past_len) = (self.ranges.seq(), self.ranges.past_len());
        [(seq * self.width).max(1), (seq * self.heads).max(1), past_len * self.past_channels]
    }

    fn channels(self) -> usize {
        self.width / self.heads
    }

    fn tiles(self) -> impl Iterator<Item = Tile> {
        let seq = self.ranges.seq();
        (0..seq).step_by(TILE).map(move |from| Tile::new(from..(from + TILE).min(seq), self.ranges))
    }

    /// Number of scores of the largest tile.
    fn largest(self) -> usize {
        self.tiles().map(|tile| tile.queries.len() * tile.row()).max().unwrap_or(0)
    }
}

/// Queries, and the union of their keys.
struct Tile {
    queries: Range<usize>,
    past: Range<usize>,
    own: Range<usize>,
}

impl Tile {
    fn new(queries: Range<usize>, ranges: &KeyRanges) -> Self {
        let keys = &ranges.queries()[queries.clone()];
        let past = union(keys.iter().map(|keys| &keys.past));
        Self { queries, past, own: union(keys.iter().map(|keys| &keys.own)) }
    }

    fn n_keys(&self) -> usize {
        self.past.len() + self.own.len()
    }

    /// Padded number of scores of a query.
    fn row(&self) -> usize {
        self.n_keys().next_multiple_of(LANES)
    }
}

/// The smallest range that contains all non-empty ranges.
fn union<'a>(ranges: impl Iterator<Item = &'a Range<usize>>) -> Range<usize> {
    let both = |a: Range<usize>, b: Range<usize>| a.start.min(b.start)..a.end.max(b.end);
    ranges.filter(|range| !range.is_empty()).cloned().reduce(both).unwrap_or(0..0)
}

/// Inputs of one head of a sequence.
#[derive(Clone, Copy)]
struct Head<'a> {
    shape: Shape<'a>,
    from: usize,
    qkv: &'a [f32],
    past: &'a [f32],
}

impl<'a> Head<'a> {
    #[inline(always)]
    fn queries(self, tile: &Tile) -> Matrix<'a> {
        let (stride, channels) = (3 * self.shape.width, self.shape.channels());
        Matrix::new(
            &self.qkv[tile.queries.start * stride + self.from..],
            tile.queries.len(),
            channels,
            stride,
        )
    }

    /// Keys (`part` 0) or values (`part` 1) of the earlier tokens.
    #[inline(always)]
    fn past(self, part: usize, tile: &Tile) -> Matrix<'a> {
        let (stride, channels) = (self.shape.past_channels, self.shape.channels());
        let column = stride - (2 - part) * self.shape.width + self.from;
        let start = (tile.past.start * stride + column).min(self.past.len());
        Matrix::new(&self.past[start..], tile.past.len(), channels, stride)
    }

    /// Keys or values of the new tokens.
    #[inline(always)]
    fn own(self, part: usize, tile: &Tile) -> Matrix<'a> {
        let (stride, channels) = (3 * self.shape.width, self.shape.channels());
        let column = (1 + part) * self.shape.width + self.from;
        Matrix::new(&self.qkv[tile.own.start * stride + column..], tile.own.len(), channels, stride)
    }

    /// `a` times the transposed keys or values, `[queries, row]`, with `outside` for keys outside a
    /// query's ranges.
    #[inline(always)]
    fn scores<S: Simd>(self, simd: S, a: Matrix<'_>, part: usize, tile: &Tile, outside: f32, c: &mut [f32]) {
        let (row, n_past) = (tile.row(), tile.past.len());
        if n_past > 0 {
            let b = self.past(part, tile).transposed();
            multiply(simd, Product { a, b, start: Start::Zero, c: &mut *c, c_stride: row });
        }
        let b = self.own(part, tile).transposed();
        multiply(simd, Product { a, b, start: Start::Zero, c: &mut c[n_past..], c_stride: row });
        fill_up(c, tile.n_keys(), outside);
        for (scores, query) in c.chunks_exact_mut(row).zip(tile.queries.clone()) {
            let keys = &self.shape.ranges.queries()[query];
            // An empty `keys.past` may lie outside the tile; use an empty range inside it.
            let past = if keys.past.is_empty() { tile.past.end..tile.past.end } else { keys.past.clone() };
            scores[..past.start - tile.past.start].fill(outside);
            scores[past.end - tile.past.start..n_past].fill(outside);
            scores[n_past..n_past + keys.own.start - tile.own.start].fill(outside);
            scores[n_past + keys.own.end - tile.own.start..tile.n_keys()].fill(outside);
        }
    }

    /// Writes `p` times the keys or values to `c`.
    #[inline(always)]
    fn mix<S: Simd>(self, simd: S, p: &[f32], part: usize, tile: &Tile, c: &mut [f32], c_stride: usize) {
        let (row, n_past, n) = (tile.row(), tile.past.len(), tile.queries.len());
        let mut start = Start::Zero;
        if n_past > 0 {
            let (a, b) = (Matrix::new(p, n, n_past, row), self.past(part, tile));
            multiply(simd, Product { a, b, start, c: &mut *c, c_stride });
            start = Start::Accumulate;
        }
        let (a, b) = (Matrix::new(&p[n_past..], n, tile.own.len(), row), self.own(part, tile));
        multiply(simd, Product { a, b, start, c, c_stride });
    }
}

/// The output, `[batch, seq, width]`, and `ln Σ exp` of the scores, `[batch, heads, seq]`.
pub(crate) fn forward(shape: Shape<'_>, qkv: &[f32], past: &[f32]) -> (Scratch, Scratch) {
    let [size, sums, past_size] = shape.sizes();
    let mut out = Scratch::take(qkv.len() / 3);
    let mut log_sum = Scratch::take(qkv.len() / (3 * size) * sums);
    out.par_chunks_mut(size).zip(log_sum.par_chunks_mut(sums)).enumerate().for_each(|(i, (out, log_sum))| {
        let (qkv, past) = (&qkv[3 * i * size..3 * (i + 1) * size], &past[i * past_size..(i + 1) * past_size]);
        dispatch(Forward { shape, qkv, past, out, log_sum });
    });
    (out, log_sum)
}

struct Forward<'a> {
    shape: Shape<'a>,
    qkv: &'a [f32],
    past: &'a [f32],
    out: &'a mut [f32],
    log_sum: &'a mut [f32],
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { shape, qkv, past, out, log_sum } = self;
        let (seq, width, channels) = (shape.ranges.seq(), shape.width, shape.channels());
        let scale = 1.0 / (channels as f32).sqrt();
        let mut scores = Scratch::take(shape.largest());
        for tile in shape.tiles() {
            let scores = &mut scores[..tile.queries.len() * tile.row()];
            for head in 0..shape.heads {
                let from = head * channels;
                let head_of = Head { shape, from, qkv, past };
                head_of.scores(simd, head_of.queries(&tile), 0, &tile, f32::NEG_INFINITY, scores);
                for (scores, query) in scores.chunks_exact_mut(tile.row()).zip(tile.queries.clone()) {
                    log_sum[head * seq + query] = softmax_in_place(scores, scale);
                }
                head_of.mix(simd, scores, 1, &tile, &mut out[tile.queries.start * width + from..], width);
            }
        }
    }
}

/// Gradients of `qkv` and `past`, given the output, the `log_sum` of `forward`, and the gradient of
/// the output.
pub(crate) fn backward(
    shape: Shape<'_>,
    qkv: &[f32],
    past: &[f32],
    [out, log_sum, grad]: [&[f32]; 3],
) -> (Scratch, Scratch) {
    let [size, sums, past_size] = shape.sizes();
    // A key may belong to several tiles, or to none.
    let mut d_qkv = Scratch::zeroed(qkv.len());
    let mut d_past = Scratch::zeroed(past.len());
    let run = |i: usize, d_qkv: &mut [f32], d_past: &mut [f32]| {
        let part = i * size..(i + 1) * size;
        dispatch(Backward {
            shape,
            qkv: &qkv[3 * part.start..3 * part.end],
            past: &past[i * past_size..(i + 1) * past_size],
            out: &out[part.clone()],
            log_sum: &log_sum[i * sums..(i + 1) * sums],
            grad: &grad[part],
            d_qkv,
            d_past,
        });
    };
    if past.is_empty() {
        d_qkv.par_chunks_mut(3 * size).enumerate().for_each(|(i, d_qkv)| run(i, d_qkv, &mut []));
    } else {
        let both = d_qkv.par_chunks_mut(3 * size).zip(d_past.par_chunks_mut(past_size));
        both.enumerate().for_each(|(i, (d_qkv, d_past))| run(i, d_qkv, d_past));
    }
    (d_qkv, d_past)
}

struct Backward<'a> {
    shape: Shape<'a>,
    qkv: &'a [f32],
    past: &'a [f32],
    out: &'a [f32],
    log_sum: &'a [f32],
    grad: &'a [f32],
    d_qkv: &'a mut [f32],
    d_past: &'a mut [f32],
}

impl WithSimd for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { shape, qkv, past, out, log_sum, grad, d_qkv, d_past } = self;
        let (seq, width, channels) = (shape.ranges.seq(), shape.width, shape.channels());
        let scale = 1.0 / (channels as f32).sqrt();
        let mut workspace = Scratch::take(2 * shape.largest());
        for tile in shape.tiles() {
            let (n, row_len) = (tile.queries.len(), tile.row());
            let (p, ds) = workspace[..2 * n * row_len].split_at_mut(n * row_len);
            for head in 0..shape.heads {
                let from = head * channels;
                let head_of = Head { shape, from, qkv, past };
                let q = head_of.queries(&tile);
                let d_out = Matrix::new(&grad[tile.queries.start * width + from..], n, channels, width);
                head_of.scores(simd, q, 0, &tile, f32::NEG_INFINITY, p);
                head_of.scores(simd, d_out, 1, &tile, 0.0, ds);
                let rows = p.chunks_exact_mut(row_len).zip(ds.chunks_exact_mut(row_len));
                for ((p, ds), query) in rows.zip(tile.queries.clone()) {
                    let log_sum = log_sum[head * seq + query];
                    let along =
                        dot(row(grad, query, width, from, channels), row(out, query, width, from, channels));
                    for (p, ds) in p.chunks_exact_mut(LANES).zip(ds.chunks_exact_mut(LANES)) {
                        for lane in 0..LANES {
                            p[lane] = math::exp(p[lane] * scale - log_sum);
                            ds[lane] = p[lane] * (ds[lane] - along) * scale;
                        }
                    }
                }
                let stride = 3 * width;
                head_of.mix(simd, ds, 0, &tile, &mut d_qkv[tile.queries.start * stride + from..], stride);
                for (part, (a, b)) in [(&*ds, q), (&*p, d_out)].into_iter().enumerate() {
                    let start = Start::Accumulate;
                    if !tile.past.is_empty() {
                        let c_stride = shape.past_channels;
                        let column = c_stride - (2 - part) * width + from;
                        let c = &mut d_past[tile.past.start * c_stride + column..];
                        let a = Matrix::new(a, n, tile.past.len(), row_len).transposed();
                        multiply(simd, Product { a, b, start, c, c_stride });
                    }
                    let c = &mut d_qkv[tile.own.start * stride + (1 + part) * width + from..];
                    let a = Matrix::new(&a[tile.past.len()..], n, tile.own.len(), row_len).transposed();
                    multiply(simd, Product { a, b, start, c, c_stride: stride });
                }
            }
        }
    }
}
