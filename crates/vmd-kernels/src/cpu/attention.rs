//! Softmax attention.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::norm::lane_sum;
use super::product::{Matrix, Product, Start, multiply};
use super::scratch::Scratch;
use super::{math, zeros};
use crate::HeadEdges;
use crate::attention::KeyLists;

/// Sizes, and who looks where.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape<'a> {
    pub(crate) seq: usize,
    pub(crate) width: usize,
    pub(crate) heads: usize,
    pub(crate) edges: Option<&'a HeadEdges>,
}

/// The output, `[batch, seq, width]`, and `ln Σ exp` of the scores, `[batch, heads, seq]`.
pub(crate) fn forward(shape: Shape<'_>, qkv: &[f32]) -> (Vec<f32>, Scratch) {
    let Shape { seq, width, heads, .. } = shape;
    let mut out = zeros(qkv.len() / 3);
    let mut log_sum = Scratch::take(qkv.len() / (3 * width).max(1) * heads);
    let sequences =
        out.par_chunks_mut((seq * width).max(1)).zip(log_sum.par_chunks_mut((seq * heads).max(1)));
    sequences.zip(qkv.par_chunks((3 * seq * width).max(1))).for_each_init(
        || Scratch::take(seq * seq),
        |scores, ((out, log_sum), qkv)| {
            Arch::new().dispatch(Forward { shape, qkv, out, log_sum, scores });
        },
    );
    (out, log_sum)
}

/// The gradient of `qkv`.
pub(crate) fn backward(
    shape: Shape<'_>,
    qkv: &[f32],
    out: &[f32],
    log_sum: &[f32],
    grad: &[f32],
) -> Vec<f32> {
    let Shape { seq, width, heads, .. } = shape;
    let mut d_qkv = zeros(qkv.len());
    d_qkv
        .par_chunks_mut((3 * seq * width).max(1))
        .zip(qkv.par_chunks((3 * seq * width).max(1)))
        .enumerate()
        .for_each_init(
            || (Scratch::take(seq * seq), Scratch::take(seq * seq)),
            |(p, ds), (index, (d_qkv, qkv))| {
                let part = index * seq * width..(index + 1) * seq * width;
                Arch::new().dispatch(Backward {
                    shape,
                    qkv,
                    out: &out[part.clone()],
                    log_sum: &log_sum[index * seq * heads..(index + 1) * seq * heads],
                    grad: &grad[part],
                    d_qkv,
                    p,
                    ds,
                });
            },
        );
    d_qkv
}

impl Shape<'_> {
    #[inline(always)]
    fn channels(self) -> usize {
        self.width / self.heads
    }

    /// Queries, keys and values of a head in `[seq, 3·width]`.
    #[inline(always)]
    fn parts(self, head: usize, qkv: &[f32]) -> [Matrix<'_>; 3] {
        let (channels, from) = (self.channels(), head * self.channels());
        let part = |index: usize| index * self.width + from;
        [
            Matrix::new(&qkv[part(0)..], self.seq, channels, 3 * self.width),
            Matrix::new(&qkv[part(1)..], self.seq, channels, 3 * self.width),
            Matrix::new(&qkv[part(2)..], self.seq, channels, 3 * self.width),
        ]
    }
}

struct Forward<'a> {
    shape: Shape<'a>,
    qkv: &'a [f32],
    out: &'a mut [f32],
    log_sum: &'a mut [f32],
    scores: &'a mut [f32],
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { shape, qkv, out, log_sum, scores } = self;
        if qkv.is_empty() {
            return;
        }
        let seq = shape.seq;
        for head in 0..shape.heads {
            let log_sum = &mut log_sum[head * seq..(head + 1) * seq];
            let edges = match shape.edges {
                Some(edges) => edges.head(head),
                None => None,
            };
            match edges {
                Some(edges) => sparse_forward(shape, head, edges, qkv, out, log_sum, scores),
                None => dense_forward(simd, shape, head, qkv, out, log_sum, scores),
            }
        }
    }
}

#[inline(always)]
fn dense_forward<S: Simd>(
    simd: S,
    shape: Shape<'_>,
    head: usize,
    qkv: &[f32],
    out: &mut [f32],
    log_sum: &mut [f32],
    scores: &mut [f32],
) {
    let (seq, channels, width) = (shape.seq, shape.channels(), shape.width);
    let scale = 1.0 / (channels as f32).sqrt();
    let [q, k, v] = shape.parts(head, qkv);
    multiply(simd, Product { a: q, b: k.transposed(), start: Start::Zero, c: scores, c_stride: seq });
    for query in 0..seq {
        log_sum[query] = softmax_in_place(&mut scores[query * seq..(query + 1) * seq], scale);
    }
    let p = Matrix::new(scores, seq, seq, seq);
    let c = &mut out[head * channels..];
    multiply(simd, Product { a: p, b: v, start: Start::Zero, c, c_stride: width });
}

/// Turns scores into probabilities and returns `ln Σ exp`.
#[inline(always)]
fn softmax_in_place(scores: &mut [f32], scale: f32) -> f32 {
    let n = scores.len();
    let mut lanes = [f32::NEG_INFINITY; 16];
    for chunk in scores.chunks_exact(16) {
        for lane in 0..16 {
            lanes[lane] = if chunk[lane] > lanes[lane] { chunk[lane] } else { lanes[lane] };
        }
    }
    let mut largest = f32::NEG_INFINITY;
    for score in lanes {
        largest = if score > largest { score } else { largest };
    }
    for &score in &scores[n / 16 * 16..] {
        largest = if score > largest { score } else { largest };
    }
    for score in scores.iter_mut() {
        *score = math::exp((*score - largest) * scale);
    }
    let sum = lane_sum!(n, |i| scores[i]);
    let inverse = 1.0 / sum;
    for score in scores.iter_mut() {
        *score *= inverse;
    }
    largest * scale + sum.ln()
}

#[inline(always)]
fn row(values: &[f32], index: usize, stride: usize, from: usize, len: usize) -> &[f32] {
    &values[index * stride + from..][..len]
}

#[inline(always)]
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let n = a.len();
    let b = &b[..n];
    lane_sum!(n, |i| a[i] * b[i])
}

#[inline(always)]
fn add_scaled(y: &mut [f32], factor: f32, x: &[f32]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += factor * x;
    }
}

#[inline(always)]
fn sparse_forward(
    shape: Shape<'_>,
    head: usize,
    edges: &KeyLists,
    qkv: &[f32],
    out: &mut [f32],
    log_sum: &mut [f32],
    scores: &mut [f32],
) {
    let (seq, channels, width) = (shape.seq, shape.channels(), shape.width);
    let scale = 1.0 / (channels as f32).sqrt();
    let from = head * channels;
    for query in 0..seq {
        let keys = edges.of(query);
        let q = row(qkv, query, 3 * width, from, channels);
        let scores = &mut scores[..keys.len()];
        for (score, &key) in scores.iter_mut().zip(keys) {
            *score = dot(q, row(qkv, key, 3 * width, width + from, channels));
        }
        log_sum[query] = softmax_in_place(scores, scale);
        let out = &mut out[query * width + from..][..channels];
        for (p, &key) in scores.iter().zip(keys) {
            add_scaled(out, *p, row(qkv, key, 3 * width, 2 * width + from, channels));
        }
    }
}

struct Backward<'a> {
    shape: Shape<'a>,
    qkv: &'a [f32],
    out: &'a [f32],
    log_sum: &'a [f32],
    grad: &'a [f32],
    d_qkv: &'a mut [f32],
    /// Scratch, `[seq, seq]`.
    p: &'a mut [f32],
    /// Scratch, `[seq, seq]`.
    ds: &'a mut [f32],
}

impl WithSimd for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { shape, qkv, out, log_sum, grad, d_qkv, p, ds } = self;
        if qkv.is_empty() {
            return;
        }
        let seq = shape.seq;
        for head in 0..shape.heads {
            let log_sum = &log_sum[head * seq..(head + 1) * seq];
            let edges = match shape.edges {
                Some(edges) => edges.head(head),
                None => None,
            };
            match edges {
                Some(edges) => sparse_backward(shape, head, edges, qkv, out, log_sum, grad, d_qkv),
                None => dense_backward(simd, shape, head, qkv, out, log_sum, grad, d_qkv, p, ds),
            }
        }
    }
}

#[inline(always)]
#[expect(clippy::too_many_arguments, reason = "slices of one structure, which cannot be borrowed as a whole")]
fn dense_backward<S: Simd>(
    simd: S,
    shape: Shape<'_>,
    head: usize,
    qkv: &[f32],
    out: &[f32],
    log_sum: &[f32],
    grad: &[f32],
    d_qkv: &mut [f32],
    p: &mut [f32],
    ds: &mut [f32],
) {
    let (seq, channels, width) = (shape.seq, shape.channels(), shape.width);
    let scale = 1.0 / (channels as f32).sqrt();
    let from = head * channels;
    let [q, k, v] = shape.parts(head, qkv);
    let d_out = Matrix::new(&grad[from..], seq, channels, width);
    multiply(simd, Product { a: q, b: k.transposed(), start: Start::Zero, c: p, c_stride: seq });
    multiply(simd, Product { a: d_out, b: v.transposed(), start: Start::Zero, c: ds, c_stride: seq });
    for query in 0..seq {
        let along = dot(row(grad, query, width, from, channels), row(out, query, width, from, channels));
        let log_sum = log_sum[query];
        let p = &mut p[query * seq..(query + 1) * seq];
        let ds = &mut ds[query * seq..(query + 1) * seq];
        for (p, ds) in p.iter_mut().zip(ds) {
            *p = math::exp(*p * scale - log_sum);
            *ds = *p * (*ds - along) * scale;
        }
    }
    let (p, ds) = (Matrix::new(p, seq, seq, seq), Matrix::new(ds, seq, seq, seq));
    let stride = 3 * width;
    multiply(simd, Product { a: ds, b: k, start: Start::Zero, c: &mut d_qkv[from..], c_stride: stride });
    let c = &mut d_qkv[width + from..];
    multiply(simd, Product { a: ds.transposed(), b: q, start: Start::Zero, c, c_stride: stride });
    let c = &mut d_qkv[2 * width + from..];
    multiply(simd, Product { a: p.transposed(), b: d_out, start: Start::Zero, c, c_stride: stride });
}

#[inline(always)]
#[expect(clippy::too_many_arguments, reason = "slices of one structure, which cannot be borrowed as a whole")]
fn sparse_backward(
    shape: Shape<'_>,
    head: usize,
    edges: &KeyLists,
    qkv: &[f32],
    out: &[f32],
    log_sum: &[f32],
    grad: &[f32],
    d_qkv: &mut [f32],
) {
    let (seq, channels, width) = (shape.seq, shape.channels(), shape.width);
    let scale = 1.0 / (channels as f32).sqrt();
    let from = head * channels;
    let stride = 3 * width;
    for query in 0..seq {
        let q = row(qkv, query, stride, from, channels);
        let d_out = row(grad, query, width, from, channels);
        let along = dot(d_out, row(out, query, width, from, channels));
        for &key in edges.of(query) {
            let k = row(qkv, key, stride, width + from, channels);
            let v = row(qkv, key, stride, 2 * width + from, channels);
            let p = math::exp(dot(q, k) * scale - log_sum[query]);
            let ds = p * (dot(d_out, v) - along) * scale;
            add_scaled(&mut d_qkv[query * stride + from..][..channels], ds, k);
            add_scaled(&mut d_qkv[key * stride + width + from..][..channels], ds, q);
            add_scaled(&mut d_qkv[key * stride + 2 * width + from..][..channels], p, d_out);
        }
    }
}
