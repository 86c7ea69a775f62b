//! Independent sets.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use crate::common::{MASK, SEQ, Table, of, table};
use proptest::prelude::*;
use vmd_graph::GraphSpec;
use vmd_sampler::{RevealRule, SamplerConfig};

fn config(reveal: RevealRule, nfe: usize) -> SamplerConfig {
    SamplerConfig { nfe, reveal, ..SamplerConfig::default() }
}

/// Positions that each call revealed, for a single row.
fn revealed(table: &Table) -> Vec<Vec<usize>> {
    let mask = table.mask();
    let mut states: Vec<Vec<u32>> = table.calls.borrow().iter().map(|call| call.xt.clone()).collect();
    states.push(vec![0; table.logits.len() / table.vocab]);
    let new = |pair: &[Vec<u32>]| {
        (0..pair[0].len()).filter(|&i| pair[0][i] == mask && pair[1][i] != mask).collect()
    };
    states.windows(2).map(new).collect()
}

proptest! {
    #[test]
    fn independent_sets_hold_the_surest_no_tied_pair_and_as_many_as_there_is_time_for(
        sure in prop::collection::vec(0.34..1.0f64, 16),
        clues in prop::collection::vec(any::<bool>(), 16),
        steps in 1..=17_usize,
        seed in any::<u64>(),
    ) {
        let rows: Vec<[f64; 3]> = sure.iter().map(|&p| [p, (1.0 - p) / 2.0, (1.0 - p) / 2.0]).collect();
        let rows: Vec<&[f64]> = rows.iter().map(<[f64; 3]>::as_slice).collect();
        let graph = GraphSpec::Sudoku { box_rows: 2, box_cols: 2 }.build().unwrap();
        let table = Table { graph: Some(graph.clone()), ..Table::new(&rows) };
        let xt: Vec<u32> = clues.iter().map(|&clue| if clue { 0 } else { MASK }).collect();
        of(config(RevealRule::IndependentSet, steps)).sample(&table, &xt, seed);
        let mut masked: Vec<usize> = (0..16).filter(|&i| !clues[i]).collect();
        for (step, set) in revealed(&table).into_iter().enumerate() {
            if step + 1 == steps {
                prop_assert_eq!(&set, &masked, "the last step reveals what is left");
            }
            let surest = masked.iter().copied().reduce(|a, b| if sure[b] > sure[a] { b } else { a });
            prop_assert!(set.contains(&surest.unwrap()));
            let share = masked.len().div_ceil(steps - step);
            masked.retain(|i| !set.contains(i));
            if step + 1 < steps {
                prop_assert!(set.iter().all(|&i| set.iter().all(|&j| !graph.is_adjacent(i, j))), "{:?}", set);
                prop_assert!(set.len() <= share);
                let is_free = |i: &usize| set.iter().all(|&j| !graph.is_adjacent(*i, j));
                prop_assert!(set.len() == share || !masked.iter().any(is_free), "{:?}", set);
            }
        }
        prop_assert!(masked.is_empty());
    }
}

#[test]
fn independent_sets_go_by_certainty_until_the_steps_run_out() {
    // Top probabilities 0.5, 0.6, 0.8, 0.4, 0.7, 0.9 in a chain: in two steps 5, 2, 0 first, as 4
    // is adjacent to 5.
    let sets = |nfe| {
        let table = table();
        of(config(RevealRule::IndependentSet, nfe)).sample(&table, &[MASK; SEQ], 1);
        revealed(&table)
    };
    assert_eq!(sets(6), [vec![5], vec![2], vec![4], vec![1], vec![0], vec![3]]);
    assert_eq!(sets(3), [vec![2, 5], vec![1, 4], vec![0, 3]]);
    assert_eq!(sets(2), [vec![0, 2, 5], vec![1, 3, 4]]);
    assert_eq!(sets(1), [vec![0, 1, 2, 3, 4, 5]]);
}

#[test]
fn independent_sets_without_a_graph_are_refused_before_any_evaluation() {
    let sampler = of(config(RevealRule::IndependentSet, 3));
    let blind = Table { graph: None, ..table() };
    let problems = sampler.problems_with(&blind);
    assert!(problems.len() == 1 && problems[0].message.contains("the model has no graph"), "{problems:?}");
    assert!(sampler.problems_with(&table()).is_empty());
    assert_eq!(blind.evaluated(), 0);
}
