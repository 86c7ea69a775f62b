//! Softmax attention.

mod backward;

use std::ops::Range;

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::norm::lane_sum;
use super::product::{Matrix, Product, Start, multiply};
use super::scratch::Scratch;
use super::{dispatch, math};
use crate::HeadEdges;
use crate::attention::KeyGroup;

pub(crate) use backward::backward;

/// Rows of scores are padded to a multiple of this.
pub(super) const LANES: usize = 16;

/// Minimum number of queries in a group for which matrix products are used.
const WORTHWHILE: usize = 4;

/// Sizes and edges.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape<'a> {
    pub(crate) seq: usize,
    pub(crate) width: usize,
    pub(crate) heads: usize,
    pub(crate) edges: Option<&'a HeadEdges>,
}

/// The output, `[batch, seq, width]`, and `ln Σ exp` of the scores, `[batch, heads, seq]`.
pub(crate) fn forward(shape: Shape<'_>, qkv: &[f32]) -> (Scratch, Scratch) {
    let Shape { seq, width, heads, .. } = shape;
    let mut out = Scratch::take(qkv.len() / 3);
    let mut log_sum = Scratch::take(qkv.len() / (3 * width).max(1) * heads);
    let size = (seq * width).max(1);
    // With fewer sequences than threads, each head is its own task.
    let apart = qkv.len() / 3 / size < rayon::current_num_threads();
    let sequences = out.par_chunks_mut(size).zip(log_sum.par_chunks_mut((seq * heads).max(1)));
    sequences.zip(qkv.par_chunks(3 * size)).for_each(|((out, log_sum), qkv)| {
        if !apart {
            dispatch(Forward { shape, range: 0..heads, qkv, out, log_sum });
            return;
        }
        let channels = shape.channels();
        let parts: Vec<Scratch> = log_sum
            .par_chunks_mut(seq)
            .enumerate()
            .map(|(head, log_sum)| {
                let mut out = Scratch::take(seq * channels);
                dispatch(Forward { shape, range: head..head + 1, qkv, out: &mut out, log_sum });
                out
            })
            .collect();
        merge(&parts, channels, out);
    });
    (out, log_sum)
}

/// Concatenates the outputs of the heads along the channels.
fn merge(heads: &[Scratch], channels: usize, out: &mut [f32]) {
    for (token, out) in out.chunks_exact_mut((heads.len() * channels).max(1)).enumerate() {
        for (head, out) in heads.iter().zip(out.chunks_exact_mut(channels)) {
            out.copy_from_slice(&head[token * channels..][..channels]);
        }
    }
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
        [
            Matrix::new(&qkv[from..], self.seq, channels, 3 * self.width),
            Matrix::new(&qkv[self.width + from..], self.seq, channels, 3 * self.width),
            Matrix::new(&qkv[2 * self.width + from..], self.seq, channels, 3 * self.width),
        ]
    }

    #[inline(always)]
    fn groups(&self, head: usize) -> Option<&[KeyGroup]> {
        match self.edges {
            Some(edges) => edges.head(head),
            None => None,
        }
    }

    /// Buffers for the largest group.
    #[inline(always)]
    fn workspace(self, matrices: usize, scores: usize) -> Scratch {
        let area = |queries: usize, keys: usize| queries * keys.next_multiple_of(LANES);
        let of_group = |group: &KeyGroup| match group.queries.len() {
            // Computed edge by edge, one query at a time.
            n if n < WORTHWHILE => area(1, group.keys.len()),
            n => area(n, group.keys.len()),
        };
        let of_head = |head| match self.groups(head) {
            Some(groups) => groups.iter().map(of_group).max().unwrap_or(0),
            None => area(self.seq, self.seq),
        };
        let largest = (0..self.heads).map(of_head).max().unwrap_or(0);
        Scratch::take(matrices * self.seq * self.channels() + scores * largest)
    }
}

/// Copies `rows` of `from` to `to`, contiguously.
#[inline(always)]
fn gather<'a>(rows: &[usize], from: &[f32], stride: usize, channels: usize, to: &'a mut [f32]) -> Matrix<'a> {
    for (to, &row) in to.chunks_exact_mut(channels).zip(rows) {
        for (to, from) in to.iter_mut().zip(&from[row * stride..][..channels]) {
            *to = *from;
        }
    }
    Matrix::new(to, rows.len(), channels, channels)
}

/// Fills the columns of `scores` from `n` on with `value`.
#[inline(always)]
pub(super) fn fill_up(scores: &mut [f32], n: usize, value: f32) {
    for row in scores.chunks_exact_mut(n.next_multiple_of(LANES)) {
        row[n..].fill(value);
    }
}

/// Heads of one sequence; their channels are side by side in `out`.
struct Forward<'a> {
    shape: Shape<'a>,
    range: Range<usize>,
    qkv: &'a [f32],
    out: &'a mut [f32],
    log_sum: &'a mut [f32],
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { shape, range, qkv, out, log_sum } = self;
        if qkv.is_empty() {
            return;
        }
        let (seq, channels, stride) = (shape.seq, shape.channels(), range.len() * shape.channels());
        let mut workspace = shape.workspace(4, 1);
        let mut sums = Scratch::take(seq);
        for head in range.clone() {
            let column = (head - range.start) * channels;
            let out = &mut out[column..];
            let log_sum = &mut log_sum[(head - range.start) * seq..][..seq];
            let [q, k, v] = shape.parts(head, qkv);
            let Some(groups) = shape.groups(head) else {
                group_forward(simd, [q, k, v], out, stride, log_sum, &mut workspace);
                continue;
            };
            let from = head * channels;
            for group in groups {
                if group.queries.len() < WORTHWHILE || group.keys.is_empty() {
                    edges_forward(shape, head, group, qkv, out, stride, log_sum, &mut workspace);
                    continue;
                }
                let (n, m) = (group.queries.len(), group.keys.len());
                let (q, rest) = workspace.split_at_mut(n * channels);
                let (k, rest) = rest.split_at_mut(m * channels);
                let (v, rest) = rest.split_at_mut(m * channels);
                let (o, scores) = rest.split_at_mut(n * channels);
                let width = shape.width;
                let q = gather(&group.queries, &qkv[from..], 3 * width, channels, q);
                let k = gather(&group.keys, &qkv[width + from..], 3 * width, channels, k);
                let v = gather(&group.keys, &qkv[2 * width + from..], 3 * width, channels, v);
                group_forward(simd, [q, k, v], o, channels, &mut sums, scores);
                for (i, &query) in group.queries.iter().enumerate() {
                    out[query * stride..][..channels].copy_from_slice(&o[i * channels..][..channels]);
                    log_sum[query] = sums[i];
                }
            }
        }
    }
}

/// Attention within one group, in which every query attends to every key.
#[inline(always)]
fn group_forward<S: Simd>(
    simd: S,
    [q, k, v]: [Matrix<'_>; 3],
    out: &mut [f32],
    stride: usize,
    log_sum: &mut [f32],
    scores: &mut [f32],
) {
    let (n, m) = (q.n_rows(), k.n_rows());
    let scale = 1.0 / (q.n_cols() as f32).sqrt();
    let row = m.next_multiple_of(LANES);
    let scores = &mut scores[..n * row];
    fill_up(scores, m, f32::NEG_INFINITY);
    multiply(simd, Product { a: q, b: k.transposed(), start: Start::Zero, c: scores, c_stride: row });
    for query in 0..n {
        log_sum[query] = softmax_in_place(&mut scores[query * row..(query + 1) * row], scale);
    }
    let p = Matrix::new(scores, n, m, row);
    multiply(simd, Product { a: p, b: v, start: Start::Zero, c: out, c_stride: stride });
}

/// Replaces scores by probabilities and returns `ln Σ exp`. Rows are padded with −∞ to a multiple
/// of `LANES`.
#[inline(always)]
pub(super) fn softmax_in_place(scores: &mut [f32], scale: f32) -> f32 {
    let n = scores.len();
    let mut lanes = [f32::NEG_INFINITY; LANES];
    for chunk in scores.chunks_exact(LANES) {
        for lane in 0..LANES {
            lanes[lane] = if chunk[lane] > lanes[lane] { chunk[lane] } else { lanes[lane] };
        }
    }
    let mut largest = f32::NEG_INFINITY;
    for score in lanes {
        largest = if score > largest { score } else { largest };
    }
    for chunk in scores.chunks_exact_mut(LANES) {
        for lane in 0..LANES {
            chunk[lane] = math::exp((chunk[lane] - largest) * scale);
        }
    }
    let sum = lane_sum!(n, |i| scores[i]);
    let inverse = 1.0 / sum;
    for chunk in scores.chunks_exact_mut(LANES) {
        for lane in 0..LANES {
            chunk[lane] *= inverse;
        }
    }
    largest * scale + sum.ln()
}

#[inline(always)]
pub(super) fn row(values: &[f32], index: usize, stride: usize, from: usize, len: usize) -> &[f32] {
    &values[index * stride + from..][..len]
}

#[inline(always)]
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
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

/// Attention within a group of few queries, computed edge by edge.
#[inline(always)]
#[expect(clippy::too_many_arguments, reason = "slices of one structure, which cannot be borrowed as a whole")]
fn edges_forward(
    shape: Shape<'_>,
    head: usize,
    group: &KeyGroup,
    qkv: &[f32],
    out: &mut [f32],
    stride: usize,
    log_sum: &mut [f32],
    scores: &mut [f32],
) {
    let (channels, width, from) = (shape.channels(), shape.width, head * shape.channels());
    let scale = 1.0 / (channels as f32).sqrt();
    let m = group.keys.len();
    let scores = &mut scores[..m.next_multiple_of(LANES)];
    for &query in &group.queries {
        let q = row(qkv, query, 3 * width, from, channels);
        scores[m..].fill(f32::NEG_INFINITY);
        for (score, &key) in scores.iter_mut().zip(&group.keys) {
            *score = dot(q, row(qkv, key, 3 * width, width + from, channels));
        }
        log_sum[query] = softmax_in_place(scores, scale);
        let out = &mut out[query * stride..][..channels];
        out.fill(0.0);
        for (p, &key) in scores.iter().zip(&group.keys) {
            add_scaled(out, *p, row(qkv, key, 3 * width, 2 * width + from, channels));
        }
    }
}
