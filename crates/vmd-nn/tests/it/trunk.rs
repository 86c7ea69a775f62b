//! The trunk: weight tying, conditions, gradients.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use std::collections::BTreeMap;

use crate::common::{config, host, largest_difference, random, shaken, trunk, values};
use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Gradients, Tensor, TensorData};
use vmd_graph::DependencyGraph;
use vmd_nn::{
    LayerNorm, Linear, Loops, ParameterInit, PositionEncoding, Trunk, TrunkConfig, Weights, load_parameters,
    named_parameters,
};

fn shapes<M: Module>(module: &M) -> BTreeMap<String, Vec<usize>> {
    named_parameters(module).into_iter().map(|(name, data)| (name, data.shape().to_vec())).collect()
}

#[test]
fn loops_tie_the_weights() {
    let device = Device::flex();
    let once = TrunkConfig { layers: 2, ..config(&[], PositionEncoding::None) };
    let thrice = TrunkConfig { loops: 3, ..once.clone() };
    let (short, long) = (trunk(&once, 4, None, None, 1, &device), trunk(&thrice, 4, None, None, 1, &device));
    assert_eq!(shapes(&short), shapes(&long));
    let deeper = trunk(&TrunkConfig { layers: 4, ..once.clone() }, 4, None, None, 1, &device);
    assert_eq!(deeper.num_params() - short.num_params(), short.num_params() - 2 * once.width);

    // The same weights, applied more often, give another function.
    let long = load_parameters(long, named_parameters(&short)).unwrap();
    let x = random(2, [1, 4, once.width], &device);
    assert!(largest_difference(&host(short.forward(x.clone(), None)), &host(long.forward(x, None))) > 1e-2);
}

#[test]
fn every_position_encoding_but_none_tells_positions_apart() {
    let device = Device::flex();
    for position in [PositionEncoding::None, PositionEncoding::Learned, PositionEncoding::Rotary] {
        let config = config(&[], position);
        let trunk = trunk(&config, 5, None, None, 1, &device);
        // Two different tokens and three equal ones; without positions, equal tokens stay equal.
        let token = random::<3>(1, [1, 1, config.width], &device);
        let others = random::<3>(2, [1, 2, config.width], &device);
        let x = Tensor::cat(vec![others, token.clone(), token.clone(), token], 1);
        let output = host(trunk.forward(x, None));
        let of = |i: usize| &output[i * config.width..(i + 1) * config.width];
        let difference = largest_difference(of(2), of(4));
        assert_eq!(difference > 1e-4, position != PositionEncoding::None, "{position:?}: {difference}");
    }
}

#[test]
fn a_condition_has_no_effect_until_its_weights_are_non_zero() {
    let device = Device::flex();
    let config = config(&[], PositionEncoding::Learned);
    let fresh = trunk(&config, 4, Some(3), None, 1, &device);
    let x = random::<3>(2, [2, 4, config.width], &device);
    let run = |trunk: &Trunk, condition: Option<&Tensor<3>>| host(trunk.forward(x.clone(), condition));
    let (per_row, per_token) = (random::<3>(3, [2, 1, 3], &device), random::<3>(4, [2, 4, 3], &device));
    let plain = run(&fresh, None);
    assert_eq!(run(&fresh, Some(&per_row)), plain);
    assert_eq!(run(&fresh, Some(&per_token)), plain);

    let mut parameters = named_parameters(&fresh);
    let (name, old) =
        parameters.iter().find(|(name, _)| name.ends_with("modulation.projection.weight")).unwrap();
    assert!(old.iter::<f32>().all(|weight| weight == 0.0));
    let shape = old.shape().to_vec();
    let drawn = TensorData::new(values(5, shape.iter().product()), shape);
    parameters.insert(name.clone(), drawn);
    let trained = load_parameters(fresh, parameters).unwrap();
    assert_eq!(run(&trained, None), plain);
    assert!(largest_difference(&run(&trained, Some(&per_row)), &plain) > 1e-2);
    assert!(largest_difference(&run(&trained, Some(&per_token)), &plain) > 1e-2);

    // The condition of one row does not affect the other row.
    let mut other = host(per_row.clone());
    other[3..].iter_mut().for_each(|value| *value += 1.0);
    let (a, b) = (
        run(&trained, Some(&per_row)),
        run(&trained, Some(&crate::common::tensor(other, [2, 1, 3], &device))),
    );
    let row = 4 * config.width;
    assert_eq!(a[..row], b[..row]);
    assert!(largest_difference(&a[row..], &b[row..]) > 1e-2);
}

#[test]
fn layer_norm_golden_values() {
    let device = Device::flex();
    let norm = LayerNorm::new(4, &mut ParameterInit::new(crate::common::rng(0), &device));
    let x = crate::common::tensor(vec![1.0, 2.0, 3.0, 4.0], [1, 1, 4], &device);
    // (x − 2.5)/√(1.25 + 1e-5), worked out in double precision; 1e-6 is some ulps of f32 at 1.
    let golden = [-1.341_635_4, -0.447_211_8, 0.447_211_8, 1.341_635_4];
    assert!(largest_difference(&host(norm.forward(x.clone(), None)), &golden) < 1e-6);

    let modulation = (x.ones_like() * 0.5, x.ones_like() * -1.0);
    let expected: Vec<f32> = golden.iter().map(|y| y * 1.5 - 1.0).collect();
    assert!(largest_difference(&host(norm.forward(x.clone(), Some(modulation))), &expected) < 1e-6);

    let parameters = BTreeMap::from([
        ("gamma".to_string(), TensorData::from([2.0f32, 2.0, 2.0, 0.0])),
        ("beta".to_string(), TensorData::from([0.0f32, 1.0, 0.0, 7.0])),
    ]);
    let norm = load_parameters(norm, parameters).unwrap();
    let expected = [2.0 * golden[0], 2.0 * golden[1] + 1.0, 2.0 * golden[2], 7.0];
    assert!(largest_difference(&host(norm.forward(x, None)), &expected) < 1e-6);
}

#[test]
fn linear_multiplies_and_adds() {
    let device = Device::flex();
    let linear = Linear::new(2, 3, Weights::Zero, &mut ParameterInit::new(crate::common::rng(0), &device));
    let parameters = BTreeMap::from([
        ("weight".to_string(), TensorData::from([[1.0f32, 2.0, 3.0], [4.0, 5.0, 6.0]])),
        ("bias".to_string(), TensorData::from([0.5f32, 0.0, -1.0])),
    ]);
    let linear = load_parameters(linear, parameters).unwrap();
    let x = crate::common::tensor(vec![1.0, 0.0, 0.0, 1.0, 1.0, -1.0], [3, 1, 2], &device);
    let y = linear.forward(x);
    assert_eq!(y.dims(), [3, 1, 3]);
    assert_eq!(host(y), [1.5, 2.0, 2.0, 4.5, 5.0, 5.0, -2.5, -3.0, -4.0]);
}

/// Collects the gradients of all parameters by name.
struct GradientCollector<'a> {
    path: Vec<String>,
    gradients: &'a Gradients,
    found: BTreeMap<String, Vec<f32>>,
}

impl ModuleVisitor for GradientCollector<'_> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_string());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let gradient = param.val().grad(self.gradients).expect("every parameter has a gradient");
        self.found.insert(self.path.join("."), host(gradient));
    }
}

#[test]
fn gradients_agree_with_finite_differences() {
    const STEP: f32 = 5e-3;
    let device = Device::flex().autodiff();
    let graph = DependencyGraph::chain(4).unwrap();
    for position in [PositionEncoding::Learned, PositionEncoding::Rotary] {
        let config = TrunkConfig { layers: 2, loops: 2, ..config(&["next", "all"], position) };
        // Loading keeps parameters trainable, as the gradients below show.
        let trunk = shaken(trunk(&config, 4, Some(3), Some(&graph), 1, &device), 2);
        let x = random::<3>(3, [2, 4, config.width], &device);
        let condition = random::<3>(4, [2, 1, 3], &device);
        let weights = random::<3>(5, [2, 4, config.width], &device);
        let loss = |trunk: &Trunk| (trunk.forward(x.clone(), Some(&condition)) * weights.clone()).sum();
        let mut collector = GradientCollector {
            path: Vec::new(),
            gradients: &loss(&trunk).backward(),
            found: BTreeMap::new(),
        };
        trunk.visit(&mut collector);
        let parameters = named_parameters(&trunk);
        assert!(parameters.keys().eq(collector.found.keys()));

        for (index, (name, gradient)) in collector.found.iter().enumerate() {
            // Along one random direction per tensor: a single element is below the noise of f32.
            let direction = values(100 + index as u64, gradient.len());
            let moved = |sign: f32| {
                let mut parameters = parameters.clone();
                let old = &parameters[name];
                let new: Vec<f32> =
                    old.iter::<f32>().zip(&direction).map(|(x, d)| x + sign * STEP * d).collect();
                let new = TensorData::new(new, old.shape().to_vec());
                parameters.insert(name.clone(), new);
                let moved = load_parameters(trunk.clone(), parameters).unwrap();
                // Summed in double precision; the loss is a sum of 128 terms of order 1.
                let terms = host(moved.forward(x.clone(), Some(&condition)) * weights.clone());
                terms.into_iter().map(f64::from).sum::<f64>()
            };
            let difference = (moved(1.0) - moved(-1.0)) / (2.0 * f64::from(STEP));
            let product: f64 =
                gradient.iter().zip(&direction).map(|(g, d)| f64::from(*g) * f64::from(*d)).sum();
            // Rounding: terms of order 1 are good to 1e-7 × some roundings, over a step of 1e-2
            // that is 1e-4 a term and at most 1e-2 in all; truncation is of order STEP² times a
            // third derivative.
            let tolerance = 2e-2 + 1e-2 * product.abs();
            assert!((difference - product).abs() < tolerance, "{name}: {difference} against {product}");
        }
        let largest = collector.found.values().flatten().fold(0.0f32, |m, g| m.max(g.abs()));
        assert!(largest > 0.1, "gradients of this size are no test: {largest}");
    }
}

#[test]
fn the_evaluation_copy_of_an_autodiff_trunk_computes_the_same() {
    let device = Device::flex().autodiff();
    let graph = DependencyGraph::chain(4).unwrap();
    let config = config(&["next", "all"], PositionEncoding::Rotary);
    let trunk = shaken(trunk(&config, 4, Some(3), Some(&graph), 1, &device), 2);
    let run = |trunk: &Trunk, device: &Device| {
        let x = random(3, [2, 4, config.width], device);
        trunk.forward(x, Some(&random(4, [2, 1, 3], device)))
    };
    let evaluated = run(&trunk.valid(), &Device::flex());
    assert!(!evaluated.is_autodiff());
    // Kernels that may work in place round differently by some ulps.
    assert!(largest_difference(&host(evaluated), &host(run(&trunk, &device))) < 1e-5);
}

#[test]
fn loops_without_gradient_compute_the_same() {
    let device = Device::flex().autodiff();
    let graph = DependencyGraph::chain(4).unwrap();
    let config = TrunkConfig { loops: 5, ..config(&["next", "all"], PositionEncoding::Learned) };
    let trunk = shaken(trunk(&config, 4, Some(3), Some(&graph), 1, &device), 2);
    let condition = random::<3>(4, [1, 1, 3], &device);
    let run = |loops: Option<Loops>| {
        let x = random::<3>(3, [1, 4, config.width], &device).require_grad();
        let outputs = match loops {
            Some(loops) => trunk.forward_loops(x.clone(), Some(&condition), None, loops),
            None => vec![trunk.forward(x.clone(), Some(&condition))],
        };
        let last = outputs.last().unwrap().clone();
        let gradients = last.powi_scalar(2).mul(random(6, [1, 4, config.width], &device)).sum().backward();
        let of_input = host(x.grad(&gradients).unwrap());
        let mut collector =
            GradientCollector { gradients: &gradients, path: Vec::new(), found: BTreeMap::new() };
        trunk.visit(&mut collector);
        let of_weights: Vec<f32> = collector.found.into_values().flatten().collect();
        (outputs.into_iter().map(host).collect::<Vec<_>>(), of_weights, of_input)
    };
    let whole = run(None);
    let all = run(Some(Loops { run: 5, tracked: 5 }));
    let some = run(Some(Loops { run: 5, tracked: 2 }));
    assert_eq!((all.0.len(), some.0.len()), (5, 2));
    for (of_all, of_some) in all.0[3..].iter().zip(&some.0) {
        assert!(largest_difference(of_all, of_some) < 1e-5);
    }
    assert!(largest_difference(&whole.0[0], &all.0[4]) < 1e-5);
    assert!(largest_difference(&whole.1, &all.1) < 1e-4 && largest_difference(&whole.2, &all.2) < 1e-4);
    // Fewer loops contribute to the gradient; the input's is not cut off.
    assert!(largest_difference(&whole.1, &some.1) > 1e-2);
    assert!(some.2.iter().any(|gradient| gradient.abs() > 1e-3));
    // One loop fewer gives the output of the loop before.
    let fewer = run(Some(Loops { run: 4, tracked: 1 }));
    assert!(largest_difference(&fewer.0[0], &all.0[3]) < 1e-5);
}
