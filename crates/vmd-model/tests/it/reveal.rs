//! Independent sets, hitting times and noise on scores.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use crate::common::{MASK, SEQ, Table, chain_model, is_share, of, table};
use proptest::prelude::*;
use vmd_graph::GraphSpec;
use vmd_model::{ModelConfig, RevealRule, Sampler, SamplerConfig, Scope, ValueRule};
use vmd_process::NoiseSchedule;

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
    // Best probabilities 0.5, 0.6, 0.8, 0.4, 0.7, 0.9 in a chain: in two steps 5, 2, 0 first, as 4 is tied to 5.
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
    let model =
        crate::common::trained(&ModelConfig { ..crate::common::config(3, SEQ, Scope::Step, None) }, 1);
    let problems = sampler.problems_with(&model);
    assert!(problems.len() == 1 && problems[0].contains("the model has no graph"), "{problems:?}");
    assert!(sampler.problems_with(&chain_model(Scope::Step, None)).is_empty());
    assert_eq!(model.nfe_counter().evaluated(), 0);
}

/// Times that the network was told, call after call, averaged over seeds, as shares of masked tokens.
fn mean_hits(nfe: usize, schedule: &NoiseSchedule) -> Vec<f64> {
    const SEEDS: u64 = 4000;
    let mut sums = Vec::new();
    for seed in 0..SEEDS {
        let table = table();
        let sampler = Sampler::new(config(RevealRule::FirstHitting, nfe), schedule.clone());
        let output = sampler.sample(&table, &[MASK; SEQ], seed);
        assert_eq!(output.nfe, [nfe.min(SEQ)]);
        let times: Vec<f64> = table.calls.borrow().iter().map(|call| call.t[0]).collect();
        assert!(times.windows(2).all(|pair| pair[0] > pair[1]), "{times:?}");
        sums.resize(times.len(), 0.0);
        sums.iter_mut().zip(&times).for_each(|(sum, &t)| *sum += schedule.mask_ratio(t));
    }
    sums.into_iter().map(|sum: f64| sum / SEEDS as f64).collect()
}

#[test]
fn hitting_times_are_order_statistics() {
    // The k-th largest of six uniform numbers has the mean (7 − k)/7; its deviation is at most 0.19, over 4,000 seeds.
    let tolerance = 5.0 * 0.19 / 4000f64.sqrt();
    for schedule in [NoiseSchedule::default(), NoiseSchedule::Cosine {}] {
        for nfe in [6, 20] {
            for (k, mean) in mean_hits(nfe, &schedule).into_iter().enumerate() {
                let expected = (6 - k) as f64 / 7.0;
                assert!((mean - expected).abs() < tolerance, "{nfe}, {k}: {mean} against {expected}");
            }
        }
        // Groups of three: the first of each is told.
        let groups = mean_hits(2, &schedule);
        assert!((groups[0] - 6.0 / 7.0).abs() < tolerance, "{groups:?}");
        assert!((groups[1] - 3.0 / 7.0).abs() < tolerance, "{groups:?}");
    }
}

#[test]
fn first_hitting_reveals_one_at_a_time_in_any_order_or_groups_of_the_grid() {
    const SEEDS: usize = 6000;
    let mut first = [0usize; SEQ];
    for seed in 0..SEEDS as u64 {
        let table = table();
        of(config(RevealRule::FirstHitting, 9)).sample(&table, &[MASK; SEQ], seed);
        let sets = revealed(&table);
        assert!(sets.len() == SEQ && sets.iter().all(|set| set.len() == 1));
        first[sets[0][0]] += 1;
    }
    assert!(first.iter().all(|&n| is_share(n as f64 / SEEDS as f64, 1.0 / 6.0, SEEDS)), "{first:?}");
    let table = table();
    of(config(RevealRule::FirstHitting, 4)).sample(&table, &[MASK; SEQ], 1);
    let sizes: Vec<usize> = revealed(&table).iter().map(Vec::len).collect();
    assert_eq!(sizes, vmd_process::reveal_counts(SEQ, 4));
}

/// How often each token is the first of six.
fn first_revealed(reveal: RevealRule, noise: f64, seeds: usize) -> Vec<f64> {
    let mut first = [0usize; SEQ];
    for seed in 0..seeds as u64 {
        let table = table();
        let config = SamplerConfig { reveal_noise: noise, value: ValueRule::Argmax, ..config(reveal, SEQ) };
        of(config).sample(&table, &[MASK; SEQ], seed);
        first[revealed(&table)[0][0]] += 1;
    }
    first.iter().map(|&n| n as f64 / seeds as f64).collect()
}

#[test]
fn noise_on_the_scores_draws_by_them() {
    const SEEDS: usize = 5000;
    let best = [0.5, 0.6, 0.8, 0.4, 0.7, 0.9f64];
    let margins = [0.2, 0.3, 0.7, 0.1, 0.45, 0.85f64];
    let entropies: Vec<f64> = [[0.2, 0.5, 0.3], [0.6, 0.3, 0.1], [0.1, 0.1, 0.8], [0.4, 0.3, 0.3]]
        .into_iter()
        .chain([[0.25, 0.7, 0.05], [0.9, 0.05, 0.05]])
        .map(|row: [f64; 3]| row.iter().map(|p| p * p.ln()).sum::<f64>().exp())
        .collect();
    for (reveal, scores) in [
        (RevealRule::TopProb, best.to_vec()),
        (RevealRule::Margin, margins.to_vec()),
        (RevealRule::Entropy, entropies),
    ] {
        // In the first of six steps 5/6 of the noise are left. With noise 1, `ln score + g` is the Gumbel trick: the
        // largest is a draw in proportion to the scores.
        let drawn = first_revealed(reveal, 6.0 / 5.0, SEEDS);
        let total: f64 = scores.iter().sum();
        for (share, score) in drawn.iter().zip(&scores) {
            assert!(is_share(*share, score / total, SEEDS), "{reveal}: {drawn:?}");
        }
        let any = first_revealed(reveal, 1e6, SEEDS);
        assert!(any.iter().all(|&share| is_share(share, 1.0 / 6.0, SEEDS)), "{reveal}: {any:?}");
        assert_eq!(first_revealed(reveal, 0.0, 20), [0.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
        assert_eq!(first_revealed(reveal, 1e-9, 20), [0.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
    }
}
