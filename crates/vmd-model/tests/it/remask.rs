//! Remasking: the `ReMDM` chain against its expectations, and predict-remask step by step.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use crate::common::{
    CATEGORICAL, MASK, RULES, SEQ, Table, chain_model, is_share, of, puzzles, shares, table,
};
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use vmd_latent::LatentRows;
use vmd_model::{
    LatentRule, Prediction, Query, RemaskRule, RevealRule, SampleOutput, Sampler, SamplerConfig, Scope,
    TokenPredictor, ValueRule,
};
use vmd_process::{NoiseSchedule, reveal_counts};

/// Rows of one forward pass, so that a call holds all of them.
const ROWS: usize = 128;
const TOKENS: usize = 40;

fn ancestral(nfe: usize, remask: RemaskRule) -> SamplerConfig {
    SamplerConfig { nfe, remask, ..SamplerConfig::default() }
}

#[test]
fn without_sigma_the_chain_is_the_ancestral_sampler_draw_by_draw() {
    let zero =
        [RemaskRule::Cap { eta: 0.0 }, RemaskRule::Rescale { eta: 0.0 }, RemaskRule::Confidence { eta: 0.0 }];
    let model = chain_model(Scope::Step, Some(CATEGORICAL));
    for nfe in [1, 3, 8] {
        let sample = |remask| of(ancestral(nfe, remask)).sample(&model, &puzzles(40), 3);
        let plain = sample(RemaskRule::None);
        assert!(zero.iter().all(|&remask| sample(remask) == plain));
        let changed = sample(RemaskRule::Rescale { eta: 0.5 });
        assert_eq!(changed == plain, nfe == 1, "with one step there is nothing to take back");
    }
}

#[test]
fn the_marginals_of_a_factorised_predictor_are_right_for_every_sigma() {
    const SAMPLES: usize = 10_000;
    for remask in
        [RemaskRule::Cap { eta: 0.3 }, RemaskRule::Rescale { eta: 0.5 }, RemaskRule::Rescale { eta: 1.0 }]
    {
        let table = table();
        let output = of(ancestral(6, remask)).sample(&table, &[MASK; SEQ].repeat(SAMPLES), 2);
        for (share, logit) in shares(&output.tokens).into_iter().zip(&table.logits) {
            assert!(is_share(share, f64::from(*logit).exp(), SAMPLES), "{remask}: {share}, {logit}");
        }
    }
}

/// For each step: masked tokens, tokens that were revealed, and those of them that the next step finds masked again, as
/// shares of all tokens.
fn chain(remask: RemaskRule, seeds: u64) -> Vec<[f64; 3]> {
    const STEPS: usize = 4;
    let row: &[f64] = &[0.5, 0.25, 0.25];
    let mut sums = vec![[0.0; 3]; STEPS];
    for seed in 0..seeds {
        let table = Table::new(&[row; TOKENS]);
        of(ancestral(STEPS, remask)).sample(&table, &[MASK; TOKENS].repeat(ROWS), seed);
        let calls = table.calls.borrow();
        // With forty tokens no step of a row reveals nothing, so the calls line up.
        assert!(calls.len() == STEPS && calls.iter().all(|call| call.t.len() == ROWS));
        for (step, sums) in sums.iter_mut().enumerate() {
            let now = &calls[step].xt;
            let count = |test: &dyn Fn(usize) -> bool| (0..now.len()).filter(|&i| test(i)).count() as f64;
            sums[0] += count(&|i| now[i] == MASK);
            sums[1] += count(&|i| now[i] != MASK);
            if let Some(next) = calls.get(step + 1) {
                sums[2] += count(&|i| now[i] != MASK && next.xt[i] == MASK);
            }
        }
    }
    let n = (seeds as usize * ROWS * TOKENS) as f64;
    sums.into_iter().map(|sums| sums.map(|sum| sum / n)).collect()
}

#[test]
fn as_many_tokens_are_masked_as_the_schedule_says_and_as_many_taken_back_as_sigma_says() {
    const N: usize = 4 * ROWS * TOKENS;
    // Times 1, 3/4, 1/2, 1/4 with α = 1 − t: σ_max is 1, 1, 1/2, 0; in the first step there is nothing to take back.
    for (remask, sigma) in [
        (RemaskRule::Cap { eta: 0.3 }, [0.3, 0.3, 0.3, 0.0]),
        (RemaskRule::Cap { eta: 0.8 }, [0.8, 0.8, 0.5, 0.0]),
        (RemaskRule::Rescale { eta: 0.4 }, [0.4, 0.4, 0.2, 0.0]),
    ] {
        for (step, [masked, revealed, taken_back]) in chain(remask, 4).into_iter().enumerate() {
            let expected = 1.0 - 0.25 * step as f64;
            assert!(masked == expected || is_share(masked, expected, N), "{remask}, {step}: {masked}");
            let share = (1.0 - expected) * sigma[step];
            assert!(taken_back == share || is_share(taken_back, share, N), "{remask}, {step}: {taken_back}");
            assert!((masked + revealed - 1.0).abs() < 1e-12);
        }
    }
}

#[test]
fn by_confidence_one_sigma_is_shared_out() {
    const N: usize = 4 * ROWS * TOKENS;
    // The shares of σ sum to 1, so σ is the number of tokens that a row loses; σ_max is 1, 1, 1/2, 0. Masked tokens
    // appear with 1/4, 1/3, 1/2 as without remasking.
    for eta in [1.0, 0.5] {
        let steps = chain(RemaskRule::Confidence { eta }, 4);
        let lost = [0.0, eta / TOKENS as f64, 0.5 * eta / TOKENS as f64, 0.0];
        let mut masked = 1.0;
        for (step, reveal) in [0.25, 1.0 / 3.0, 0.5, 1.0].into_iter().enumerate() {
            assert!(steps[step][0] == masked || is_share(steps[step][0], masked, N), "{step}: {steps:?}");
            assert!(steps[step][2] == lost[step] || is_share(steps[step][2], lost[step], N), "{step}");
            masked = masked * (1.0 - reveal) + lost[step];
        }
    }
    // Doubtful values are taken back more often, so the sure ones gain.
    const SAMPLES: usize = 100_000;
    let remask = RemaskRule::Confidence { eta: 1.0 };
    let output = of(ancestral(16, remask)).sample(&table(), &[MASK; SEQ].repeat(SAMPLES), 2);
    let share = shares(&output.tokens)[3 * 5];
    assert!(share > 0.9 && !is_share(share, 0.9, SAMPLES), "{share}");
}

#[test]
fn a_row_goes_on_while_anything_can_be_taken_back() {
    let xt = [0, 0, MASK, 0, 0, 0].repeat(400);
    let nfe = |remask| {
        let table = table();
        let output = of(ancestral(8, remask)).sample(&table, &xt, 1);
        assert_eq!(output.nfe.iter().sum::<usize>(), table.evaluated());
        output.nfe.into_iter().max().unwrap()
    };
    assert_eq!(nfe(RemaskRule::None), 1);
    assert_eq!(nfe(RemaskRule::Cap { eta: 0.0 }), 1);
    assert!(nfe(RemaskRule::Cap { eta: 0.5 }) > 2);
    assert!(nfe(RemaskRule::Confidence { eta: 1.0 }) > 2);
}

/// Surest about the first token while all are masked, about the others later on.
struct Wavering {
    calls: std::cell::RefCell<Vec<Vec<u32>>>,
}

impl TokenPredictor for Wavering {
    fn vocab(&self) -> usize {
        2
    }

    fn seq_len(&self) -> usize {
        4
    }

    fn latent_scope(&self) -> Scope {
        Scope::Sequence
    }

    fn draw_latent(&self, _: &[usize], _: &[u32], _: &mut [&mut ChaCha8Rng]) -> LatentRows {
        LatentRows::default()
    }

    fn predict(&self, query: Query<'_>) -> Prediction {
        self.calls.borrow_mut().push(query.xt.to_vec());
        let sure: [f32; 4] = if query.xt.iter().all(|&token| token == 2) {
            [0.7, 0.6, 0.6, 0.6]
        } else {
            [0.99, 0.9, 0.8, 0.75]
        };
        sure.iter().flat_map(|p| [(1.0 - p).ln(), p.ln()]).collect::<Vec<f32>>().into()
    }
}

#[test]
fn predict_remask_takes_back_what_is_no_longer_among_the_surest() {
    let calls = |remask, xt: &[u32]| {
        let predictor = Wavering { calls: Default::default() };
        let config = SamplerConfig {
            nfe: 4,
            reveal: RevealRule::TopProb,
            value: ValueRule::Argmax,
            remask,
            ..SamplerConfig::default()
        };
        let output = of(config).sample(&predictor, xt, 1);
        assert_eq!(output, SampleOutput { tokens: vec![1; 4], nfe: vec![predictor.calls.borrow().len()] });
        predictor.calls.into_inner()
    };
    // The first token stays with its 0.7, until three others are surer; it is then predicted anew.
    let again = [[2, 2, 2, 2], [1, 2, 2, 2], [2, 1, 1, 2], [1, 1, 1, 2]];
    assert_eq!(calls(RemaskRule::PredictRemask, &[2; 4]), again);
    let stays = [[2, 2, 2, 2], [1, 2, 2, 2], [1, 1, 2, 2], [1, 1, 1, 2]];
    assert_eq!(calls(RemaskRule::None, &[2; 4]), stays);
    // As a clue it stays whatever the others say.
    assert_eq!(calls(RemaskRule::PredictRemask, &[1, 2, 2, 2]), [[1, 2, 2, 2], [1, 1, 2, 2], [1, 1, 1, 2]]);
}

#[test]
fn predict_remask_masks_as_many_as_the_other_rules() {
    for nfe in [1, 2, 4, 6, 9] {
        for reveal in [RevealRule::TopProb, RevealRule::Margin, RevealRule::Entropy] {
            let table = table();
            let remask = RemaskRule::PredictRemask;
            let config = SamplerConfig { nfe, reveal, remask, ..SamplerConfig::default() };
            of(config).sample(&table, &[MASK; SEQ], 1);
            let mut left = SEQ;
            let mut expected = Vec::new();
            for count in reveal_counts(SEQ, nfe).into_iter().filter(|&count| count > 0) {
                expected.push(left);
                left -= count;
            }
            let masked: Vec<usize> =
                table.calls.borrow().iter().map(|call| crate::common::masks(&call.xt)).collect();
            assert_eq!(masked, expected, "{reveal}, {nfe}");
        }
    }
}

fn remask_rule() -> impl Strategy<Value = RemaskRule> {
    (0..5usize, 0.0..=1.0f64).prop_map(|(kind, eta)| match kind {
        0 => RemaskRule::None,
        1 => RemaskRule::Cap { eta },
        2 => RemaskRule::Rescale { eta },
        3 => RemaskRule::Confidence { eta },
        _ => RemaskRule::PredictRemask,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn clues_stay_and_no_mask_is_left_whatever_the_rules(
        xt in prop::collection::vec(0..=MASK, 3 * SEQ),
        rule in 0..RULES.len(),
        remask in remask_rule(),
        noise in prop_oneof![Just(0.0), 0.0..5.0f64],
        latent in prop_oneof![
            Just(LatentRule::Prior),
            Just(LatentRule::PriorOnce),
            Just(LatentRule::PriorEachStep),
            Just(LatentRule::Reinfer),
        ],
        cosine in any::<bool>(),
        nfe in 1..9usize,
        best_of in 1..4usize,
        seed in any::<u64>(),
    ) {
        let schedule = if cosine { NoiseSchedule::Cosine {} } else { NoiseSchedule::default() };
        let mut config = SamplerConfig {
            nfe, reveal: RULES[rule], reveal_noise: noise, remask, latent, best_of,
            value: ValueRule::default(),
        };
        // Most pairs of rules make no sense; the rest of the case is still worth trying.
        if !config.problems().is_empty() {
            config.reveal_noise = 0.0;
        }
        if !config.problems().is_empty() {
            config.remask = RemaskRule::None;
        }
        let table = Table { posterior: true, ..table() };
        let own_pace = config.sets_own_pace();
        let sampler = Sampler::new(config, schedule);
        prop_assert_eq!(sampler.problems_with(&table), Vec::<String>::new());
        let output = sampler.sample_checked(&table, &xt, seed, |_, tokens| tokens[0] == 0);
        for (&before, &after) in xt.iter().zip(&output.tokens) {
            let kept = if before == MASK { after < MASK } else { after == before };
            prop_assert!(kept);
        }
        prop_assert_eq!(output.nfe.iter().sum::<usize>(), table.evaluated());
        let steps = if own_pace { SEQ } else { nfe };
        prop_assert!(output.nfe.iter().all(|&spent| spent <= steps * best_of));
        // The network never sees a clue masked or changed, either.
        for call in table.calls.borrow().iter() {
            for asked in call.xt.chunks_exact(SEQ) {
                let fits = |row: &[u32]| row.iter().zip(asked).all(|(&clue, &seen)| clue == MASK || clue == seen);
                prop_assert!(xt.chunks_exact(SEQ).any(fits));
            }
        }
    }
}
