//! The n-gram judge.

use std::collections::BTreeSet;

use proptest::prelude::*;
use vmd_eval::text::{NgramError, NgramJudge};

fn probability(judge: &NgramJudge, context: &[u32], token: u32) -> f64 {
    judge.log_prob(context, token).exp()
}

#[test]
fn a_tiny_model_is_the_one_worked_out_by_hand() {
    // "abac". There are too few counts for estimates, so the discounts are ½ and 1.
    let judge = NgramJudge::train(&[0, 1, 0, 2], 3, 2).unwrap();
    assert_eq!(judge.discounts(), [[0.5, 1.0, 1.5]; 2]);
    // Distinct tokens to the left: the start and b for a; only a for b and c. γ = (1 + ½ + ½)/4 =
    // ½, a third of it for each token: p(a) = (2 − 1)/4 + 1/6, p(b) = p(c) = ½/4 + 1/6.
    let p1 = [5.0 / 12.0, 7.0 / 24.0, 7.0 / 24.0];
    // After a: b and c once each, so γ = (½ + ½)/2. After b: a once, so γ = ½.
    let after_a = [p1[0] / 2.0, 0.25 + p1[1] / 2.0, 0.25 + p1[2] / 2.0];
    let after_b = [0.5 + p1[0] / 2.0, p1[1] / 2.0, p1[2] / 2.0];
    for token in 0..3 {
        let i = token as usize;
        // c is the last token, so nothing follows it.
        for (context, expected) in
            [(&[][..], p1[i]), (&[0], after_a[i]), (&[1], after_b[i]), (&[2], p1[i]), (&[1, 0], after_a[i])]
        {
            assert!((probability(&judge, context, token) - expected).abs() < 1e-15, "{context:?} {token}");
        }
    }
}

#[test]
fn sums_are_those_of_the_terms() {
    let text = sentence(300);
    let judge = NgramJudge::train(&text, 27, 4).unwrap();
    let term = |i: usize| -judge.log_prob(&text[..i], text[i]);
    let all: f64 = (0..300).map(term).sum();
    assert!((judge.nll(&text) - all / 300.0).abs() < 1e-12);
    // The three tokens after the range have it in their context.
    let span: f64 = (100..113).map(term).sum();
    assert!((judge.span_nll(&text, 100..110) - span).abs() < 1e-12);
    assert_eq!(judge.span_nll(&text, 100..100), 0.0);
    let end: f64 = (295..300).map(term).sum();
    assert!((judge.span_nll(&text, 295..1000) - end).abs() < 1e-12);
    assert_eq!(judge.span_nll(&text, 400..500), 0.0);
    assert!(judge.nll(&[]).is_nan());
}

#[test]
fn a_span_is_charged_for_what_it_does_to_the_whole_text() {
    let text = sentence(400);
    let judge = NgramJudge::train(&sentence(3000), 27, 5).unwrap();
    let mut filled = text.clone();
    filled[200..210].fill(3);
    let whole = 400.0 * (judge.nll(&filled) - judge.nll(&text));
    let span = judge.span_nll(&filled, 200..210) - judge.span_nll(&text, 200..210);
    assert!(whole > 1.0 && (whole - span).abs() < 1e-9, "{whole} {span}");
}

/// Words of a small grammar, as letters 1 to 26 and blank 0.
fn sentence(n: usize) -> Vec<u32> {
    let words = ["the", "a", "cat", "dog", "house", "sees", "seeks", "finds", "and", "then"];
    let mut text = Vec::new();
    let mut state = 12_345_u64;
    while text.len() < n {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        text.extend(words[(state >> 33) as usize % words.len()].bytes().map(|b| u32::from(b - b'a') + 1));
        text.push(0);
    }
    text.truncate(n);
    text
}

/// The same tokens in shuffled order.
fn shuffled(text: &[u32]) -> Vec<u32> {
    // 7919 is prime, so every position occurs once.
    (0..text.len()).map(|i| text[i * 7919 % text.len()]).collect()
}

#[test]
fn text_is_likelier_than_its_letters_in_another_order() {
    let text = sentence(20_000);
    let judge = NgramJudge::train(&text[..15_000], 27, 6).unwrap();
    let (real, wrong) = (judge.nll(&text[15_000..]), judge.nll(&shuffled(&text[15_000..])));
    // One of ten words for about 4.5 letters: ln 10/4.5 = 0.51; letters on their own have about
    // 2.4.
    assert!(real < 0.6 && wrong > 2.4, "{real} {wrong}");
    let unigram = NgramJudge::train(&text[..15_000], 27, 1).unwrap();
    assert!((unigram.nll(&text[15_000..]) - unigram.nll(&shuffled(&text[15_000..]))).abs() < 1e-9);
}

#[test]
fn a_longer_context_helps() {
    let text = sentence(20_000);
    let nll = |order| NgramJudge::train(&text[..15_000], 27, order).unwrap().nll(&text[15_000..]);
    // Four letters determine the word; longer contexts add nothing.
    let nll: Vec<f64> = (1..=4).map(nll).collect();
    assert!(nll.windows(2).all(|pair| pair[1] < pair[0]), "{nll:?}");
}

#[test]
fn training_twice_gives_the_same_bits() {
    let text = sentence(30_000);
    let judges = [0, 1].map(|_| NgramJudge::train(&text, 27, 8).unwrap());
    assert_eq!(judges[0], judges[1]);
    assert_eq!(judges[0].nll(&text).to_bits(), judges[1].nll(&text).to_bits());
}

#[test]
fn tokens_outside_the_vocabulary_have_no_probability() {
    let judge = NgramJudge::train(&sentence(1000), 27, 3).unwrap();
    assert_eq!(judge.log_prob(&[1], 27), f64::NEG_INFINITY);
    assert_eq!(judge.nll(&[1, 27, 2]), f64::INFINITY);
    // It cuts off the tokens to its left.
    assert_eq!(judge.log_prob(&[20, 27, 8], 5).to_bits(), judge.log_prob(&[8], 5).to_bits());
    assert_eq!(judge.log_prob(&[u32::MAX], 5).to_bits(), judge.log_prob(&[], 5).to_bits());
}

#[test]
fn what_cannot_be_trained_is_an_error() {
    let text = sentence(100);
    let train = |vocab, order| NgramJudge::train(&text, vocab, order).unwrap_err();
    assert_eq!(train(27, 0), NgramError::Order { order: 0, vocab: 27, needed: 0, max: 25 });
    assert_eq!(train(27, 26), NgramError::Order { order: 26, vocab: 27, needed: 130, max: 25 });
    assert_eq!(train(50_000, 9), NgramError::Order { order: 9, vocab: 50_000, needed: 144, max: 8 });
    assert!(matches!(train(0, 1), NgramError::Order { vocab: 0, .. }));
    assert_eq!(NgramJudge::train(&[1, 2], 27, 3), Err(NgramError::TooShort { len: 2, order: 3 }));
    assert_eq!(
        NgramJudge::train(&[1, 27], 27, 1),
        Err(NgramError::Token { token: 27, position: 1, vocab: 27 })
    );
    assert!(NgramJudge::train(&text, 27, 25).is_ok(), "the longest order that fits");
    // 64 tokens of 2 bits fill a packed n-gram exactly.
    let small: Vec<u32> = text.iter().map(|token| token % 4).collect();
    let judge = NgramJudge::train(&small, 4, 64).unwrap();
    assert!(judge.nll(&small) < 0.7 && judge.order() == 64 && judge.vocab() == 4);
}

/// The count of an n-gram by definition: occurrences, or distinct tokens to the left, including the
/// start.
fn count(text: &[u32], gram: &[u32], is_highest: bool) -> usize {
    let places = (0..=text.len() - gram.len()).filter(|&at| text[at..].starts_with(gram));
    if is_highest {
        places.count()
    } else {
        places.map(|at| at.checked_sub(1).map(|i| text[i])).collect::<BTreeSet<_>>().len()
    }
}

/// The model by definition, without sorted lists.
fn by_definition(text: &[u32], vocab: usize, discounts: &[[f64; 3]], context: &[u32], token: u32) -> f64 {
    let order = discounts.len();
    let mut p = 1.0 / vocab as f64;
    for k in 1..=order.min(context.len() + 1) {
        let context = &context[context.len() + 1 - k..];
        let counts: Vec<usize> =
            (0..vocab as u32).map(|w| count(text, &[context, &[w]].concat(), k == order)).collect();
        let total = counts.iter().sum::<usize>() as f64;
        let discount = |count: usize| if count == 0 { 0.0 } else { discounts[k - 1][count.min(3) - 1] };
        if total > 0.0 {
            let taken: f64 = counts.iter().map(|&count| discount(count)).sum();
            let own = counts[token as usize];
            p = (own as f64 - discount(own)) / total + taken / total * p;
        }
    }
    p
}

proptest! {
    #[test]
    fn the_model_is_its_definition(
        vocab in 1_usize..5,
        order in 1_usize..5,
        text in proptest::collection::vec(0_u32..1000, 4..60),
        at in any::<proptest::sample::Index>(),
    ) {
        let text: Vec<u32> = text.iter().map(|t| (t * t / 1000) % vocab as u32).collect();
        let judge = NgramJudge::train(&text, vocab, order).unwrap();
        for context in [&text[..at.index(text.len())], &[0; 4], &[]] {
            for token in 0..vocab as u32 {
                let expected = by_definition(&text, vocab, &judge.discounts(), context, token);
                prop_assert!((probability(&judge, context, token) - expected).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn probabilities_sum_to_one(
        vocab in 1_usize..40,
        order in 1_usize..7,
        text in proptest::collection::vec(0_u32..1000, 8..400),
        context in proptest::collection::vec(0_u32..1000, 0..8),
        at in any::<proptest::sample::Index>(),
    ) {
        // A skewed distribution, so that contexts repeat.
        let token = |t: &u32| (t * t / 1000) % vocab as u32;
        let text: Vec<u32> = text.iter().map(token).collect();
        let judge = NgramJudge::train(&text, vocab, order).unwrap();
        let unseen: Vec<u32> = context.iter().map(token).collect();
        for context in [&text[..at.index(text.len())], &unseen] {
            let p: Vec<f64> = (0..vocab as u32).map(|token| probability(&judge, context, token)).collect();
            prop_assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-12, "{:?}", p);
            prop_assert!(p.iter().all(|&p| p > 0.0));
        }
    }
}
