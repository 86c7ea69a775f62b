//! `predict-remask` step by step, and properties of all rules.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use crate::common::{MASK, RULES, SEQ, Table, of, table};
use proptest::prelude::*;
use rand::rngs::ChaCha8Rng;
use vmd_core::Validate;
use vmd_process::{NoiseSchedule, reveal_counts};
use vmd_sampler::{
    Prediction, Predictor, Query, RemaskRule, RevealRule, SampleOutput, Sampler, SamplerConfig, Scope,
    ValueRule,
};

/// Top probabilities 0.7, 0.6, 0.6, 0.6 while all tokens are masked, and 0.99, 0.9, 0.8, 0.75
/// later.
struct Wavering {
    calls: std::cell::RefCell<Vec<Vec<u32>>>,
}

impl Predictor for Wavering {
    fn vocab(&self) -> usize {
        2
    }

    fn seq_len(&self) -> usize {
        4
    }

    fn latent_scope(&self) -> Scope {
        Scope::Block
    }

    fn schedule(&self) -> NoiseSchedule {
        NoiseSchedule::default()
    }

    fn draw_latents(&self, _: &[usize], _: &[u32], _: &mut [&mut ChaCha8Rng]) -> Vec<f32> {
        Vec::new()
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
    // The first token keeps its score of 0.7. In the next step the others score higher, so it is
    // masked and predicted again.
    let again = [[2, 2, 2, 2], [1, 2, 2, 2], [2, 1, 1, 2], [1, 1, 1, 2]];
    assert_eq!(calls(RemaskRule::PredictRemask, &[2; 4]), again);
    let stays = [[2, 2, 2, 2], [1, 2, 2, 2], [1, 1, 2, 2], [1, 1, 1, 2]];
    assert_eq!(calls(RemaskRule::None, &[2; 4]), stays);
    // A clue stays, whatever the scores of the others.
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

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn clues_stay_and_no_mask_is_left_whatever_the_rules(
        xt in prop::collection::vec(0..=MASK, 3 * SEQ),
        rule in 0..RULES.len(),
        remask in prop_oneof![Just(RemaskRule::None), Just(RemaskRule::PredictRemask)],
        cosine in any::<bool>(),
        nfe in 1..9usize,
        best_of in 1..4usize,
        seed in any::<u64>(),
    ) {
        let schedule = if cosine { NoiseSchedule::Cosine {} } else { NoiseSchedule::default() };
        let mut config = SamplerConfig {
            nfe, reveal: RULES[rule], remask, best_of, value: ValueRule::default(),
        };
        // Some pairs of rules are invalid; the rest of the case is still tested.
        if !config.problems(()).is_empty() {
            config.remask = RemaskRule::None;
        }
        let table = Table { schedule, ..table() };
        let own_pace = config.sets_own_pace();
        let sampler = Sampler::new(config);
        prop_assert_eq!(sampler.problems_with(&table), Vec::new());
        let output = sampler.sample_checked(&table, &xt, seed, |_, tokens| tokens[0] == 0);
        for (&before, &after) in xt.iter().zip(&output.tokens) {
            let kept = if before == MASK { after < MASK } else { after == before };
            prop_assert!(kept);
        }
        prop_assert_eq!(output.nfe.iter().sum::<usize>(), table.evaluated());
        let steps = if own_pace { SEQ } else { nfe };
        prop_assert!(output.nfe.iter().all(|&spent| spent <= steps * best_of));
        // The network receives all clues unchanged.
        for call in table.calls.borrow().iter() {
            for asked in call.xt.chunks_exact(SEQ) {
                let fits = |row: &[u32]| row.iter().zip(asked).all(|(&clue, &seen)| clue == MASK || clue == seen);
                prop_assert!(xt.chunks_exact(SEQ).any(fits));
            }
        }
    }
}
