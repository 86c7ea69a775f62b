//! The search: its evaluations, their order, and its results.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use crate::common::{MASK, SEQ, Table, puzzles, table};
use proptest::prelude::*;
use vmd_sampler::{
    Checker, Observer, Prediction, Query, Request, RevealRule, SampleOutput, Sampler, SamplerConfig, Search,
    SearchConfig, ValueRule,
};

/// Whether no two revealed neighbours are equal, in a chain of six tokens with three values.
fn neighbours_differ(tokens: &[u32]) -> bool {
    tokens.windows(2).all(|pair| pair[0] != pair[1] || pair[0] == MASK)
}

fn search(threshold: f64, nfe: usize) -> Search {
    Search::new(SearchConfig { threshold, nfe, value: ValueRule::Argmax })
}

fn run(
    search: &Search,
    table: &Table,
    xt: &[u32],
    accept: impl Fn(usize, &[u32]) -> bool + Sync,
) -> SampleOutput {
    search.run(table, &Request::new(xt, 1).checked(&accept), &mut ())
}

/// Whether a finished row begins with 1.
fn first_is_1(_row: usize, tokens: &[u32]) -> bool {
    tokens[0] == 1 || tokens.contains(&MASK)
}

/// The rows that were evaluated.
fn asked(table: &Table) -> Vec<Vec<u32>> {
    table.calls.borrow().iter().map(|call| call.xt.clone()).collect()
}

#[test]
fn a_search_guesses_what_fits_where_nothing_is_sure() {
    // Two tokens reach the threshold. The most probable value of the third token is refused,
    // because the second token has the same value.
    let table = Table::new(&[&[0.95, 0.03, 0.02], &[0.02, 0.97, 0.01], &[0.25, 0.7, 0.05], &[0.3, 0.5, 0.2]]);
    let output = run(&search(0.9, 9), &table, &[MASK; 4], |_, tokens| neighbours_differ(tokens));
    assert_eq!(asked(&table), [vec![3, 3, 3, 3], vec![0, 1, 3, 3], vec![0, 1, 0, 3]]);
    assert_eq!((output.tokens, output.nfe), (vec![0, 1, 0, 1], vec![3]));
}

#[test]
fn a_search_goes_on_with_the_guesses_that_are_the_most_probable_together() {
    let table = Table::new(&[&[0.6, 0.4, 0.0], &[0.5, 0.5, 0.0], &[0.5, 0.5, 0.0]]);
    let output = run(&search(0.9, 20), &table, &[MASK; 3], first_is_1);
    let expected = [[3, 3, 3], [0, 3, 3], [1, 3, 3], [0, 0, 3], [0, 1, 3], [1, 0, 3]];
    assert_eq!(asked(&table), expected, "probabilities 1, 0.6, 0.4, 0.3, 0.3, 0.2");
    assert_eq!((output.tokens, output.nfe), (vec![1, 0, 0], vec![6]));
}

#[test]
fn a_search_takes_back_what_was_sure() {
    let table = Table::new(&[&[0.97, 0.03, 0.0], &[0.98, 0.02, 0.0], &[0.5, 0.5, 0.0]]);
    let output = run(&search(0.9, 20), &table, &[MASK; 3], first_is_1);
    // First both tokens above the threshold, with joint probability 0.97; then the most probable
    // token with the other value of the first.
    let expected = [[3, 3, 3], [0, 0, 3], [1, 0, 3]];
    assert_eq!(asked(&table), expected);
    assert_eq!((output.tokens, output.nfe), (vec![1, 0, 0], vec![3]));
}

/// Accepts finished rows that begin with 1, and penalises rows that begin with 0.
struct PenalisedZero;

impl Checker for PenalisedZero {
    fn accepts(&self, row: usize, tokens: &[u32]) -> bool {
        first_is_1(row, tokens)
    }

    fn penalty(&self, _row: usize, probabilities: &[f64]) -> f64 {
        assert!(probabilities.chunks_exact(3).all(|p| (p.iter().sum::<f64>() - 1.0).abs() < 1e-6));
        if probabilities[0] == 1.0 { 5.0 } else { 0.0 }
    }
}

#[test]
fn a_search_defers_what_has_a_penalty() {
    let table = Table::new(&[&[0.6, 0.4, 0.0], &[0.5, 0.5, 0.0], &[0.5, 0.5, 0.0]]);
    let output = search(0.9, 20).run(&table, &Request::new(&[MASK; 3], 1).checked(&PenalisedZero), &mut ());
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
    run(&search(0.5, 3), &table, &[MASK; 3], |_, tokens| tokens.contains(&MASK));
    assert_eq!(asked(&table), [[3, 3, 3], [0, 0, 3], [3, 1, 3]], "0.55, not 0.33, comes before 0.38");
}

#[test]
fn a_search_ends_with_a_finished_row_whatever_is_likelier_elsewhere() {
    let table = Table::new(&[&[0.9, 0.06, 0.04], &[0.5, 0.48, 0.02]]);
    let fits = |_: usize, tokens: &[u32]| tokens.contains(&MASK) || *tokens == [0, 2];
    let output = run(&search(0.9, 20), &table, &[MASK; 2], fits);
    assert_eq!((output.tokens, output.nfe), (vec![0, 2], vec![2]));
}

#[test]
fn a_search_that_is_never_refused_draws_values() {
    let table = Table::new(&[&[0.7, 0.2, 0.1], &[0.6, 0.3, 0.1]]);
    let rows = 4000;
    for threshold in [0.5, 1.0] {
        let search = Search::new(SearchConfig { threshold, nfe: 9, value: ValueRule::default() });
        let accept = |_: usize, _: &[u32]| true;
        let xt = vec![MASK; 2 * rows];
        let output = search.run(&table, &Request::new(&xt, 3).checked(&accept), &mut ());
        for (position, token, share) in [(0, 0, 0.7), (0, 2, 0.1), (1, 0, 0.6), (1, 1, 0.3)] {
            let count = output.tokens.chunks_exact(2).filter(|row| row[position] == token).count();
            assert!(
                (count as f64 / rows as f64 - share).abs()
                    < 4.0 * (share * (1.0 - share) / rows as f64).sqrt(),
                "{threshold}: {count} of {rows}"
            );
        }
        let nfe = if threshold < 1.0 { 1 } else { 2 };
        assert!(output.nfe.iter().all(|&spent| spent == nfe));
    }
}

#[test]
#[should_panic(expected = "a search needs a checker")]
fn a_search_needs_a_checker() {
    search(0.9, 9).run(&table(), &Request::new(&[MASK; SEQ], 1), &mut ());
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
            let output = run(&search(tau, nfe), &table, &xt, |_, tokens| accept(tokens));
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
        // If nothing is accepted, a search ends when all branches were tried: at most each row with
        // one masked token.
        let never = run(5000, |tokens| tokens.contains(&MASK));
        prop_assert!(never.nfe[0] > 1 && never.nfe[0] <= 1 + 3 + 9 + 27 + 81);
        prop_assert!(!never.tokens.contains(&MASK) && never.tokens[2] == clue);
    }
}

#[test]
fn a_search_is_refused_in_words() {
    for (config, part) in [
        (
            SearchConfig { threshold: 1.5, nfe: 1, value: ValueRule::Argmax },
            "threshold: must lie in 0..=1, not 1.5",
        ),
        (
            SearchConfig { threshold: f64::NAN, nfe: 1, value: ValueRule::Argmax },
            "threshold: must lie in 0..=1, not NaN",
        ),
        (SearchConfig { threshold: 0.5, nfe: 0, value: ValueRule::Argmax }, "nfe: must be 1 or more, not 0"),
    ] {
        let problems = Search::new(config).problems_with(&table());
        assert!(problems.len() == 1 && problems[0].to_string() == part, "{problems:?}");
    }
}

/// Collects filled rows with their evaluations.
#[derive(Default)]
struct Filled(Vec<(usize, Vec<u32>, usize)>, usize);

impl Observer for Filled {
    fn on_evaluation(&mut self, query: &Query<'_>, _: &Prediction) {
        self.1 += query.t.len();
    }

    fn on_row(&mut self, row: usize, tokens: &[u32], nfe: usize) {
        self.0.push((row, tokens.to_vec(), nfe));
    }
}

#[test]
fn an_observer_is_told_of_every_evaluation_and_every_row() {
    let (table, xt) = (table(), puzzles(20));
    let accept = |_: usize, tokens: &[u32]| neighbours_differ(tokens);
    let request = Request::new(&xt, 1).checked(&accept);
    let mut told = [Filled::default(), Filled::default()];
    let steps = SamplerConfig { nfe: 3, reveal: RevealRule::Margin, ..SamplerConfig::default() };
    let outputs = [
        search(0.7, 50).run(&table, &request, &mut told[0]),
        Sampler::new(steps).run(&table, &request, &mut told[1]),
    ];
    for (mut told, output) in told.into_iter().zip(outputs) {
        assert_eq!(told.1, output.nfe.iter().sum::<usize>());
        told.0.sort();
        // The first row has no mask.
        let expected: Vec<_> = (1..20)
            .filter(|&i| output.nfe[i] > 0)
            .map(|i| (i, output.tokens[i * SEQ..(i + 1) * SEQ].to_vec(), output.nfe[i]))
            .collect();
        assert_eq!(told.0, expected);
    }
}
