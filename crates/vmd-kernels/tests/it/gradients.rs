//! Compares values and gradients of every fused kernel with the composed operation in double
//! precision.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use burn::tensor::{Device, FloatDType, Tensor, TensorData};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use vmd_kernels::{
    Activation, AdamWState, AdamWStep, HeadEdges, Mask, Precision, adamw, attention, edge_sum, layer_norm,
    linear, masked_nll, mlp,
};

use crate::common::{Dims, check, edges, evaluate, matrix, random, vector, with_narrower_vectors};

const PRECISE: Precision = Precision::F32;

const ACTIVATIONS: [Activation; 3] = [Activation::Gelu, Activation::Silu, Activation::Relu];

#[test]
fn activations() {
    for activation in ACTIVATIONS {
        for dims in [[1, 1, 1], [2, 3, 5], [3, 81, 128]] {
            // Wider than the inputs' (−1, 1), to include the tails.
            check(|x| activation.forward(x[0].clone() * 8.0), &[dims], 2e-6);
        }
    }
}

#[test]
fn linear_maps() {
    // Tiles are 12 (or 6 or 4) rows by 32 (or 16 or 8) columns; blocks are 512 deep and 256 wide.
    // The sizes lie on both sides of each.
    for [batch, seq, from, to] in [
        [1, 1, 1, 1],
        [1, 1, 3, 33],
        [2, 7, 5, 9],
        [1, 13, 31, 32],
        [3, 81, 128, 384],
        [1, 25, 513, 257],
        [5, 250, 20, 3],
    ] {
        let dims = [[batch, seq, from], [1, from, to], [1, 1, to]];
        check(|x| linear(x[0].clone(), matrix(&x[1]), vector(&x[2]), None, PRECISE), &dims, 2e-6);
        let dims = [dims[0], dims[1], dims[2], [batch, seq, to]];
        // Used twice, so that the gradient is a sum of two terms.
        let added = |x: &[Tensor<3>]| {
            linear(x[0].clone(), matrix(&x[1]), vector(&x[2]), Some(x[3].clone()), PRECISE) * x[3].clone()
        };
        check(added, &dims, 2e-6);
    }
}

#[test]
fn feed_forward_layers() {
    for activation in ACTIVATIONS {
        // Blocks are 96 tokens, parts at least 64.
        for [batch, seq, width, hidden] in [[1, 1, 1, 1], [2, 5, 3, 7], [3, 27, 32, 128], [5, 81, 16, 40]] {
            let x = [batch, seq, width];
            let dims = [x, [1, width, hidden], [1, 1, hidden], [1, hidden, width], [1, 1, width], x];
            let f = |x: &[Tensor<3>]| {
                let (up, down) = ((matrix(&x[1]), vector(&x[2])), (matrix(&x[3]), vector(&x[4])));
                mlp(x[0].clone(), activation, up, down, x[5].clone(), PRECISE)
            };
            check(f, &dims, 2e-6);
        }
    }
}

#[test]
fn rounded_factors() {
    if !Precision::Bf16.is_fused() {
        println!("SKIPPED: this processor has no AVX512-BF16");
        return;
    }
    // Compared with exact factors: each is off by at most 2⁻⁹ of its size, so a sum of `n` products
    // of numbers below 1 is off by at most n·2⁻⁸, and typically by √n·2⁻⁹.
    let half = Precision::Bf16;
    for [batch, seq, from, to] in
        [[1, 1, 1, 1], [2, 7, 5, 9], [1, 13, 31, 32], [3, 81, 128, 384], [5, 250, 20, 3]]
    {
        let dims = [[batch, seq, from], [1, from, to], [1, 1, to], [batch, seq, to]];
        let f = |x: &[Tensor<3>]| {
            // The composed operation is the exact reference.
            let precision = if x[0].dtype() == burn::tensor::DType::F64 { PRECISE } else { half };
            linear(x[0].clone(), matrix(&x[1]), vector(&x[2]), Some(x[3].clone()), precision)
        };
        check(f, &dims, 1.0 / 128.0);
        let hidden = to;
        let x = [batch, seq, from];
        let dims = [x, [1, from, hidden], [1, 1, hidden], [1, hidden, from], [1, 1, from], x];
        let f = |x: &[Tensor<3>]| {
            let precision = if x[0].dtype() == burn::tensor::DType::F64 { PRECISE } else { half };
            let (up, down) = ((matrix(&x[1]), vector(&x[2])), (matrix(&x[3]), vector(&x[4])));
            mlp(x[0].clone(), Activation::Gelu, up, down, x[5].clone(), precision)
        };
        check(f, &dims, 1.0 / 64.0);
    }
}

#[test]
fn a_precision_without_kernel_rounds_too() {
    // 1 + 2⁻¹² is 1 in half precision.
    let x = || Tensor::<3>::from_data([[[1.0f32 + 1.0 / 4096.0]]], &Device::flex());
    let (one, zero) =
        (|| Tensor::<2>::ones([1, 1], &Device::flex()), || Tensor::<1>::zeros([1], &Device::flex()));
    let half = linear(x(), one(), zero(), None, Precision::F16);
    assert_eq!(half.into_data().iter::<f32>().collect::<Vec<_>>(), [1.0]);
    let half = mlp(x(), Activation::Relu, (one(), zero()), (one(), zero()), x() * 0.0, Precision::F16);
    assert_eq!(half.into_data().iter::<f32>().collect::<Vec<_>>(), [1.0]);
}

#[test]
fn norms() {
    for [batch, seq, width] in [[1, 1, 2], [2, 3, 17], [5, 9, 128], [9, 2, 16]] {
        let plain = [[batch, seq, width], [1, 1, width], [1, 1, width]];
        let f = |x: &[Tensor<3>]| layer_norm(x[0].clone(), vector(&x[1]), vector(&x[2]), None);
        check(f, &plain, 1e-5);
        for per in [1, seq] {
            let modulation = [batch, per, width];
            let dims = [plain[0], plain[1], plain[2], modulation, modulation];
            let f = |x: &[Tensor<3>]| {
                layer_norm(x[0].clone(), vector(&x[1]), vector(&x[2]), Some((x[3].clone(), x[4].clone())))
            };
            check(f, &dims, 1e-5);
        }
    }
}

#[test]
fn attention_with_and_without_edges() {
    for [batch, seq, heads, channels] in
        [[1, 1, 1, 1], [2, 5, 2, 3], [1, 17, 4, 16], [3, 81, 4, 32], [2, 33, 5, 8], [1, 40, 5, 16]]
    {
        let dims = [[batch, seq, 3 * heads * channels]];
        check(|x| attention(x[0].clone() * 3.0, heads, None), &dims, 5e-6);
        let edges = edges(seq, heads);
        let masked = |x: &[Tensor<3>]| {
            let bias = edges.bias(&x[0].device()).cast(x[0].dtype());
            attention(x[0].clone() * 3.0, heads, Some(Mask { edges: &edges, bias: Some(&bias) }))
        };
        check(masked, &dims, 5e-6);
    }
}

#[test]
fn a_mask_that_hides_nothing() {
    for seq in [1, 5, 16, 40] {
        let edges = HeadEdges::new(seq, vec![Some(vec![true; seq * seq]); 2]);
        let masked = |x: &[Tensor<3>]| {
            let bias = edges.bias(&x[0].device()).cast(x[0].dtype());
            attention(x[0].clone(), 2, Some(Mask { edges: &edges, bias: Some(&bias) }))
        };
        check(masked, &[[2, seq, 24]], 5e-6);
    }
}

#[test]
fn large_scores_do_not_overflow() {
    check(|x| attention(x[0].clone() * 30.0, 2, None), &[[1, 9, 24]], 2e-3);
}

#[test]
fn a_query_without_keys_gets_zero() {
    let edges = HeadEdges::new(2, [Some(vec![false, false, true, true])]);
    let device = Device::flex();
    let qkv = Tensor::<3>::from_data(random(&mut ChaCha8Rng::seed_from_u64(1), [1, 2, 6]), &device);
    let bias = edges.bias(&device);
    let y = attention(qkv, 1, Some(Mask { edges: &edges, bias: Some(&bias) })).into_data();
    let y: Vec<f32> = y.iter::<f32>().collect();
    assert_eq!(y[..2], [0.0, 0.0]);
    assert!(y[2..].iter().all(|y| y.is_finite() && *y != 0.0));
}

#[test]
fn not_a_number_stays_one() {
    let device = Device::flex();
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut data: Vec<f32> = random(&mut rng, [1, 20, 48]).iter::<f32>().collect();
    data[5 * 48 + 7] = f32::NAN;
    let x = Tensor::<3>::from_data(TensorData::new(data, [1, 20, 48]), &device);
    let weight = |rows: usize, cols: usize| {
        Tensor::<2>::from_data(TensorData::new(vec![0.1f32; rows * cols], [rows, cols]), &device)
    };
    let bias = |n: usize| Tensor::<1>::from_data(TensorData::new(vec![0.1f32; n], [n]), &device);
    // Row 5 for row-wise operations; all rows if the operation mixes rows.
    let of_row = |y: Tensor<3>| -> Vec<bool> {
        let n = y.dims()[2];
        let y: Vec<f32> = y.into_data().iter::<f32>().collect();
        y.chunks_exact(n).map(|row| row.iter().any(|y| y.is_nan())).collect()
    };
    let only_fifth: Vec<bool> = (0..20).map(|row| row == 5).collect();
    assert_eq!(of_row(linear(x.clone(), weight(48, 33), bias(33), None, PRECISE)), only_fifth);
    assert_eq!(of_row(layer_norm(x.clone(), bias(48), bias(48), None)), only_fifth);
    for activation in ACTIVATIONS {
        assert_eq!(of_row(activation.forward(x.clone())), only_fifth, "{activation:?}");
        let y = mlp(
            x.clone(),
            activation,
            (weight(48, 10), bias(10)),
            (weight(10, 48), bias(48)),
            x.clone(),
            PRECISE,
        );
        assert_eq!(of_row(y), only_fifth, "{activation:?}");
    }
    // Channel 7 belongs to the queries: only that query is affected.
    assert_eq!(of_row(attention(x, 2, None)), only_fifth);
}

#[test]
fn empty_batches_stay_empty() {
    let device = Device::flex();
    let x = Tensor::<3>::zeros([0, 4, 6], &device);
    let weight = Tensor::<2>::zeros([6, 6], &device);
    let bias = Tensor::<1>::zeros([6], &device);
    assert_eq!(linear(x.clone(), weight.clone(), bias.clone(), None, PRECISE).dims(), [0, 4, 6]);
    assert_eq!(layer_norm(x.clone(), bias.clone(), bias.clone(), None).dims(), [0, 4, 6]);
    assert_eq!(attention(x.clone(), 2, None).dims(), [0, 4, 2]);
    assert_eq!(edge_sum(x.clone(), 2, None).dims(), [0, 4, 6]);
    let pair = (weight, bias);
    assert_eq!(mlp(x.clone(), Activation::Gelu, pair.clone(), pair, x, PRECISE).dims(), [0, 4, 6]);
}

#[test]
fn the_number_of_threads_does_not_change_a_bit() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let dims = [[9, 300, 32], [1, 32, 64], [1, 1, 64], [1, 64, 32], [1, 1, 32]];
    let inputs: Vec<TensorData> = dims.iter().map(|&dims| random(&mut rng, dims)).collect();
    let f = |x: &[Tensor<3>]| {
        let y = mlp(
            x[0].clone(),
            Activation::Gelu,
            (matrix(&x[1]), vector(&x[2])),
            (matrix(&x[3]), vector(&x[4])),
            x[0].clone(),
            PRECISE,
        );
        let y = layer_norm(y, vector(&x[4]), vector(&x[4]), None);
        edge_sum(attention(y.slice([0..9, 0..50, 0..24]), 2, None), 2, None)
    };
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| evaluate(&f, &inputs, false))
    };
    let one = with(1);
    for threads in [2, 3, 8] {
        assert_eq!(with(threads), one, "{threads} threads");
    }
}

#[test]
fn other_instructions() {
    with_narrower_vectors("gradients::");
}

/// Targets and masks, including sequences without masked positions.
fn targets([batch, seq, vocab]: Dims) -> [Tensor<2, burn::tensor::Int>; 2] {
    let of = |f: &dyn Fn(usize) -> usize| {
        let values: Vec<i64> = (0..batch * seq).map(|i| f(i) as i64).collect();
        Tensor::from_data(TensorData::new(values, [batch, seq]), &Device::flex().autodiff())
    };
    [of(&|i| (7 * i + 3) % vocab), of(&|i| usize::from(i / seq % 3 != 1 && i % 4 != 2))]
}

#[test]
fn nll() {
    for dims in [[1, 1, 1], [1, 1, 2], [2, 3, 9], [3, 5, 17], [7, 81, 9], [2, 2, 40_003]] {
        let [targets, masked] = targets(dims);
        let f = |x: &[Tensor<3>]| {
            let nll = masked_nll(x[0].clone() * 8.0, targets.clone(), masked.clone());
            nll.unsqueeze_dim(2)
        };
        check(f, &[dims], 1e-5);
    }
}

#[test]
fn nll_of_extremes() {
    let device = Device::flex().autodiff();
    let infinite = f32::NEG_INFINITY;
    let logits = Tensor::<3>::from_data(
        [[
            [1e30, 0.0, 1.0],
            [infinite, 0.0, 0.0],
            [infinite, 0.0, 0.0],
            [f32::NAN, 0.0, 0.0],
            [f32::NAN, 0.0, 0.0],
        ]],
        &device,
    )
    .require_grad();
    let targets = Tensor::from_data([[0, 1, 0, 1, 1]], &device);
    let masked = Tensor::from_data([[1, 1, 1, 1, 0]], &device);
    let nll = masked_nll(logits.clone(), targets, masked);
    let values: Vec<f32> = nll.to_data().iter::<f32>().collect();
    assert_eq!(values[0], 0.0);
    assert!((values[1] - std::f32::consts::LN_2).abs() < 1e-6);
    assert_eq!(values[2], f32::INFINITY);
    assert!(values[3].is_nan());
    assert_eq!(values[4], 0.0, "not masked, so nothing is read");
    let gradients = nll.sum().backward();
    let gradient: Vec<f32> = logits.grad(&gradients).unwrap().into_data().iter::<f32>().collect();
    assert_eq!(gradient[3..6], [0.0, -0.5, 0.5]);
    assert_eq!(gradient[12..], [0.0; 3]);
}

#[test]
fn weights_are_updated_as_by_the_composed_operations() {
    let device = Device::flex();
    for n in [1, 7, 100_003] {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let mut vector = |least: f32| {
            let values = (0..n).map(|_| rng.random::<f32>() + least).collect::<Vec<f32>>();
            Tensor::<1>::from_data(TensorData::new(values, [n]), &device)
        };
        let state = AdamWState {
            weights: vector(-0.5),
            first: vector(-0.5),
            second: vector(0.0),
            average: vector(-0.5),
        };
        let gradient = vector(-0.5);
        let step = AdamWStep {
            gradient_scale: 0.7,
            learning_rate: 0.1,
            betas: [0.8, 0.9],
            bias: [0.3, 0.2],
            epsilon: 1e-8,
            decay: 0.03,
            ema: 0.6,
        };
        let double = |x: &Tensor<1>| x.clone().cast(FloatDType::F64);
        let exact = adamw(
            step,
            AdamWState {
                weights: double(&state.weights),
                first: double(&state.first),
                second: double(&state.second),
                average: double(&state.average),
            },
            double(&gradient),
        );
        let held = state.clone();
        let before = held.weights.to_data();
        let fused = adamw(step, state, gradient);
        assert_eq!(held.weights.to_data(), before, "a state that is held elsewhere stays as it is");
        for (fused, exact) in [
            (fused.weights, exact.weights),
            (fused.first, exact.first),
            (fused.second, exact.second),
            (fused.average, exact.average),
        ] {
            let (fused, exact) = (fused.into_data(), exact.into_data());
            let worst =
                fused.iter::<f64>().zip(exact.iter::<f64>()).fold(0.0f64, |w, (a, b)| w.max((a - b).abs()));
            assert!(worst < 2e-6, "{n}: {worst}");
        }
    }
}
