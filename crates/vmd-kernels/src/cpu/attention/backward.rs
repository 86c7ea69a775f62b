//! Gradients of softmax attention.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::{LANES, Shape, WORTHWHILE, add_scaled, dot, fill_up, gather, row};
use crate::attention::KeyGroup;
use crate::cpu::product::{Matrix, Product, Start, multiply};
use crate::cpu::scratch::Scratch;
use crate::cpu::{dispatch, math};

/// The gradient of `qkv`.
pub(crate) fn backward(shape: Shape<'_>, qkv: &[f32], out: &[f32], log_sum: &[f32], grad: &[f32]) -> Scratch {
    let Shape { seq, width, heads, .. } = shape;
    let mut d_qkv = Scratch::take(qkv.len());
    let size = (seq * width).max(1);
    d_qkv.par_chunks_mut(3 * size).enumerate().for_each(|(index, d_qkv)| {
        let part = index * size..(index + 1) * size;
        let (out, grad) = (&out[part.clone()], &grad[part.clone()]);
        let qkv = &qkv[3 * part.start..3 * part.end];
        let log_sum = &log_sum[index * seq * heads..(index + 1) * seq * heads];
        dispatch(Backward { shape, qkv, out, log_sum, grad, d_qkv });
    });
    d_qkv
}

struct Backward<'a> {
    shape: Shape<'a>,
    qkv: &'a [f32],
    out: &'a [f32],
    log_sum: &'a [f32],
    grad: &'a [f32],
    d_qkv: &'a mut [f32],
}

impl WithSimd for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { shape, qkv, out, log_sum, grad, d_qkv } = self;
        if qkv.is_empty() {
            return;
        }
        let (seq, channels, width) = (shape.seq, shape.channels(), shape.width);
        let mut workspace = shape.workspace(5, 2);
        let [mut along, mut own_along, mut own_sums] = [(); 3].map(|()| Scratch::take(seq));
        for head in 0..shape.heads {
            let from = head * channels;
            let log_sum = &log_sum[head * seq..(head + 1) * seq];
            for query in 0..seq {
                let grad = row(grad, query, width, from, channels);
                along[query] = dot(grad, row(out, query, width, from, channels));
            }
            let [q, k, v] = shape.parts(head, qkv);
            let Some(groups) = shape.groups(head) else {
                let d_out = Matrix::new(&grad[from..], seq, channels, width);
                let scores = group_scores(simd, [q, k, v, d_out], log_sum, &along, &mut workspace);
                let products = group_products(scores, [q, k, d_out]);
                for (part, (a, b)) in products.into_iter().enumerate() {
                    let c = &mut d_qkv[part * width + from..];
                    multiply(simd, Product { a, b, start: Start::Zero, c, c_stride: 3 * width });
                }
                continue;
            };
            // A key may be in several groups, or in none.
            for row in d_qkv.chunks_exact_mut(3 * width) {
                for part in 0..3 {
                    row[part * width + from..][..channels].fill(0.0);
                }
            }
            for group in groups {
                if group.queries.len() < WORTHWHILE || group.keys.is_empty() {
                    edges_backward(shape, head, group, qkv, &along, log_sum, grad, d_qkv);
                    continue;
                }
                let (n, m) = (group.queries.len(), group.keys.len());
                let (q, rest) = workspace.split_at_mut(n * channels);
                let (k, rest) = rest.split_at_mut(m * channels);
                let (v, rest) = rest.split_at_mut(m * channels);
                let (d_out, rest) = rest.split_at_mut(n * channels);
                let (product, scores) = rest.split_at_mut(n.max(m) * channels);
                let q = gather(&group.queries, &qkv[from..], 3 * width, channels, q);
                let k = gather(&group.keys, &qkv[width + from..], 3 * width, channels, k);
                let v = gather(&group.keys, &qkv[2 * width + from..], 3 * width, channels, v);
                let d_out = gather(&group.queries, &grad[from..], width, channels, d_out);
                for (i, &query) in group.queries.iter().enumerate() {
                    (own_along[i], own_sums[i]) = (along[query], log_sum[query]);
                }
                let scores = group_scores(simd, [q, k, v, d_out], &own_sums, &own_along, scores);
                let products = group_products(scores, [q, k, d_out]);
                for (part, (a, b)) in products.into_iter().enumerate() {
                    let c = &mut product[..a.n_rows() * channels];
                    multiply(simd, Product { a, b, start: Start::Zero, c, c_stride: channels });
                    let rows = if part == 0 { &group.queries } else { &group.keys };
                    for (row, &token) in c.chunks_exact(channels).zip(rows) {
                        let to = &mut d_qkv[token * 3 * width + part * width + from..][..channels];
                        add_scaled(to, 1.0, row);
                    }
                }
            }
        }
    }
}

/// Probabilities and gradients of the scores, for every query and key.
#[inline(always)]
fn group_scores<'a, S: Simd>(
    simd: S,
    [q, k, v, d_out]: [Matrix<'_>; 4],
    log_sum: &[f32],
    along: &[f32],
    scores: &'a mut [f32],
) -> [Matrix<'a>; 2] {
    let (n, m) = (q.n_rows(), k.n_rows());
    let scale = 1.0 / (q.n_cols() as f32).sqrt();
    let row = m.next_multiple_of(LANES);
    let (p, ds) = scores[..2 * n * row].split_at_mut(n * row);
    fill_up(p, m, f32::NEG_INFINITY);
    fill_up(ds, m, 0.0);
    multiply(simd, Product { a: q, b: k.transposed(), start: Start::Zero, c: p, c_stride: row });
    multiply(simd, Product { a: d_out, b: v.transposed(), start: Start::Zero, c: ds, c_stride: row });
    for (query, (p, ds)) in p.chunks_exact_mut(row).zip(ds.chunks_exact_mut(row)).enumerate() {
        let (log_sum, along) = (log_sum[query], along[query]);
        for (p, ds) in p.chunks_exact_mut(LANES).zip(ds.chunks_exact_mut(LANES)) {
            for lane in 0..LANES {
                p[lane] = math::exp(p[lane] * scale - log_sum);
                ds[lane] = p[lane] * (ds[lane] - along) * scale;
            }
        }
    }
    [Matrix::new(p, n, m, row), Matrix::new(ds, n, m, row)]
}

/// The factors whose products are the gradients of queries, keys and values.
#[inline(always)]
fn group_products<'a>(
    [p, ds]: [Matrix<'a>; 2],
    [q, k, d_out]: [Matrix<'a>; 3],
) -> [(Matrix<'a>, Matrix<'a>); 3] {
    [(ds, k), (ds.transposed(), q), (p.transposed(), d_out)]
}

#[inline(always)]
#[expect(clippy::too_many_arguments, reason = "slices of one structure, which cannot be borrowed as a whole")]
fn edges_backward(
    shape: Shape<'_>,
    head: usize,
    group: &KeyGroup,
    qkv: &[f32],
    along: &[f32],
    log_sum: &[f32],
    grad: &[f32],
    d_qkv: &mut [f32],
) {
    let (channels, width, from) = (shape.channels(), shape.width, head * shape.channels());
    let scale = 1.0 / (channels as f32).sqrt();
    let stride = 3 * width;
    for &query in &group.queries {
        let q = row(qkv, query, stride, from, channels);
        let d_out = row(grad, query, width, from, channels);
        for &key in &group.keys {
            let k = row(qkv, key, stride, width + from, channels);
            let v = row(qkv, key, stride, 2 * width + from, channels);
            let p = math::exp(dot(q, k) * scale - log_sum[query]);
            let ds = p * (dot(d_out, v) - along[query]) * scale;
            add_scaled(&mut d_qkv[query * stride + from..][..channels], ds, k);
            add_scaled(&mut d_qkv[key * stride + width + from..][..channels], ds, q);
            add_scaled(&mut d_qkv[key * stride + 2 * width + from..][..channels], p, d_out);
        }
    }
}
