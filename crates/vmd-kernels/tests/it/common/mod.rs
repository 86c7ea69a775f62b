//! Compares a fused kernel with the composed operation in double precision.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]
#![allow(dead_code, reason = "every test file uses its own part")]

use burn::tensor::{Device, FloatDType, Tensor, TensorData};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use vmd_kernels::HeadEdges;

pub(crate) type Dims = [usize; 3];

pub(crate) fn random(rng: &mut ChaCha8Rng, dims: Dims) -> TensorData {
    let n = dims.iter().product();
    TensorData::new((0..n).map(|_| rng.random::<f32>() * 2.0 - 1.0).collect::<Vec<f32>>(), dims)
}

/// Output and gradients of `f` for the loss `Σ weight·f`, in single precision (fused) or in double
/// precision (composed).
pub(crate) fn evaluate(
    f: &dyn Fn(&[Tensor<3>]) -> Tensor<3>,
    inputs: &[TensorData],
    double: bool,
) -> Vec<Vec<f64>> {
    let device = Device::flex().autodiff();
    let leaves: Vec<Tensor<3>> =
        inputs.iter().map(|data| Tensor::from_data(data.clone(), &device).require_grad()).collect();
    let cast = |x: &Tensor<3>| if double { x.clone().cast(FloatDType::F64) } else { x.clone() };
    let output = f(&leaves.iter().map(cast).collect::<Vec<_>>());
    let weight = random(&mut ChaCha8Rng::seed_from_u64(9), output.dims());
    let loss = (output.clone() * cast(&Tensor::from_data(weight, &device))).sum();
    let gradients = loss.backward();
    let host = |data: TensorData| data.iter::<f64>().collect::<Vec<f64>>();
    let mut all = vec![host(output.into_data())];
    // The gradient of an input that the loss does not depend on may be absent.
    all.extend(leaves.iter().map(|leaf| leaf.grad(&gradients).map_or(Vec::new(), |g| host(g.into_data()))));
    all
}

/// Compares the fused with the composed results. Errors are relative to the largest magnitude in
/// each tensor, or to 0.3 if that is larger.
pub(crate) fn check(f: impl Fn(&[Tensor<3>]) -> Tensor<3>, dims: &[Dims], tolerance: f64) {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let inputs: Vec<TensorData> = dims.iter().map(|&dims| random(&mut rng, dims)).collect();
    let (fused, composed) = (evaluate(&f, &inputs, false), evaluate(&f, &inputs, true));
    for (which, (fused, composed)) in fused.iter().zip(&composed).enumerate() {
        assert_eq!(fused.len(), composed.len(), "{dims:?}, tensor {which}");
        let size = composed.iter().fold(0.3f64, |size, x| size.max(x.abs()));
        for (a, b) in fused.iter().zip(composed) {
            assert!((a - b).abs() <= tolerance * size, "{dims:?}, tensor {which}: {a} against {b} of {size}");
        }
    }
}

pub(crate) fn matrix(x: &Tensor<3>) -> Tensor<2> {
    x.clone().squeeze_dim(0)
}

pub(crate) fn vector(x: &Tensor<3>) -> Tensor<1> {
    let n: usize = x.dims().iter().product();
    x.clone().reshape([n])
}

/// Edges by `head % 5`: unrestricted; distance at most 1; self only; groups of five that also
/// attend to another group; random.
pub(crate) fn edges(seq: usize, heads: usize) -> HeadEdges {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let pairs = || (0..seq).flat_map(|query| (0..seq).map(move |key| (query, key)));
    let masks: Vec<Option<Vec<bool>>> = (0..heads)
        .map(|head| match head % 5 {
            0 => None,
            1 => Some(pairs().map(|(query, key)| query.abs_diff(key) <= 1).collect()),
            2 => Some(pairs().map(|(query, key)| query == key).collect()),
            3 => Some(pairs().map(|(query, key)| query / 5 == key / 5 || key % 7 == query / 5).collect()),
            _ => Some(pairs().map(|(query, key)| query == key || rng.random::<f64>() < 0.3).collect()),
        })
        .collect();
    HeadEdges::new(seq, masks)
}

/// Runs the tests of `module` again with narrower vectors.
pub(crate) fn with_narrower_vectors(module: &str) {
    if std::env::var_os("VMD_INSTRUCTIONS").is_some() {
        return;
    }
    for instructions in ["avx2", "scalar"] {
        let mut suite = std::process::Command::new(std::env::current_exe().unwrap());
        let output = suite.arg(module).env("VMD_INSTRUCTIONS", instructions).output().unwrap();
        assert!(output.status.success(), "{instructions}: {}", String::from_utf8_lossy(&output.stdout));
    }
}
