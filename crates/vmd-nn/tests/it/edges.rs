//! Attention heads restricted to one edge type.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use crate::common::{config, host, largest_difference, random, tensor, trunk, values};
use burn::tensor::Device;
use vmd_core::Validate;
use vmd_graph::DependencyGraph;
use vmd_nn::{Mixing, PositionEncoding, TrunkConfig, head_edges};

const SEQ: usize = 16;

/// Every kind of mixing with every position encoding that it supports.
const MIXED: [(Mixing, PositionEncoding); 5] = [
    (Mixing::Attention, PositionEncoding::None),
    (Mixing::Attention, PositionEncoding::Learned),
    (Mixing::Attention, PositionEncoding::Rotary),
    (Mixing::Messages, PositionEncoding::None),
    (Mixing::Messages, PositionEncoding::Learned),
];

fn sudoku() -> DependencyGraph {
    DependencyGraph::sudoku(2, 2).unwrap()
}

/// The output of a one-layer trunk, one row of channels per node, for an input that differs from
/// the base input at `changed`.
fn rows(config: &TrunkConfig, changed: Option<usize>) -> Vec<Vec<f32>> {
    let device = Device::flex();
    let trunk = trunk(config, SEQ, None, Some(&sudoku()), 3, &device);
    let mut input = values(5, SEQ * config.width);
    if let Some(node) = changed {
        // Not a constant shift, which the norm would remove.
        (0..config.width).for_each(|i| input[node * config.width + i] *= if i % 2 == 0 { 2.0 } else { -1.0 });
    }
    let output = host(trunk.forward(tensor(input, [1, SEQ, config.width], &device), None));
    output.chunks_exact(config.width).map(<[f32]>::to_vec).collect()
}

#[test]
fn a_head_sees_its_edge_type_and_nothing_else() {
    let graph = sudoku();
    for (mixing, position) in MIXED {
        for name in ["row", "column", "box"] {
            let config = TrunkConfig { mixing, ..config(&[name], position) };
            let edge_type = graph.edge_type(name).unwrap();
            let before = rows(&config, None);
            for changed in [0, 6, 15] {
                let after = rows(&config, Some(changed));
                for node in 0..SEQ {
                    let sees = node == changed || graph.neighbours(edge_type, node).contains(&changed);
                    // Exactly equal: a masked score is −∞ and its weight exactly 0.
                    assert_eq!(before[node] != after[node], sees, "{name}: {changed} at {node}");
                }
            }
        }
    }
}

#[test]
fn heads_of_two_types_see_the_union() {
    let graph = sudoku();
    for mixing in [Mixing::Attention, Mixing::Messages] {
        let config = TrunkConfig { mixing, ..config(&["row", "column"], PositionEncoding::None) };
        let (before, after) = (rows(&config, None), rows(&config, Some(5)));
        for node in 0..SEQ {
            let sees = node == 5 || [0, 1].iter().any(|&e| graph.neighbours(e, node).contains(&5));
            assert_eq!(before[node] != after[node], sees, "{mixing:?}: {node}");
        }
    }
}

#[test]
fn a_head_named_all_is_unrestricted() {
    for mixing in [Mixing::Attention, Mixing::Messages] {
        let config = TrunkConfig { mixing, ..config(&["all"], PositionEncoding::None) };
        let (before, after) = (rows(&config, None), rows(&config, Some(0)));
        assert!((0..SEQ).all(|node| before[node] != after[node]));
        let free = TrunkConfig { edge_heads: Vec::new(), ..config };
        assert_eq!(rows(&free, None), before);
    }
}

/// Permutes the cells of a 4×4 grid by exchanging two rows.
fn exchange_rows(values: &[f32], width: usize, rows: [usize; 2]) -> Vec<f32> {
    let line = 4 * width;
    let mut out = values.to_vec();
    out[rows[0] * line..(rows[0] + 1) * line].copy_from_slice(&values[rows[1] * line..(rows[1] + 1) * line]);
    out[rows[1] * line..(rows[1] + 1) * line].copy_from_slice(&values[rows[0] * line..(rows[0] + 1) * line]);
    out
}

/// Largest difference between permuting the output and permuting the input of a trunk by an
/// exchange of two rows.
fn equivariance_error(mixing: Mixing, position: PositionEncoding, exchanged: [usize; 2]) -> f32 {
    let device = Device::flex();
    let mut config = config(&["row", "column", "box", "all"], position);
    (config.mixing, config.layers, config.loops) = (mixing, 2, 2);
    let trunk = trunk(&config, SEQ, None, Some(&sudoku()), 7, &device);
    let input = values(8, SEQ * config.width);
    let run = |input: Vec<f32>| host(trunk.forward(tensor(input, [1, SEQ, config.width], &device), None));
    let permuted_after = exchange_rows(&run(input.clone()), config.width, exchanged);
    largest_difference(&permuted_after, &run(exchange_rows(&input, config.width, exchanged)))
}

#[test]
fn without_positions_the_trunk_keeps_the_symmetries_of_the_grid() {
    // Outputs are of order 1 after the last norm; sums in another order differ by some 1e-6.
    for (mixing, position) in MIXED {
        let error = |exchanged| equivariance_error(mixing, position, exchanged);
        if position == PositionEncoding::None {
            assert!(error([0, 1]) < 1e-4 && error([2, 3]) < 1e-4, "{mixing:?}");
            // Exchanging rows of different bands is not a symmetry.
            assert!(error([1, 2]) > 1e-2, "{mixing:?}");
        } else {
            // Position encodings break the symmetries.
            assert!(error([0, 1]) > 1e-2, "{mixing:?}, {position:?}");
        }
    }
}

#[test]
fn sequences_of_a_batch_do_not_see_each_other() {
    let device = Device::flex();
    let config = config(&["row", "all"], PositionEncoding::Learned);
    let trunk = trunk(&config, SEQ, None, Some(&sudoku()), 3, &device);
    let n = SEQ * config.width;
    let together = host(trunk.forward(random(1, [2, SEQ, config.width], &device), None));
    let second = tensor(values(1, 2 * n)[n..].to_vec(), [1, SEQ, config.width], &device);
    // Products of another size may sum in another order.
    assert!(largest_difference(&together[n..], &host(trunk.forward(second, None))) < 1e-5);
}

#[test]
fn the_bias_is_zero_on_edges_and_minus_infinity_elsewhere() {
    let graph = DependencyGraph::chain(3).unwrap();
    let edges = head_edges(&graph, &["next".into(), "all".into()], 4).unwrap();
    let bias = edges.bias(&Device::flex());
    assert_eq!(bias.dims(), [1, 4, 3, 3]);
    let far = f32::NEG_INFINITY;
    let next = [0.0, 0.0, far, 0.0, 0.0, 0.0, far, 0.0, 0.0];
    let expected: Vec<f32> = [next, [0.0; 9], next, [0.0; 9]].concat();
    assert_eq!(host(bias), expected);
}

#[test]
fn impossible_edge_heads_are_named() {
    let graph = sudoku();
    let problem = |names: &[&str], heads| {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        head_edges(&graph, &names, heads).map(|_| ()).unwrap_err().to_string()
    };
    let uneven = "edge_heads: heads = 3 is not a multiple of its 2 entries; change one of the two";
    assert_eq!(problem(&["row", "box"], 3), uneven);
    assert_eq!(
        problem(&[], 2),
        "edge_heads: heads = 2 is not a multiple of its 0 entries; change one of the two"
    );
    let unknown = "edge_heads: `rwo` is no edge type of the graph; use one of: row, column, box, all";
    assert_eq!(problem(&["rwo"], 2), unknown);
}

#[test]
fn validation_finds_every_problem_that_building_would() {
    let graph = sudoku();
    let mut bad = config(&["rwo", "cloumn"], PositionEncoding::Rotary);
    (bad.heads, bad.width, bad.layers) = (3, 9, 0);
    let problems = bad.problems(Some(&graph));
    let words: Vec<String> = problems.iter().map(ToString::to_string).collect();
    for part in ["layers: must be 1", "not 3", "`rwo`", "`cloumn`", "heads = 3 is not a multiple of its 2"] {
        assert!(words.iter().any(|word| word.contains(part)), "{part}: {words:#?}");
    }
    assert_eq!(problems.len(), 5);
    let only = |config: &TrunkConfig, graph| {
        let problems = config.problems(graph);
        assert_eq!(problems.len(), 1, "{problems:#?}");
        problems[0].key.clone()
    };
    assert_eq!(only(&config(&["row"], PositionEncoding::None), None), "edge_heads");
    assert!(config(&["row", "all"], PositionEncoding::Rotary).problems(Some(&graph)).is_empty());
    let turned = TrunkConfig { mixing: Mixing::Messages, ..config(&["row"], PositionEncoding::Rotary) };
    assert_eq!(only(&turned, Some(&graph)), "position");
    let divides = TrunkConfig { width: 10, heads: 4, ..config(&[], PositionEncoding::None) };
    assert_eq!(only(&divides, None), "width");
    let empty = TrunkConfig { width: 0, heads: 0, ..config(&[], PositionEncoding::None) };
    assert_eq!(empty.problems(None).len(), 2);
}
