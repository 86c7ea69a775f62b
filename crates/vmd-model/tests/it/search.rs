//! The search: what it asks the network, in which order, and what it finds.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use crate::common::{MASK, SEQ, Table, of, table};
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

    fn penalty(&self, _row: usize, probabilities: &[f64]) -> f64 {
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
        "without penalty 0, 0 and 0, 1 are tried"
    );
    assert_eq!((output.tokens, output.nfe), (vec![1, 0, 0], vec![4]));
}

#[test]
fn tokens_of_one_answer_are_right_or_wrong_together() {
    let table = Table::new(&[&[0.55, 0.43, 0.02], &[0.6, 0.38, 0.02], &[0.4, 0.4, 0.2]]);
    search(0.5, 3).sample_checked(&table, &[MASK; 3], 1, |_, tokens| tokens.contains(&MASK));
    assert_eq!(asked(&table), [[3, 3, 3], [0, 0, 3], [3, 1, 3]], "0.55, not 0.33, comes before 0.38");
}

#[test]
fn a_search_ends_with_a_finished_row_whatever_is_likelier_elsewhere() {
    let table = Table::new(&[&[0.9, 0.06, 0.04], &[0.5, 0.48, 0.02]]);
    let fits = |_: usize, tokens: &[u32]| tokens.contains(&MASK) || *tokens == [0, 2];
    let output = search(0.9, 20).sample_checked(&table, &[MASK; 2], 1, fits);
    assert_eq!((output.tokens, output.nfe), (vec![0, 2], vec![2]));
}

#[test]
fn a_search_that_is_never_refused_draws_values() {
    let table = Table::new(&[&[0.7, 0.2, 0.1], &[0.6, 0.3, 0.1]]);
    let config = SamplerConfig {
        reveal: RevealRule::Threshold { tau: 0.5 },
        remask: RemaskRule::Backtrack,
        nfe: 9,
        ..SamplerConfig::default()
    };
    let rows = 4000;
    for tau in [0.5, 1.0] {
        let reveal = RevealRule::Threshold { tau };
        let output = of(SamplerConfig { reveal, ..config }).sample_checked(
            &table,
            &vec![MASK; 2 * rows],
            3,
            |_, _| true,
        );
        for (position, token, share) in [(0, 0, 0.7), (0, 2, 0.1), (1, 0, 0.6), (1, 1, 0.3)] {
            let count = output.tokens.chunks_exact(2).filter(|row| row[position] == token).count();
            assert!(
                (count as f64 / rows as f64 - share).abs()
                    < 4.0 * (share * (1.0 - share) / rows as f64).sqrt(),
                "{tau}: {count} of {rows}"
            );
        }
        let nfe = if tau < 1.0 { 1 } else { 2 };
        assert!(output.nfe.iter().all(|&spent| spent == nfe));
    }
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
        // Where nothing fits, a search ends when it has tried everything: at most every row with one token missing.
        let never = run(5000, |tokens| tokens.contains(&MASK));
        prop_assert!(never.nfe[0] > 1 && never.nfe[0] <= 1 + 3 + 9 + 27 + 81);
        prop_assert!(!never.tokens.contains(&MASK) && never.tokens[2] == clue);
    }
}
