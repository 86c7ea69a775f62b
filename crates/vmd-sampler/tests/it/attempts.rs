//! Fitted latents, and several attempts per row.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use crate::common::{Fitted, MASK, SEQ, Table, is_share, mixing_table, of, puzzles, table};
use vmd_sampler::{RevealRule, SamplerConfig};

fn with_latent(redraws: bool) -> Table {
    Table { latent: 2, redraws, ..table() }
}

fn config(nfe: usize) -> SamplerConfig {
    SamplerConfig { nfe, reveal: RevealRule::Margin, ..SamplerConfig::default() }
}

#[test]
fn latents_are_made_to_fit_what_is_known_in_one_evaluation_more() {
    let table = Table { fits: true, ..with_latent(false) };
    let xt = [MASK, MASK, 2, MASK, MASK, MASK, MASK, MASK, MASK, MASK, MASK, MASK];
    let output = of(config(2)).sample(&table, &xt, 1);
    // The row without clues needs no fitting.
    assert_eq!(output.nfe, [3, 2]);
    let calls = table.calls.borrow();
    let expected = Fitted { guess: vec![1, 0, 2, 0, 1, 0], latent_mask: vec![1; SEQ] };
    assert_eq!(*table.fitted.borrow(), [expected]);
    assert_eq!((calls[0].t.len(), calls[1].latent(0)), (1, &[14.0, 11.0][..]));
    assert!(calls[1].latent(1)[0] < 10.0);
    // If latents need no fitting or are drawn in each step, there is no extra evaluation.
    let step = Table { fits: true, ..with_latent(true) };
    for table in [with_latent(false), step] {
        assert_eq!(of(config(2)).sample(&table, &xt, 1).nfe, [2, 2]);
        assert!(table.fitted.borrow().is_empty());
    }
}

#[test]
fn the_best_of_k_attempts_succeeds_as_often_as_k_draws() {
    const ROWS: usize = 4000;
    const K: usize = 3;
    let xt = [MASK; SEQ].repeat(ROWS);
    let plain = of(config(2)).sample(&with_latent(false), &xt, 5);
    let table = with_latent(false);
    let sampler = of(SamplerConfig { best_of: K, ..config(2) });
    // The first token is 1 with probability 1/2.
    let right = |tokens: &[u32]| tokens[0] == 1;
    let output = sampler.sample_checked(&table, &xt, 5, |_, tokens| right(tokens));
    let successes = output.tokens.chunks_exact(SEQ).filter(|tokens| right(tokens)).count();
    let p = 1.0 - 0.5f64.powi(K as i32);
    assert!(is_share(successes as f64 / ROWS as f64, p, ROWS), "{successes}");
    // Attempts end with the first success; each takes two evaluations.
    assert_eq!(output.nfe.iter().sum::<usize>(), table.evaluated());
    for attempts in 1..=K {
        let share = output.nfe.iter().filter(|&&nfe| nfe == 2 * attempts).count() as f64 / ROWS as f64;
        let p = if attempts < K { 0.5f64.powi(attempts as i32) } else { 0.25 };
        assert!(is_share(share, p, ROWS), "{attempts}: {share}");
    }
    // The first attempt equals the plain run, and is kept if none succeeds.
    let rows = || output.tokens.chunks_exact(SEQ).zip(plain.tokens.chunks_exact(SEQ)).zip(&output.nfe);
    assert!(rows().all(|((row, first), &nfe)| (nfe == 2) == right(first) && (right(row) || row == first)));
    assert!(rows().any(|((row, _), _)| !right(row)));
    // Attempts differ, and so do their latents.
    assert!(rows().any(|((row, first), _)| row != first));
    let calls = table.calls.borrow();
    assert_ne!(calls[0].latent(0), calls.last().unwrap().latent(0));
}

#[test]
fn one_attempt_is_the_plain_run_and_finished_rows_are_not_tried_again() {
    let model = mixing_table(true);
    let xt = puzzles(150);
    let one = of(config(3));
    let plain = one.sample(&model, &xt, 7);
    assert_eq!(one.sample_checked(&model, &xt, 7, |_, _| false), plain);
    let three = of(SamplerConfig { best_of: 3, ..config(3) });
    assert_eq!(three.sample_checked(&model, &xt, 7, |_, _| true), plain);
    let before = model.evaluated();
    let never = three.sample_checked(&model, &xt, 7, |_, _| false);
    let thrice: Vec<usize> = plain.nfe.iter().map(|nfe| 3 * nfe).collect();
    assert_eq!((&never.tokens, &never.nfe), (&plain.tokens, &thrice));
    assert_eq!(model.evaluated() - before, thrice.iter().sum::<usize>());
    assert_eq!(never.nfe[0], 0, "this row had no mask");
}

#[test]
fn attempts_at_a_row_do_not_depend_on_its_batch() {
    let model = mixing_table(false);
    let xt = puzzles(140);
    let sampler = of(SamplerConfig { best_of: 4, ..config(2) });
    let accept = |row: usize, tokens: &[u32]| tokens[1] == (row % 3) as u32;
    let all = sampler.sample_checked(&model, &xt, 7, accept);
    let few = sampler.sample_checked(&model, &xt[..9 * SEQ], 7, accept);
    assert_eq!((&few.tokens[..], &few.nfe[..]), (&all.tokens[..9 * SEQ], &all.nfe[..9]));
}

#[test]
#[should_panic(expected = "best_of = 2 needs a checker")]
fn several_attempts_need_a_checker() {
    of(SamplerConfig { best_of: 2, ..config(2) }).sample(&table(), &[MASK; SEQ], 1);
}
