//! Learned edges: the distribution of their gates, their penalty, and the resulting graph.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use crate::common::{config, host, rng, trunk, values};
use burn::tensor::{Device, Tensor, TensorData};
use rand::RngExt;
use vmd_graph::DependencyGraph;
use vmd_nn::{
    EdgeGates, GatesConfig, Mixing, ParameterInit, PositionEncoding, TrunkConfig, load_parameters,
    named_parameters,
};

const SEQ: usize = 3;

/// Gates with these logits for the pairs (0, 1), (0, 2) and (1, 2).
fn gates(logits: [f32; 3]) -> EdgeGates {
    let device = Device::flex();
    let fresh = EdgeGates::new(GatesConfig { penalty: 0.5 }, SEQ, &mut ParameterInit::new(rng(1), &device));
    let [a, b, c] = logits;
    // The gate uses the mean of a pair's two entries.
    let matrix = vec![9.0, a + 1.0, b, a - 1.0, 9.0, c, b, c, 9.0];
    let name = named_parameters(&fresh).into_keys().next().unwrap();
    load_parameters(fresh, [(name, TensorData::new(matrix, [SEQ, SEQ]))].into()).unwrap()
}

/// `P(s > 0)` of the stretched concrete distribution, by its closed form: `σ(a − β ln(−γ/ζ))`.
fn open(logit: f32) -> f64 {
    1.0 / (1.0 + (-(f64::from(logit) + 2.0 / 3.0 * 11f64.ln())).exp())
}

#[test]
fn gates_are_shut_as_often_as_their_probability_says() {
    const ROWS: usize = 20_000;
    let logits = [0.0, -2.0, 1.0];
    let gates = gates(logits);
    let mut rng = rng(2);
    let mut noise = vec![0.5f32; ROWS * 9];
    for row in noise.chunks_exact_mut(9) {
        for (i, j) in [(0, 1), (0, 2), (1, 2)] {
            let u = rng.random::<f32>().clamp(1e-6, 1.0 - 1e-6);
            (row[i * 3 + j], row[j * 3 + i]) = (u, u);
        }
    }
    let noise = Tensor::<3>::from_data(TensorData::new(noise, [ROWS, 3, 3]), &Device::flex());
    let drawn = host(gates.forward(Some(noise)));
    for (place, logit) in [(1, logits[0]), (2, logits[1]), (5, logits[2])] {
        let of_pair: Vec<f32> = drawn.iter().skip(place).step_by(9).copied().collect();
        assert!(of_pair.iter().all(|g| (0.0..=1.0).contains(g)));
        let share = of_pair.iter().filter(|&&g| g > 0.0).count() as f64 / ROWS as f64;
        let p = open(logit);
        // Five standard errors of a share.
        assert!((share - p).abs() < 5.0 * (p * (1.0 - p) / ROWS as f64).sqrt(), "{logit}: {share}, not {p}");
        assert!(of_pair.contains(&1.0), "the gate is never fully open");
        assert!((gates.probabilities()[place] - p).abs() < 1e-6);
    }
    // No gate from a position to itself; both directions are equal.
    for row in drawn.chunks_exact(9) {
        assert_eq!((row[0], row[4], row[8]), (0.0, 0.0, 0.0));
        assert_eq!((row[1], row[2], row[5]), (row[3], row[6], row[7]));
    }
}

#[test]
fn the_price_is_that_of_the_expected_edges() {
    let price = gates([0.0, -2.0, 1.0]).price().into_scalar::<f32>();
    let expected = 0.5 * (open(0.0) + open(-2.0) + open(1.0));
    assert!((f64::from(price) - expected).abs() < 1e-5, "{price}, not {expected}");
}

#[test]
fn the_graph_is_made_of_the_gates_that_are_rather_open() {
    // P(open) = 1/2 where a = −β·ln 11 = −1.5986.
    let graph = gates([-1.5, -1.7, 4.0]).graph().unwrap();
    assert_eq!(graph.edge_types()[0].name(), "learned");
    assert_eq!(graph.pairs().into_iter().collect::<Vec<_>>(), [(0, 1), (1, 2)]);
}

#[test]
fn a_shut_gate_lets_nothing_through() {
    let device = Device::flex();
    let config = TrunkConfig { mixing: Mixing::Messages, ..config(&[], PositionEncoding::None) };
    let graph = DependencyGraph::complete(SEQ).unwrap();
    let trunk = trunk(&config, SEQ, None, Some(&graph), 3, &device);
    let gates = gates([-9.0, 9.0, 9.0]).forward(None);
    assert_eq!(host(gates.clone())[1], 0.0);
    let run = |changed: Option<usize>| {
        let mut input = values(5, SEQ * config.width);
        if let Some(node) = changed {
            (0..config.width)
                .for_each(|i| input[node * config.width + i] *= if i % 2 == 0 { 2.0 } else { -1.0 });
        }
        let input = Tensor::<3>::from_data(TensorData::new(input, [1, SEQ, config.width]), &device);
        let output = host(trunk.forward_gated(input, None, Some(&gates)));
        output.chunks_exact(config.width).map(<[f32]>::to_vec).collect::<Vec<_>>()
    };
    let (before, after) = (run(None), run(Some(0)));
    assert_eq!(before[1], after[1], "(0, 1) is shut");
    assert_ne!(before[2], after[2], "(0, 2) is open");
}
