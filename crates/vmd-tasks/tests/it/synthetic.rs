//! Exact numbers of the synthetic sets, and agreement of the draws with them.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde::Deserialize;
use serde::de::IntoDeserializer;
use vmd_core::DataSource;
use vmd_tasks::synthetic::{SyntheticSet, SyntheticSetError, SyntheticSource, broken_rules};

const ENUMERABLE: [SyntheticSet; 10] = [
    SyntheticSet::PairsUniform,
    SyntheticSet::PairsSkewed,
    SyntheticSet::D1,
    SyntheticSet::D2,
    SyntheticSet::Chain(2),
    SyntheticSet::Chain(23),
    SyntheticSet::Needle(3),
    SyntheticSet::Parity(5),
    SyntheticSet::Grids4x4,
    SyntheticSet::Rules,
];

fn entropy(probabilities: impl IntoIterator<Item = f64>) -> f64 {
    probabilities.into_iter().map(|p| -p * p.ln()).sum()
}

/// `Σ_i H(x^i)`, counted from the list of sequences.
fn marginal_entropies(support: &[(Vec<u32>, f64)]) -> f64 {
    let at = |place: usize| {
        let mut marginal = BTreeMap::new();
        for (tokens, probability) in support {
            *marginal.entry(tokens[place]).or_insert(0.0) += probability;
        }
        entropy(marginal.into_values())
    };
    (0..support[0].0.len()).map(at).sum()
}

#[test]
fn closed_forms_agree_with_the_support() {
    for set in ENUMERABLE {
        let support = set.support().unwrap();
        let distinct: BTreeSet<_> = support.iter().map(|(tokens, _)| tokens).collect();
        assert_eq!(distinct.len(), support.len(), "{set}");
        assert!(support.iter().all(|(tokens, _)| set.contains(tokens)), "{set}");
        // At most a thousand terms, so at most a thousand rounding errors of numbers below 50.
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-11, "{set}: {a} {b}");
        close(support.iter().map(|(_, p)| p).sum(), 1.0);
        let h = entropy(support.iter().map(|(_, p)| *p));
        close(set.entropy(), h);
        close(set.independent_kl_nfe1(), marginal_entropies(&support) - h);
    }
}

#[test]
fn the_support_is_all_that_is_contained() {
    for set in ENUMERABLE.into_iter().filter(|set| set.seq_len() <= 6) {
        let vocab = set.vocab() as u32;
        let count = (0..vocab.pow(set.seq_len() as u32))
            .filter(|number| {
                let digits: Vec<u32> =
                    (0..set.seq_len()).map(|place| number / vocab.pow(place as u32) % vocab).collect();
                set.contains(&digits)
            })
            .count();
        assert_eq!(count, set.support().unwrap().len(), "{set}");
    }
}

#[test]
fn golden_values() {
    let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} {b}");
    let ln_10 = 10.0_f64.ln();
    close(SyntheticSet::PairsUniform.independent_kl_nfe1(), ln_10);
    close(SyntheticSet::D1.independent_kl_nfe1(), 3.0 * ln_10);
    close(SyntheticSet::D2.independent_kl_nfe1(), 2.0 * ln_10);
    close(SyntheticSet::Chain(16).independent_kl_nfe1(), 15.0 * ln_10);
    close(SyntheticSet::Needle(16).independent_kl_nfe1(), ln_10);
    close(SyntheticSet::Parity(16).independent_kl_nfe1(), 2.0_f64.ln());
    // 288 grids; each cell alone is uniform over four digits.
    close(SyntheticSet::Grids4x4.entropy(), 288.0_f64.ln());
    close(SyntheticSet::Grids4x4.independent_kl_nfe1(), 16.0 * 4.0_f64.ln() - 288.0_f64.ln());
    // ln 55 − Σ_{w=1}^{10} w·ln w / 55 with Σ w·ln w = ln(1^1·2^2·…·10^10) = 102.082_830_551_934_9.
    close(SyntheticSet::PairsSkewed.entropy(), 55.0_f64.ln() - 102.082_830_551_934_9 / 55.0);
    close(SyntheticSet::PairsSkewed.independent_kl_nfe1(), SyntheticSet::PairsSkewed.entropy());
    assert_eq!(SyntheticSet::Rules.support().unwrap().len(), 656);
}

#[test]
fn large_supports_are_not_listed() {
    assert_eq!(SyntheticSet::Needle(7).support().unwrap().len(), 1_000_000);
    assert_eq!(SyntheticSet::Needle(8).support(), None);
    assert_eq!(SyntheticSet::Parity(8192).support(), None);
    assert_eq!(SyntheticSet::Chain(8192).support().unwrap().len(), 10);
}

#[test]
fn draws_follow_the_probabilities() {
    for set in ENUMERABLE {
        let support = set.support().unwrap();
        let n = 200 * support.len() as u64;
        let source = SyntheticSource { set, seed: 5 };
        let mut counts = BTreeMap::new();
        let mut tokens = vec![0; source.seq_len()];
        for index in 0..n {
            source.fill(index, &mut tokens);
            *counts.entry(tokens.clone()).or_insert(0_u32) += 1;
        }
        assert!(counts.keys().all(|tokens| set.contains(tokens)), "{set}");
        let term = |(tokens, p): &(Vec<u32>, f64)| {
            let expected = p * n as f64;
            (f64::from(counts.get(tokens).copied().unwrap_or(0)) - expected).powi(2) / expected
        };
        let chi_square: f64 = support.iter().map(term).sum();
        // Mean k and variance 2k of a chi-square with k degrees of freedom; five standard
        // deviations.
        let k = (support.len() - 1) as f64;
        assert!((chi_square - k).abs() < 5.0 * (2.0 * k).sqrt(), "{set}: {chi_square} of {k}");
    }
}

#[test]
fn long_sets_draw_members() {
    for set in [SyntheticSet::Needle(512), SyntheticSet::Parity(512), SyntheticSet::Chain(512)] {
        let mut tokens = vec![0; 512];
        SyntheticSource { set, seed: 1 }.fill(u64::MAX, &mut tokens);
        assert!(set.contains(&tokens));
        tokens[0] = (tokens[0] + 1) % set.vocab() as u32;
        assert!(!set.contains(&tokens));
    }
}

#[test]
fn names_round_trip() {
    for set in ENUMERABLE {
        assert_eq!(set.name().parse(), Ok(set));
        let text: serde::de::value::StringDeserializer<serde::de::value::Error> =
            set.name().into_deserializer();
        assert_eq!(SyntheticSet::deserialize(text), Ok(set));
    }
    assert_eq!("chain-16".parse(), Ok(SyntheticSet::Chain(16)));
    for name in ["chain-1", "chain-", "parity--2", "needle-99999999999999999999", "chain-8193"] {
        assert!(matches!(name.parse::<SyntheticSet>(), Err(SyntheticSetError::Length { .. })), "{name}");
    }
    for name in ["", "d3", "chain", "pairs-3", "Rules"] {
        assert!(matches!(name.parse::<SyntheticSet>(), Err(SyntheticSetError::UnknownName { .. })), "{name}");
    }
}

#[test]
fn malformed_sequences_are_no_members() {
    for set in ENUMERABLE {
        assert!(!set.contains(&[]));
        assert!(!set.contains(&vec![u32::MAX; set.seq_len()]));
    }
    assert_eq!(broken_rules(&[0, 1, 2]), ["shape"]);
    assert_eq!(broken_rules(&[0, 1, 2, 3, 0, 6]), ["shape"]);
    let all = broken_rules(&[5, 5, 5, 5, 5, 5]);
    assert_eq!(all, ["first-three-differ", "rising", "last-three-sum-to-eight", "apart", "ends-differ"]);
}

proptest! {
    #[test]
    fn examples_are_a_function_of_seed_and_index(seed: u64, index: u64) {
        let draw = |seed, index| {
            let mut tokens = [0; 40];
            SyntheticSource { set: SyntheticSet::Needle(40), seed }.fill(index, &mut tokens);
            tokens
        };
        prop_assert_eq!(draw(seed, index), draw(seed, index));
        prop_assert_ne!(draw(seed, index), draw(seed, index.wrapping_add(1)));
        prop_assert_ne!(draw(seed, index), draw(seed.wrapping_add(1), index));
    }
}
