//! Sums over edges: values and gradients.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use burn::tensor::{Device, Tensor};
use vmd_kernels::{HeadEdges, Mask, edge_sum};

use crate::common::{check, edges, with_narrower_vectors};

#[test]
fn sums_along_edges() {
    for [batch, seq, heads, channels] in [[1, 1, 1, 1], [2, 5, 2, 3], [3, 81, 4, 32], [2, 33, 5, 8]] {
        let dims = [[batch, seq, heads * channels]];
        check(|x| edge_sum(x[0].clone(), heads, None), &dims, 5e-6);
        let edges = edges(seq, heads);
        let masked = |x: &[Tensor<3>]| {
            let bias = edges.bias(&x[0].device()).cast(x[0].dtype());
            edge_sum(x[0].clone(), heads, Some(Mask { edges: &edges, bias: Some(&bias) }))
        };
        check(masked, &dims, 5e-6);
    }
    // In a chain of three, the middle token has three keys and each end two. All sums are scaled by
    // 1/√3.
    let device = Device::flex();
    let edges = HeadEdges::new(3, [Some([1, 1, 0, 1, 1, 1, 0, 1, 1].map(|x| x == 1).to_vec())]);
    let bias = edges.bias(&device);
    let x = Tensor::<3>::from_data([[[1.0], [10.0], [100.0]]], &device);
    let y = edge_sum(x, 1, Some(Mask { edges: &edges, bias: Some(&bias) })) * 3f64.sqrt();
    let y: Vec<f32> = y.into_data().iter::<f32>().collect();
    assert!(y.iter().zip([11.0, 111.0, 110.0]).all(|(a, b)| (a - b).abs() < 1e-4), "{y:?}");
}

#[test]
fn other_instructions() {
    with_narrower_vectors("edges::");
}
