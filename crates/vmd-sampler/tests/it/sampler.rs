//! The step sampler on predictors with fixed outputs.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use crate::common::{MASK, RULES, SEQ, Table, masks, mixing_table, of, puzzles, shares, table};
use vmd_process::{NoiseSchedule, reveal_counts};
use vmd_sampler::{RevealRule, SampleOutput, Sampler, SamplerConfig, ValueRule};

fn sampler(reveal: RevealRule, nfe: usize, value: ValueRule) -> Sampler {
    of(SamplerConfig { nfe, reveal, value, ..Default::default() })
}

#[test]
fn every_rule_fills_every_mask_and_keeps_every_clue_within_its_budget() {
    let xt = puzzles(40);
    for rule in RULES {
        for nfe in [1, 2, 4, 6, 20] {
            let table = table();
            let config = SamplerConfig { nfe, reveal: rule, ..Default::default() };
            let own_pace = config.sets_own_pace();
            let output = of(config).sample(&table, &xt, 4);
            for (&before, &after) in xt.iter().zip(&output.tokens) {
                assert!(if before == MASK { after < MASK } else { after == before }, "{rule}");
            }
            for (row, &spent) in xt.chunks_exact(SEQ).zip(&output.nfe) {
                let limit = if own_pace { SEQ } else { nfe };
                assert!(spent <= limit.min(masks(row)), "{rule}: {spent} of {nfe} for {}", masks(row));
                assert_eq!(spent == 0, masks(row) == 0);
            }
            assert_eq!(output.nfe.iter().sum::<usize>(), table.evaluated());
            assert_eq!(output.mean_nfe(), table.evaluated() as f64 / 40.0);
        }
    }
}

#[test]
fn nothing_in_nothing_out() {
    let output = sampler(RevealRule::Margin, 3, ValueRule::Argmax).sample(&table(), &[], 1);
    assert!(output.tokens.is_empty() && output.mean_nfe() == 0.0);
}

/// Number of tokens that each call revealed, for a single row.
fn revealed_per_call(table: &Table) -> Vec<usize> {
    let mut left: Vec<usize> = table.calls.borrow().iter().map(|call| masks(&call.xt)).collect();
    left.push(0);
    left.windows(2).map(|pair| pair[0] - pair[1]).collect()
}

#[test]
fn counting_rules_reveal_equally_many_in_every_step() {
    let rules = [RevealRule::RandomK, RevealRule::TopProb, RevealRule::Margin, RevealRule::Entropy];
    for rule in rules {
        for nfe in [1, 2, 4, 6, 9] {
            let table = table();
            sampler(rule, nfe, ValueRule::Argmax).sample(&table, &[MASK; SEQ], 1);
            let expected: Vec<usize> =
                reveal_counts(SEQ, nfe).into_iter().filter(|&count| count > 0).collect();
            assert_eq!(revealed_per_call(&table), expected, "{rule}, {nfe} steps");
        }
    }
}

#[test]
fn random_k_prefers_no_position() {
    const SEEDS: usize = 6000;
    let mut first = [0usize; SEQ];
    for seed in 0..SEEDS as u64 {
        let table = table();
        sampler(RevealRule::RandomK, 3, ValueRule::Argmax).sample(&table, &[MASK; SEQ], seed);
        let second_call = &table.calls.borrow()[1].xt;
        (0..SEQ).filter(|&i| second_call[i] != MASK).for_each(|i| first[i] += 1);
    }
    for count in first {
        // Two of six each time; five standard errors of a share of 1/3.
        let share = count as f64 / SEEDS as f64;
        assert!((share - 1.0 / 3.0).abs() < 5.0 * (2.0 / 9.0 / SEEDS as f64).sqrt(), "{first:?}");
    }
}

#[test]
fn threshold_sets_its_own_pace() {
    let steps = |tau| {
        let table = table();
        // The rule ignores the budget of one step.
        sampler(RevealRule::Threshold { tau }, 1, ValueRule::Argmax).sample(&table, &[MASK; SEQ], 1);
        revealed_per_call(&table)
    };
    assert_eq!(steps(0.0), [6]);
    assert_eq!(steps(1.0), [1; 6]);
    // Top probabilities 0.5, 0.6, 0.8, 0.4, 0.7, 0.9: five of them reach 0.45, three 0.65.
    assert_eq!(steps(0.45), [5, 1]);
    assert_eq!(steps(0.65), [3, 1, 1, 1]);
}

#[test]
fn a_bound_on_entropy_sets_its_own_pace() {
    // Two tokens without entropy and three of ln 2 = 0.69 nats.
    let (sure, even): ([f64; 3], [f64; 3]) = ([1.0, 0.0, 0.0], [0.5, 0.5, 0.0]);
    let steps = |gamma| {
        let table = Table::new(&[&even, &sure, &even, &sure, &even]);
        sampler(RevealRule::EntropyBound { gamma }, 1, ValueRule::Argmax).sample(&table, &[MASK; 5], 1);
        revealed_per_call(&table)
    };
    // The entropy of the last token of a step is not part of the sum.
    assert_eq!(steps(0.0), [3, 1, 1]);
    assert_eq!(steps(0.7), [4, 1]);
    assert_eq!(steps(2.0), [5]);
}

#[test]
fn ancestral_steps_that_reveal_nothing_cost_nothing() {
    let xt = [0, 0, MASK, 0, 0, 0].repeat(50);
    let table = table();
    let output = sampler(RevealRule::Ancestral, 8, ValueRule::default()).sample(&table, &xt, 1);
    assert!(output.nfe.iter().all(|&nfe| nfe == 1));
    // The time at which the token appears is uniform over the eight steps.
    let times: Vec<f64> = table.calls.borrow().iter().flat_map(|call| call.t.clone()).collect();
    assert!(times.iter().any(|&t| t > 0.8) && times.iter().any(|&t| t < 0.2), "{times:?}");
}

#[test]
fn the_network_is_told_the_time() {
    let table = table();
    sampler(RevealRule::Ancestral, 4, ValueRule::Argmax).sample(&table, &[MASK; SEQ].repeat(30), 1);
    let times: Vec<f64> = table.calls.borrow().iter().map(|call| call.t[0]).collect();
    assert_eq!(times, [1.0, 0.75, 0.5, 0.25]);
    assert!(table.calls.borrow().iter().all(|call| call.t.iter().all(|&t| t == call.t[0])));

    // Other rules use the time at which the schedule expects this share of masked tokens.
    let schedule = NoiseSchedule::Cosine {};
    let table = Table { schedule, ..self::table() };
    sampler(RevealRule::Margin, 3, ValueRule::Argmax).sample(&table, &[MASK; SEQ], 1);
    for (call, share) in table.calls.borrow().iter().zip([1.0, 4.0 / 6.0, 2.0 / 6.0]) {
        assert!((schedule.mask_ratio(call.t[0]) - share).abs() < 1e-12);
    }
}

#[test]
fn each_rule_begins_where_it_is_surest() {
    let flat: [f64; 6] = [1.0 / 6.0; 6];
    let by_margin = [0.45, 0.11, 0.11, 0.11, 0.11, 0.11];
    let by_probability = [0.55, 0.25, 0.2, 1e-9, 1e-9, 1e-9];
    let by_entropy = [0.5, 0.499_999, 1e-9, 1e-9, 1e-9, 1e-9];
    let order = |rule| {
        let table = Table::new(&[&flat, &by_margin, &by_probability, &by_entropy]);
        sampler(rule, 4, ValueRule::Argmax).sample(&table, &[6; 4], 1);
        let calls = table.calls.borrow();
        let unmasked = |xt: &[u32]| (0..4).filter(|&i| xt[i] != 6).collect::<Vec<_>>();
        unmasked(&calls[1].xt)[0]
    };
    assert_eq!(order(RevealRule::Margin), 1);
    assert_eq!(order(RevealRule::TopProb), 2);
    assert_eq!(order(RevealRule::Threshold { tau: 1.0 }), 2);
    assert_eq!(order(RevealRule::Entropy), 3);
}

#[test]
fn draws_reproduce_the_marginals_of_the_predictor() {
    const ROWS: usize = 10_000;
    let xt = [MASK; SEQ].repeat(ROWS);
    for (rule, temperature) in [
        (RevealRule::Ancestral, 1.0),
        (RevealRule::Ancestral, 0.5),
        (RevealRule::Margin, 1.0),
        (RevealRule::RandomK, 2.0),
    ] {
        let table = table();
        let value = ValueRule::Categorical { temperature, top_p: 1.0 };
        let output = sampler(rule, 3, value).sample(&table, &xt, 2);
        let powers: Vec<f64> = table.logits.iter().map(|&l| (f64::from(l) / temperature).exp()).collect();
        for (i, share) in shares(&output.tokens).into_iter().enumerate() {
            let p = powers[i] / powers[i / 3 * 3..i / 3 * 3 + 3].iter().sum::<f64>();
            let tolerance = 5.0 * (p * (1.0 - p) / ROWS as f64).sqrt();
            assert!((share - p).abs() < tolerance, "{rule}, {temperature}: {i}, {share} against {p}");
        }
        // Neighbours are independent in this predictor.
        let both = output.tokens.chunks_exact(SEQ).filter(|row| row[0] == 1 && row[1] == 0).count();
        let p = powers[1] / powers[..3].iter().sum::<f64>() * powers[3] / powers[3..6].iter().sum::<f64>();
        assert!((both as f64 / ROWS as f64 - p).abs() < 5.0 * (p * (1.0 - p) / ROWS as f64).sqrt());
    }
}

#[test]
fn argmax_takes_the_best_and_top_p_leaves_the_tail() {
    let xt = [MASK; SEQ].repeat(200);
    for rule in RULES {
        let output = sampler(rule, 3, ValueRule::Argmax).sample(&table(), &xt, 5);
        assert!(output.tokens.chunks_exact(SEQ).all(|row| row == [1, 0, 2, 0, 1, 0]));
    }
    let value = ValueRule::Categorical { temperature: 1.0, top_p: 0.75 };
    let drawn = shares(&sampler(RevealRule::Ancestral, 3, value).sample(&table(), &xt, 5).tokens);
    let kept: Vec<bool> = drawn.iter().map(|&share| share > 0.0).collect();
    // The smallest sets of at least 0.75: 0.5 + 0.3; 0.6 + 0.3; 0.8; all; 0.7 + 0.25; 0.9.
    let expected = [
        [false, true, true],
        [true, true, false],
        [false, false, true],
        [true, true, true],
        [true, true, false],
        [true, false, false],
    ];
    assert_eq!(kept, expected.concat());
}

#[test]
fn a_latent_is_drawn_once_or_in_every_step() {
    for redraws in [false, true] {
        let table = Table { latent: 2, redraws, ..table() };
        let xt = [[MASK; SEQ], [0; SEQ], [MASK; SEQ]].concat();
        let output = sampler(RevealRule::Margin, 3, ValueRule::Argmax).sample(&table, &xt, 1);
        assert_eq!(output.nfe, [3, 0, 3]);
        let calls = table.calls.borrow();
        // A finished row is never evaluated.
        assert_eq!(calls.len(), 3);
        assert!(calls.iter().all(|call| call.t.len() == 2 && call.latent(0) != call.latent(1)));
        assert_eq!(calls[0].z != calls[1].z, redraws);
        assert_eq!(calls[1].latent(1) != calls[2].latent(1), redraws);
    }
}

/// Hash of all bits of an output (FNV-1a).
fn digest(output: &SampleOutput) -> u64 {
    let words = output.tokens.iter().map(|&token| u64::from(token));
    let words = words.chain(output.nfe.iter().map(|&nfe| nfe as u64));
    words.fold(0xcbf2_9ce4_8422_2325, |digest, word| (digest ^ word).wrapping_mul(0x0100_0000_01b3))
}

/// The digests were recorded before the rules for remasking, latents and noise existed. With the
/// defaults of these rules, every draw must stay the same.
#[test]
fn plain_samplers_draw_what_they_always_drew() {
    let once = [
        0xe936_3131_1a21_e590,
        0x4543_34ec_e1db_d7a8,
        0xc306_effd_6f32_81ab,
        0xc306_effd_6f32_81ab,
        0xc306_effd_6f32_81ab,
        0x3d98_2c5c_8dbe_0a28,
        0x48fe_f8ac_fdcf_5350,
    ];
    let each_step = [
        0x04f7_ad87_d8b1_f68b,
        0xa528_2664_10f6_f517,
        0x3b03_0b35_94a7_5649,
        0x3b03_0b35_94a7_5649,
        0x3b03_0b35_94a7_5649,
        0xe4e3_c405_8c8f_ce4f,
        0x1ef6_30af_38a7_e773,
    ];
    for (redraws, expected) in [(false, once), (true, each_step)] {
        let table = Table { latent: 2, redraws, ..table() };
        for (rule, digest) in RULES.into_iter().zip(expected) {
            let output = sampler(rule, 4, ValueRule::default()).sample(&table, &puzzles(40), 4);
            assert_eq!(self::digest(&output), digest, "{rule}, {redraws}");
        }
    }
}

#[test]
fn a_row_does_not_notice_its_batch() {
    let model = mixing_table(true);
    // More rows than one forward pass takes.
    let (all, redrawn) = (puzzles(140), vec![MASK; 138 * SEQ]);
    for rule in RULES {
        let sampler = sampler(rule, 3, ValueRule::default());
        let together = sampler.sample(&model, &all, 7);
        let few = sampler.sample(&model, &all[..2 * SEQ], 7);
        assert_eq!((&few.tokens[..], &few.nfe[..]), (&together.tokens[..2 * SEQ], &together.nfe[..2]));
        let other_company = sampler.sample(&model, &[&all[..2 * SEQ], &redrawn].concat(), 7);
        assert_eq!(other_company.tokens[..2 * SEQ], together.tokens[..2 * SEQ]);
    }
}

#[test]
fn the_seed_decides() {
    let model = mixing_table(false);
    let xt = vec![MASK; 20 * SEQ];
    for rule in RULES {
        let sampler = sampler(rule, 3, ValueRule::default());
        assert_eq!(sampler.sample(&model, &xt, 7), sampler.sample(&model, &xt, 7));
        assert_ne!(sampler.sample(&model, &xt, 7).tokens, sampler.sample(&model, &xt, 8).tokens);
    }
    // Rows with the same clues differ from each other.
    let tokens = sampler(RevealRule::Ancestral, 3, ValueRule::default()).sample(&model, &xt, 7).tokens;
    assert!(tokens.chunks_exact(SEQ).any(|row| row != &tokens[..SEQ]));
}

#[test]
#[should_panic(expected = "nfe: must be 1 or more, not 0")]
fn a_sampler_without_steps_is_refused() {
    sampler(RevealRule::Ancestral, 0, ValueRule::Argmax).sample(&table(), &[MASK; SEQ], 1);
}

#[test]
#[should_panic(expected = "whole sequences of 6 tokens")]
fn half_a_sequence_is_refused() {
    sampler(RevealRule::Ancestral, 1, ValueRule::Argmax).sample(&table(), &[MASK; SEQ + 1], 1);
}

#[test]
#[should_panic(expected = "tokens are at most 3, the mask token")]
fn tokens_above_the_mask_are_refused() {
    sampler(RevealRule::Margin, 2, ValueRule::Argmax).sample(&table(), &[MASK + 1; SEQ], 1);
}
