//! Diversity and repetition of samples, drift of their words, and shares of valid, unique and novel
//! ones.

use std::collections::BTreeSet;

use proptest::prelude::*;
use vmd_eval::text::{
    FrequentWords, MAX_BLEU_REFERENCES, Uniqueness, WordSet, bleu, distinct_n, mean_unigram_entropy,
    self_bleu, unigram_entropy, word_drift, word_share,
};

fn words(text: &str) -> Vec<&str> {
    text.split(' ').collect()
}

#[test]
fn entropy_has_its_known_values() {
    assert!((unigram_entropy(&[1, 2, 3, 4]) - 4.0_f64.ln()).abs() < 1e-15);
    assert_eq!(unigram_entropy(&[7, 7, 7]), 0.0);
    assert_eq!(unigram_entropy::<u32>(&[]), 0.0);
    // −¾ ln ¾ − ¼ ln ¼.
    assert!((unigram_entropy(b"aaba") - 0.562_335).abs() < 1e-6);
    let mean = mean_unigram_entropy::<u8, _>(&["aaba", "aaaa"]);
    assert!((mean.value - 0.281_168).abs() < 1e-6 && mean.n == 2);
}

#[test]
fn distinct_n_counts_within_samples() {
    // ab bc | ab bb, of which ab, bb, bc are different; no n-gram reaches from a sample into the
    // next.
    assert_eq!(distinct_n::<u8, _>(&["abc", "abb"], 2), 0.75);
    assert_eq!(distinct_n::<u8, _>(&["abc", "abb"], 1), 0.5);
    assert_eq!(distinct_n(&[vec![1, 1, 1, 1]], 3), 0.5);
    assert!(distinct_n::<u8, _>(&["abc"], 4).is_nan());
    assert!(distinct_n::<u8, _>(&["abc"], 0).is_nan());
}

#[test]
fn bleu_is_the_one_of_the_paper() {
    // Papineni's example 2: "the" is clipped to 2, its count in the first reference.
    let candidate = words("the the the the the the the");
    let references = [words("the cat is on the mat"), words("there is a cat on the mat")];
    assert!((bleu(&candidate, &references, 1) - 2.0 / 7.0).abs() < 1e-15);
    assert!((bleu(&references[0], &references, 4) - 1.0).abs() < 1e-15);
}

/// Candidate, longest n-gram and BLEU, by NLTK 3.10.
const NLTK: [(&str, usize, f64); 5] = [
    ("the cat is on a mat", 4, 0.5623413251903491),
    ("the cat", 2, 0.1353352832366127),
    ("a cat on the mat today there", 3, 0.8735804647362989),
    ("mat the on", 4, 0.055010807399206),
    ("cat dog cat dog", 4, 0.04873039689743777),
];

#[test]
fn bleu_agrees_with_nltk() {
    let references = [words("the cat is on the mat"), words("there is a cat on the mat today")];
    // `sentence_bleu(…, smoothing_function=SmoothingFunction().method1)`.
    for (candidate, max_n, expected) in NLTK {
        let value = bleu(&words(candidate), &references, max_n);
        assert!((value - expected).abs() < 1e-12, "{candidate}: {value}");
    }
}

#[test]
fn bleu_of_nothing_is_zero() {
    assert_eq!(bleu(&[] as &[u8], &["abc"], 4), 0.0);
    assert_eq!(bleu(b"abc", &["xyz"], 4), 0.0);
    assert_eq!(bleu(b"abc", &[] as &[&str], 4), 0.0);
    assert_eq!(bleu(b"abc", &["abc"], 0), 0.0);
}

#[test]
fn self_bleu_is_the_mean_against_the_others() {
    let samples =
        ["the cat sat", "the cat ran", "a dog ran off", "the cat sat", "some dog sat down"].map(words);
    let of_sample = |i: usize| {
        let others: Vec<&Vec<&str>> = (0..5).filter(|&j| j != i).map(|j| &samples[j]).collect();
        let others: Vec<&[&str]> = others.iter().map(|other| other.as_slice()).collect();
        bleu(&samples[i], &others, 3)
    };
    let mean = (0..5).map(of_sample).sum::<f64>() / 5.0;
    assert!((self_bleu(&samples, 3) - mean).abs() < 1e-15);
    assert!((self_bleu::<u8, _>(&["abcdef"; 4], 4) - 1.0).abs() < 1e-15);
    assert!(self_bleu::<u8, _>(&["abc"], 4).is_nan());
}

#[test]
fn self_bleu_of_long_lists_has_a_bounded_number_of_references() {
    // Each sample occurs twice in a row; evenly spread references contain one of each pair.
    let samples: Vec<Vec<usize>> = (0..2 * MAX_BLEU_REFERENCES).map(|i| vec![i / 2; 8]).collect();
    // References have no copy among the others; the rest do.
    assert!((self_bleu(&samples, 2) - 0.5).abs() < 1e-12);
}

#[test]
fn words_that_ends_may_have_cut_do_not_count() {
    let known = WordSet::of("the cat sat\non the mat");
    assert!(known.contains("mat") && !known.contains("ma") && known.len() == 5 && !known.is_empty());
    let figure = word_share(&["e the cat xyzzy m", "at on the", "sat", ""], &known);
    // the, cat, xyzzy | on.
    assert!((figure.value - 0.75).abs() < 1e-15 && figure.n == 4);
    assert!(figure.ci95[0] < 0.75 && figure.ci95[1] <= 1.0);
    assert!(word_share(&["one two"], &known).value.is_nan());
    assert_eq!(word_share(&["x the cat y", "x the cat y"], &known).ci95, [1.0, 1.0]);
}

#[test]
fn the_interval_of_a_share_of_words_is_that_over_samples() {
    let samples = ["x the cat y", "x a b y"].repeat(4);
    let figure = word_share(&samples, &WordSet::of("the cat"));
    // Shares of 1 and 0 in turn: Student's 2.364624 times √(¼ · 8/7 / 8) to either side.
    assert!((figure.value - 0.5).abs() < 1e-15 && (figure.ci95[1] - 0.946_872).abs() < 1e-5, "{figure:?}");
}

/// Samples whose halves have their own topics.
fn samples(topics: impl Fn(usize, usize) -> usize) -> Vec<String> {
    let word = |sample: usize, i: usize| {
        // Every third word is shared by all topics.
        if i.is_multiple_of(3) {
            "the".into()
        } else {
            format!("t{}w{}", topics(sample, i / 100), (i * 7 + sample * 3) % 5)
        }
    };
    (0..40).map(|sample| (0..202).map(|i| word(sample, i)).collect::<Vec<String>>().join(" ")).collect()
}

#[test]
fn halves_about_one_thing_are_coherent() {
    let one_topic = samples(|sample, _| sample % 4);
    let changing = samples(|sample, half| (sample + 2 * half) % 4);
    let frequent = FrequentWords::of(&one_topic.join(" "), 100);
    // 4 topics of 5 words each, "the", and all others.
    assert_eq!(frequent.n_classes(), 22);
    let coherent = word_drift(&one_topic, &frequent).unwrap();
    assert!(coherent.within.value < 0.02, "{coherent:?}");
    // Topics of two samples differ with probability ¾, and then all but every third word differs.
    assert!(coherent.coherence.ci95[0] > 0.2, "{coherent:?}");
    let drifting = word_drift(&changing, &frequent).unwrap();
    // Worse than chance: the halves of a sample never share a topic.
    assert!(drifting.coherence.ci95[1] < 0.0, "{drifting:?}");
    for drift in [coherent, drifting] {
        let difference = drift.between.value - drift.within.value;
        assert!((drift.coherence.value - difference).abs() < 1e-12);
        assert!((0.0..=2.0_f64.ln()).contains(&drift.between.value));
    }
}

#[test]
fn samples_without_an_order_have_no_coherence() {
    let same = vec!["x a b c a b c y"; 9];
    let drift = word_drift(&same, &FrequentWords::of("a b c a b a", 2)).unwrap();
    assert_eq!((drift.within.value, drift.coherence.value, drift.within.n), (0.0, 0.0, 9));
}

#[test]
fn frequent_words_are_those_of_the_text() {
    let frequent = FrequentWords::of("b a c c a b d", 2);
    // a, b and c occur twice; a and b come first. So a and b have their own classes, c and d share
    // one.
    let told_apart =
        |x: &str, y: &str| word_drift(&[format!("- {x} {y} -"), "- a a -".into()], &frequent).unwrap();
    assert!(told_apart("a", "b").within.value > 0.3);
    assert_eq!(told_apart("c", "d").within.value, 0.0);
    assert_eq!(FrequentWords::of("", 5).n_classes(), 1);
}

#[test]
fn too_few_samples_have_no_drift() {
    let frequent = FrequentWords::of("a b", 2);
    assert_eq!(word_drift(&["x a b y"], &frequent), None);
    assert_eq!(word_drift(&["x a b y", "x a y", ""], &frequent), None);
}

#[test]
fn shares_of_samples_multiply() {
    let training = BTreeSet::from(["a".to_owned(), "z".to_owned()]);
    let judge = |sample: &str| (sample != "bad").then(|| sample.to_lowercase());
    let samples = ["a", "A", "b", "B", "b", "c", "bad", "bad"];
    let shares = Uniqueness::of(&samples, &training, judge);
    assert_eq!((shares.valid.value, shares.valid.n), (0.75, 8));
    assert_eq!((shares.unique.value, shares.unique.n), (0.5, 6));
    assert_eq!((shares.novel.value, shares.novel.n), (2.0 / 3.0, 3));
    assert_eq!((shares.all_three.value, shares.all_three.n), (0.25, 8));
    let nothing = Uniqueness::of(&["bad"], &training, judge);
    assert!(nothing.unique.value.is_nan() && nothing.novel.value.is_nan());
    assert_eq!((nothing.valid.value, nothing.all_three.value), (0.0, 0.0));
}

proptest! {
    #[test]
    fn shares_stay_in_their_range(samples in proptest::collection::vec("[ab ]{0,12}", 0..12), n in 0_usize..6) {
        let value = bleu(samples.first().map_or(&[][..], |s| s.as_bytes()), &samples, n);
        prop_assert!((0.0..=1.0 + 1e-12).contains(&value));
        let value = self_bleu::<u8, _>(&samples, n);
        prop_assert!(samples.len() < 2 || (0.0..=1.0 + 1e-12).contains(&value));
        let value = distinct_n::<u8, _>(&samples, n);
        prop_assert!(value.is_nan() || (0.0..=1.0).contains(&value));
        let frequent = FrequentWords::of("a b aa ab", 3);
        if let Some(drift) = word_drift(&samples, &frequent) {
            prop_assert!((0.0..=0.6932).contains(&drift.within.value));
            prop_assert!((0.0..=0.6932).contains(&drift.between.value));
        }
        let share = word_share(&samples, &WordSet::of("a b"));
        prop_assert!(share.value.is_nan() || (share.ci95[0] <= share.value && share.value <= share.ci95[1]));
    }
}
