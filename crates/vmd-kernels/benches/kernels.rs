//! Times each kernel, forward and backward: `cargo xtask lab bench --micro`.
//!
//! Sizes of the reference step: 64 sequences of 81 tokens, 128 channels, 4 heads.

use burn::tensor::{Device, Int, Tensor, TensorData};
use divan::Bencher;
use vmd_kernels::{
    Activation, HeadEdges, Mask, Precision, attention, keep_top, layer_norm, linear, masked_nll, mlp,
    softmax_f64,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const BATCH: usize = 64;
const SEQ: usize = 81;
const WIDTH: usize = 128;
const HIDDEN: usize = 4 * WIDTH;

fn main() {
    // Run on a thread of the pool, as the program does.
    rayon::scope(|_| divan::main());
}

fn device(backward: bool) -> Device {
    if backward { Device::flex().autodiff() } else { Device::flex() }
}

/// With autodiff only for a backward pass; otherwise the graph would grow.
fn tensor<const D: usize>(dims: [usize; D], backward: bool) -> Tensor<D> {
    let n = dims.iter().product::<usize>();
    let values: Vec<f32> = (0..n).map(|i| ((i * 7919 % 1000) as f32 - 500.0) / 1000.0).collect();
    let x = Tensor::from_data(TensorData::new(values, dims), &device(backward));
    if backward { x.require_grad() } else { x }
}

/// Times the forward pass alone, or with the backward pass.
fn measure<const D: usize>(bencher: Bencher<'_, '_>, backward: bool, f: impl Fn() -> Tensor<D> + Sync) {
    bencher.bench_local(|| {
        let y = f();
        if backward {
            divan::black_box(y.sum().backward());
        } else {
            divan::black_box(y);
        }
    });
}

fn precision(bf16: bool) -> Option<Precision> {
    let precision = if bf16 { Precision::Bf16 } else { Precision::F32 };
    precision.is_fused().then_some(precision)
}

#[divan::bench(args = [(false, false), (true, false), (false, true), (true, true)])]
fn linear_backward_bf16(bencher: Bencher<'_, '_>, (backward, bf16): (bool, bool)) {
    let Some(precision) = precision(bf16) else { return };
    let (x, weight, bias) = (
        tensor([BATCH, SEQ, WIDTH], backward),
        tensor([WIDTH, 3 * WIDTH], backward),
        tensor([3 * WIDTH], backward),
    );
    measure(bencher, backward, || linear(x.clone(), weight.clone(), bias.clone(), None, precision));
}

#[divan::bench(args = [(false, false), (true, false), (false, true), (true, true)])]
fn mlp_backward_bf16(bencher: Bencher<'_, '_>, (backward, bf16): (bool, bool)) {
    let Some(precision) = precision(bf16) else { return };
    let x = tensor([BATCH, SEQ, WIDTH], backward);
    let (up, down) = (
        (tensor([WIDTH, HIDDEN], backward), tensor([HIDDEN], backward)),
        (tensor([HIDDEN, WIDTH], backward), tensor([WIDTH], backward)),
    );
    measure(bencher, backward, || {
        mlp(x.clone(), Activation::Gelu, up.clone(), down.clone(), x.clone(), precision)
    });
}

#[divan::bench(args = [false, true])]
fn norm_backward(bencher: Bencher<'_, '_>, backward: bool) {
    let (x, gamma, beta) =
        (tensor([BATCH, SEQ, WIDTH], backward), tensor([WIDTH], backward), tensor([WIDTH], backward));
    measure(bencher, backward, || layer_norm(x.clone(), gamma.clone(), beta.clone(), None));
}

#[divan::bench(args = [false, true])]
fn attention_backward(bencher: Bencher<'_, '_>, backward: bool) {
    let qkv = tensor([BATCH, SEQ, 3 * WIDTH], backward);
    measure(bencher, backward, || attention(qkv.clone(), 4, None));
}

#[divan::bench(args = [false, true])]
fn attention_along_rows_backward(bencher: Bencher<'_, '_>, backward: bool) {
    let qkv = tensor([BATCH, SEQ, 3 * WIDTH], backward);
    let rows: Vec<bool> = (0..SEQ * SEQ).map(|i| i / SEQ / 9 == i % SEQ / 9).collect();
    let edges = HeadEdges::new(SEQ, vec![Some(rows); 4]);
    let bias = edges.bias(&device(backward));
    measure(bencher, backward, || attention(qkv.clone(), 4, Some(Mask { edges: &edges, bias: Some(&bias) })));
}

#[divan::bench(args = [Activation::Gelu, Activation::Silu, Activation::Relu])]
fn activation(bencher: Bencher<'_, '_>, activation: Activation) {
    let x = tensor([BATCH, SEQ, HIDDEN], false);
    measure(bencher, false, || activation.forward(x.clone()));
}

#[divan::bench(args = [(false, 9), (true, 9), (false, 1000), (true, 1000)])]
fn nll_backward_vocab(bencher: Bencher<'_, '_>, (backward, vocab): (bool, usize)) {
    let logits = tensor([BATCH, SEQ, vocab], backward);
    let of = |modulus: usize| -> Tensor<2, Int> {
        let values: Vec<i64> = (0..BATCH * SEQ).map(|i| (i % modulus) as i64).collect();
        Tensor::from_data(TensorData::new(values, [BATCH, SEQ]), &device(backward))
    };
    let (targets, masked) = (of(vocab), of(2));
    measure(bencher, backward, || masked_nll(logits.clone(), targets.clone(), masked.clone()));
}

#[divan::bench(args = [9, 1000, 30_000])]
fn softmax_and_top_p(bencher: Bencher<'_, '_>, vocab: usize) {
    let logits: Vec<f32> = (0..vocab).map(|i| (i * 7919 % 1000) as f32 / 100.0).collect();
    let mut p = Vec::new();
    bencher.bench_local(|| {
        softmax_f64(&logits, 1.0, &mut p);
        keep_top(&mut p, 0.9);
    });
}
