//! The search: what it asks the network, in which order, and what it finds.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

mod common;

use common::{MASK, SEQ, Table, of, table};
use proptest::prelude::*;
use vmd_model::{Checker, RemaskRule, RevealRule, Sampler, SamplerConfig, ValueRule};

/// Of six tokens of three values in a chain, whether no two neighbours that are revealed are equal.
fn neighbours_differ(tokens: &[u32]) -> bool {
    tokens.windows(2).all(|pair| pair[0] != pair[1] || pair[0] == MASK)
}

fn search(tau: f64, nfe: usize) -> Sampler {
    let reveal = RevealRule::Threshold { tau };
    let config = SamplerConfig { nfe, reveal, remask: RemaskRule::Backtrack, ..SamplerConfig::default() };
    of(SamplerConfig { value: ValueRule::Argmax, ..config })
}

/// Whether a row that is finished begins with 1.
fn first_is_1(_row: usize, tokens: &[u32]) -> bool {
    tokens[0] == 1 || tokens.contains(&MASK)
}

/// The rows that the network was asked about.
fn asked(table: &Table) -> Vec<Vec<u32>> {
    table.calls.borrow().iter().map(|call| call.xt.clone()).collect()
}

#[test]
fn a_search_guesses_what_fits_where_nothing_is_sure() {
    // Two sure tokens, then guesses: the third token cannot be what is likeliest, which the second has.
    let table = Table::new(&[&[0.95, 0.03, 0.02], &[0.02, 0.97, 0.01], &[0.25, 0.7, 0.05], &[0.3, 0.5, 0.2]]);
    let output = search(0.9, 9).sample_checked(&table, &[MASK; 4], 1, |_, tokens| neighbours_differ(tokens));
    assert_eq!(asked(&table), [vec![3, 3, 3, 3], vec![0, 1, 3, 3], vec![0, 1, 0, 3]]);
    assert_eq!((output.tokens, output.nfe), (vec![0, 1, 0, 1], vec![3]));
}

#[test]
fn a_search_goes_on_with_the_guesses_that_are_the_most_probable_together() {
    let table = Table::new(&[&[0.6, 0.4, 0.0], &[0.5, 0.5, 0.0], &[0.5, 0.5, 0.0]]);
    let output = search(0.9, 20).sample_checked(&table, &[MASK; 3], 1, first_is_1);
    let expected = [[3, 3, 3], [0, 3, 3], [1, 3, 3], [0, 0, 3], [0, 1, 3], [1, 0, 3]];
    assert_eq!(asked(&table), expected, "probabilities 1, 0.6, 0.4, 0.3, 0.3, 0.2");
    assert_eq!((output.tokens, output.nfe), (vec![1, 0, 0], vec![6]));
}

#[test]
fn a_search_takes_back_what_was_sure() {
    let table = Table::new(&[&[0.97, 0.03, 0.0], &[0.98, 0.02, 0.0], &[0.5, 0.5, 0.0]]);
    let output = search(0.9, 20).sample_checked(&table, &[MASK; 3], 1, first_is_1);
    // Both sure tokens, which are right together with probability 0.97, then the surest one with another value of the other.
    let expected = [[3, 3, 3], [0, 0, 3], [1, 0, 3]];
    assert_eq!(asked(&table), expected);
    assert_eq!((output.tokens, output.nfe), (vec![1, 0, 0], vec![3]));
}

/// Finished rows that begin with 1 are right, and strained is every answer about rows that begin with 0.
struct StrainedByZero;

impl Checker for StrainedByZero {
    fn accepts(&self, row: usize, tokens: &[u32]) -> bool {
        first_is_1(row, tokens)
    }

    fn strain(&self, _row: usize, probabilities: &[f64]) -> f64 {
        assert!(probabilities.chunks_exact(3).all(|p| (p.iter().sum::<f64>() - 1.0).abs() < 1e-6));
        if probabilities[0] == 1.0 { 5.0 } else { 0.0 }
    }
}

#[test]
fn a_search_puts_off_what_is_strained() {
    let table = Table::new(&[&[0.6, 0.4, 0.0], &[0.5, 0.5, 0.0], &[0.5, 0.5, 0.0]]);
    let output = search(0.9, 20).sample_with(&table, &[MASK; 3], 1, &StrainedByZero);
    assert_eq!(
        asked(&table),
        [[3, 3, 3], [0, 3, 3], [1, 3, 3], [1, 0, 3]],
        "without strain 0, 0 and 0, 1 are tried"
    );
    assert_eq!((output.tokens, output.nfe), (vec![1, 0, 0], vec![4]));
}

#[test]
#[should_panic(expected = "a search needs a checker")]
fn a_search_needs_a_checker() {
    search(0.9, 9).sample(&table(), &[MASK; SEQ], 1);
}

proptest! {
    #[test]
    fn a_search_finds_a_row_that_breaks_no_rule_or_ends_at_its_limit(
        rows in prop::collection::vec(prop::array::uniform3(0.01..1.0f64), SEQ),
        clue in 0..MASK,
        tau in 0.4..1.0f64,
        nfe in 1..40_usize,
    ) {
        let probabilities: Vec<[f64; 3]> = rows.iter().map(|row| row.map(|p| p / row.iter().sum::<f64>())).collect();
        let probabilities: Vec<&[f64]> = probabilities.iter().map(<[f64; 3]>::as_slice).collect();
        let xt = [MASK, MASK, clue, MASK, MASK, MASK];
        let run = |nfe, accept: fn(&[u32]) -> bool| {
            let table = Table::new(&probabilities);
            let output = search(tau, nfe).sample_checked(&table, &xt, 1, |_, tokens| accept(tokens));
            assert_eq!(table.evaluated(), output.nfe[0]);
            output
        };
        // Three values for five tokens: 243 rows.
        let found = run(5000, neighbours_differ);
        prop_assert!(neighbours_differ(&found.tokens) && !found.tokens.contains(&MASK), "{:?}", found);
        prop_assert_eq!(found.tokens[2], clue);
        let few = run(nfe, neighbours_differ);
        prop_assert!(few.nfe[0] <= nfe && !few.tokens.contains(&MASK));
        prop_assert!(neighbours_differ(&few.tokens) || few.nfe[0] == nfe);
        // Where nothing fits, a search ends when it has tried everything.
        let never = run(nfe, |_| false);
        prop_assert!(run(100_000, |_| false).nfe[0] < 100_000);
        prop_assert!(never.nfe[0] <= nfe && !never.tokens.contains(&MASK) && never.tokens[2] == clue);
    }
}
