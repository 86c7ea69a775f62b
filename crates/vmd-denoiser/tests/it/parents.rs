//! Parent heads: dependencies between the tokens of one step, on the device and on the host.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor, TensorData};
use rand::rngs::ChaCha8Rng;
use rand::{Rng, SeedableRng};
use vmd_core::Validate;
use vmd_denoiser::{ParentHead, ParentsConfig};
use vmd_graph::{DependencyGraph, ParentOrder};
use vmd_nn::{ParameterInit, load_parameters, named_parameters};

const VOCAB: usize = 4;
const WIDTH: usize = 6;
const HIDDEN: usize = 64;

fn config(order: ParentOrder) -> ParentsConfig {
    ParentsConfig { order, reach: 1 }
}

fn fresh(graph: &DependencyGraph, order: ParentOrder) -> ParentHead {
    fresh_with(graph, &config(order))
}

fn fresh_with(graph: &DependencyGraph, config: &ParentsConfig) -> ParentHead {
    let device = Device::flex();
    let init = &mut ParameterInit::new(ChaCha8Rng::seed_from_u64(1), &device);
    ParentHead::new(config, WIDTH, VOCAB, graph, init)
}

fn values(n: usize, seed: u64) -> Vec<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..n).map(|_| rng.next_u32() as f32 / u32::MAX as f32 - 0.5).collect()
}

/// Sets every parameter, including zero-initialised ones, to draws from `(-0.5, 0.5)`.
fn trained(head: ParentHead) -> ParentHead {
    let drawn: BTreeMap<String, TensorData> = named_parameters(&head)
        .into_iter()
        .zip(2..)
        .map(|((name, old), seed)| {
            let n = old.shape().iter().product();
            (name, TensorData::new(values(n, seed), old.shape().to_vec()))
        })
        .collect();
    load_parameters(head, drawn).unwrap()
}

fn trunk(rows: usize, seq: usize) -> Tensor<3> {
    let data = TensorData::new(values(rows * seq * WIDTH, 9), [rows, seq, WIDTH]);
    Tensor::from_data(data, &Device::flex())
}

fn host(x: Tensor<3>) -> Vec<f32> {
    x.into_data().iter::<f32>().collect()
}

/// Rows with all, about half and none of the tokens given.
fn given(seq: usize) -> Vec<u32> {
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let token = |share: u32, rng: &mut ChaCha8Rng| match rng.next_u32() % 4 < share {
        true => rng.next_u32() % VOCAB as u32,
        false => VOCAB as u32,
    };
    [4, 2, 0].iter().flat_map(|&share| (0..seq).map(|_| token(share, &mut rng)).collect::<Vec<_>>()).collect()
}

#[test]
fn the_host_adds_what_the_device_adds() {
    let graphs = [DependencyGraph::chain(6), DependencyGraph::sudoku(2, 2), DependencyGraph::complete(5)];
    for graph in graphs.map(Result::unwrap) {
        for order in [ParentOrder::Bfs, ParentOrder::Colouring] {
            for reach in [1, 3] {
                let head = trained(fresh_with(&graph, &ParentsConfig { reach, ..config(order) }));
                let (seq, given) = (graph.n_nodes(), given(graph.n_nodes()));
                let features = head.features(trunk(3, seq));
                let device = host(head.forward(features.clone(), &given, &[]));
                let (features, on_host) = (host(features), head.to_host());
                assert_eq!(on_host.hidden(), HIDDEN);
                for (token, expected) in device.chunks_exact(VOCAB).enumerate() {
                    let (row, i) = (token / seq, token % seq);
                    let mut logits = vec![0.0; VOCAB];
                    let features = &features[token * HIDDEN..(token + 1) * HIDDEN];
                    on_host.add_to(&mut logits, i, features, &given[row * seq..(row + 1) * seq]);
                    // Sums of a dozen numbers of order 1 in single precision, added in different
                    // orders.
                    let close = logits.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-5);
                    assert!(close, "{order:?}, token {i} of row {row}: {logits:?} {expected:?}");
                }
            }
        }
    }
}

#[test]
fn only_parents_that_are_given_count() {
    let graph = DependencyGraph::chain(4).unwrap();
    let head = trained(fresh(&graph, ParentOrder::Bfs));
    let features = head.features(trunk(1, 4));
    let none = VOCAB as u32;
    let run = |given: [u32; 4]| host(head.forward(features.clone(), &given, &[]));
    let of = |all: &[f32], i: usize| all[i * VOCAB..(i + 1) * VOCAB].to_vec();
    // Token 2 conditions on token 1 only. The first token has no parents.
    let a = run([0, 1, none, none]);
    assert!(of(&a, 0).iter().all(|&x| x == 0.0) && of(&a, 3).iter().all(|&x| x == 0.0));
    assert_eq!(of(&a, 2), of(&run([3, 1, 2, 2]), 2));
    assert_ne!(of(&a, 2), of(&run([0, 2, none, none]), 2));
    assert_ne!(of(&a, 1), of(&run([1, 1, none, none]), 1));
    assert!(run([none; 4]).iter().all(|&x| x == 0.0));
}

#[test]
fn past_parents_that_are_not_revealed_their_parents_are_heard() {
    let graph = DependencyGraph::chain(4).unwrap();
    let none = VOCAB as u32;
    let of_last = |reach: usize, given: [u32; 4]| {
        let head = trained(fresh_with(&graph, &ParentsConfig { reach, ..config(ParentOrder::Bfs) }));
        host(head.forward(head.features(trunk(1, 4)), &given, &[]))[3 * VOCAB..].to_vec()
    };
    // The ancestor is two edges away.
    assert!(of_last(1, [0, 1, none, none]).iter().all(|&x| x == 0.0));
    assert_ne!(of_last(2, [0, 1, none, none]), of_last(2, [0, 2, none, none]));
    assert_eq!(of_last(2, [0, 1, none, none]), of_last(2, [3, 1, none, none]), "the nearest one alone");
    assert!(of_last(2, [0, none, none, none]).iter().all(|&x| x == 0.0));
    // The distance matters.
    assert_ne!(of_last(3, [1, none, none, none]), of_last(3, [none, 1, none, none]));
}

#[test]
fn in_any_order_those_count_whose_turn_was_before() {
    let graph = DependencyGraph::sudoku(2, 2).unwrap();
    let head = trained(fresh(&graph, ParentOrder::Any));
    let (seq, given) = (graph.n_nodes(), given(graph.n_nodes()));
    let reveal_order: Vec<u32> = values(given.len(), 3).iter().map(|x| (1e6 * (x + 0.5)) as u32).collect();
    let features = head.features(trunk(3, seq));
    let device = host(head.forward(features.clone(), &given, &reveal_order));
    let (features, on_host) = (host(features), head.to_host());
    for (token, expected) in device.chunks_exact(VOCAB).enumerate() {
        let (row, i) = (token / seq * seq, token % seq);
        let before = |j: usize| {
            if reveal_order[row + j] < reveal_order[token] { given[row + j] } else { VOCAB as u32 }
        };
        let before: Vec<u32> = (0..seq).map(before).collect();
        let mut logits = vec![0.0; VOCAB];
        on_host.add_to(&mut logits, i, &features[token * HIDDEN..(token + 1) * HIDDEN], &before);
        assert!(logits.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-5), "{logits:?} {expected:?}");
    }
    let far = ParentsConfig { reach: 2, ..config(ParentOrder::Any) }.problems((VOCAB, Some(&graph)));
    assert!(far.len() == 1 && far[0].key == "reach", "{far:?}");
}

#[test]
fn a_fresh_head_adds_nothing() {
    let graph = DependencyGraph::chain(4).unwrap();
    let head = fresh(&graph, ParentOrder::Bfs);
    let added = host(head.forward(head.features(trunk(1, 4)), &[0, 1, 2, 3], &[]));
    assert!(added.iter().all(|&x| x == 0.0));
}

#[test]
fn what_cannot_be_built_is_refused() {
    let graph = DependencyGraph::sudoku(2, 2).unwrap();
    let head = config(ParentOrder::Bfs);
    let problems = |head: &ParentsConfig, vocab, graph| {
        let problems = head.problems_under("parents", (vocab, graph));
        problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(problems(&head, VOCAB, Some(&graph)), "");
    let without = "parents: the model has no [graph]; add one, or remove this table";
    assert_eq!(problems(&head, VOCAB, None), without);
    assert!(
        problems(&head, 2000, Some(&graph))
            .starts_with("parents: 3 edge types of 2000 values at 1 distances")
    );
    let zero = ParentsConfig { reach: 0, ..head };
    assert_eq!(problems(&zero, VOCAB, Some(&graph)), "parents.reach: must be 1 or more, not 0");
}
