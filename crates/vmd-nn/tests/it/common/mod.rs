//! Helpers shared by the tests of this crate.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]
#![allow(dead_code, reason = "every test file uses its own part")]

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use vmd_graph::DependencyGraph;
use vmd_nn::{
    Activation, ParameterInit, PositionEncoding, Trunk, TrunkConfig, load_parameters, named_parameters,
};

pub(crate) fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// Values uniform in `(-1, 1)`.
pub(crate) fn values(seed: u64, n: usize) -> Vec<f32> {
    let mut rng = rng(seed);
    (0..n).map(|_| rng.random::<f32>() * 2.0 - 1.0).collect()
}

pub(crate) fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, shape), device)
}

pub(crate) fn random<const D: usize>(seed: u64, shape: [usize; D], device: &Device) -> Tensor<D> {
    tensor(values(seed, shape.iter().product()), shape, device)
}

pub(crate) fn host<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

pub(crate) fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// A configuration with one layer and one head of width 8 per entry of `edge_heads` (a single head
/// if it is empty).
pub(crate) fn config(edge_heads: &[&str], position: PositionEncoding) -> TrunkConfig {
    TrunkConfig {
        mixing: vmd_nn::Mixing::Attention,
        width: 8 * edge_heads.len().max(1),
        layers: 1,
        loops: 1,
        heads: edge_heads.len().max(1),
        mlp_ratio: 2,
        activation: Activation::Gelu,
        position,
        edge_heads: edge_heads.iter().map(ToString::to_string).collect(),
        precision: Default::default(),
    }
}

pub(crate) fn trunk(
    config: &TrunkConfig,
    seq: usize,
    condition: Option<usize>,
    graph: Option<&DependencyGraph>,
    seed: u64,
    device: &Device,
) -> Trunk {
    Trunk::new(config, seq, condition, graph, &mut ParameterInit::new(rng(seed), device)).unwrap()
}

/// `module` with every parameter drawn from `(-0.5, 0.5)`, so that none has its initial 0 or 1.
pub(crate) fn shaken<M: Module>(module: M, seed: u64) -> M {
    let mut rng = rng(seed);
    let drawn = named_parameters(&module).into_iter().map(|(name, old)| {
        let n: usize = old.shape().iter().product();
        let values: Vec<f32> = (0..n).map(|_| rng.random::<f32>() - 0.5).collect();
        (name, TensorData::new(values, old.shape().to_vec()))
    });
    let drawn = drawn.collect();
    load_parameters(module, drawn).unwrap()
}
