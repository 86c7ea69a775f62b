//! Corruption and random numbers.

use proptest::prelude::*;
use rand::Rng;
use vmd_process::{
    NoiseSchedule, Purpose, corrupt, gumbel, index_below, keyed_rng, standard_normal, uniform,
};

const MASK: u32 = 10;

fn n_masked(xt: &[u32]) -> usize {
    xt.iter().filter(|&&token| token == MASK).count()
}

fn draws(seed: u64, n: usize) -> Vec<f64> {
    let mut rng = keyed_rng(seed, 0, Purpose::Mask);
    (0..n).map(|_| uniform(&mut rng)).collect()
}

proptest! {
    #[test]
    fn later_times_mask_a_superset(seed: u64, s in 0.0..=1.0_f64, gap in 0.0..=1.0_f64, clues: [bool; 12]) {
        let x0: Vec<u32> = (0..12).map(|i| i % 10).collect();
        let u = draws(seed, 12);
        let at = |t: f64| corrupt(&x0, t, &u, Some(&clues), MASK, &NoiseSchedule::default());
        let (early, late) = (at(s), at((s + gap).min(1.0)));
        for i in 0..12 {
            prop_assert!(late[i] == x0[i] || late[i] == MASK);
            prop_assert!(early[i] != MASK || late[i] == MASK);
            prop_assert!(!clues[i] || late[i] == x0[i]);
        }
        prop_assert!(at(0.0) == x0);
        prop_assert_eq!(n_masked(&at(1.0)), clues.iter().filter(|&&clue| !clue).count());
    }
}

#[test]
fn masked_share_is_one_minus_alpha() {
    let n = 100_000;
    let schedule = NoiseSchedule::Cosine {};
    let xt = corrupt(&vec![0; n], 0.3, &draws(3, n), None, MASK, &schedule);
    let share = n_masked(&xt) as f64 / n as f64;
    // Standard error √(p(1−p)/n) = 1.6e-3; five of them.
    assert!((share - schedule.mask_ratio(0.3)).abs() < 8e-3, "{share}");
}

#[test]
fn first_outputs_are_pinned() {
    // From an independent ChaCha8 (RFC 8439 with 8 rounds, counter and nonce 0) keyed with the little-endian words
    // [seed, step, purpose, 0]. A change here changes every data order, mask and sample ever recorded.
    let first = |seed, step, purpose| {
        let mut rng = keyed_rng(seed, step, purpose);
        [rng.next_u64(), rng.next_u64(), rng.next_u64()]
    };
    let zero = [0xd640_5f89_2fef_003e, 0xa1a5_091f_e8b8_5b7f, 0x3b7f_9ace_c30e_842c];
    assert_eq!(first(0, 0, Purpose::Data), zero);
    let other = [0xbf8f_3a29_9613_323c, 0x6c28_6723_50c9_7b21, 0xb6e6_a984_dedf_b406];
    assert_eq!(first(42, 1000, Purpose::Mask), other);
}

#[test]
fn purposes_have_streams_of_their_own() {
    let first = |purpose| keyed_rng(1, 1, purpose).next_u64();
    assert_ne!(first(Purpose::Time), first(Purpose::Mask));
    // Seed and step are different words of the key, not added up.
    assert_ne!(keyed_rng(1, 2, Purpose::Data).next_u64(), keyed_rng(2, 1, Purpose::Data).next_u64());
}

#[test]
fn distributions_have_their_moments() {
    let n = 200_000_usize;
    let mut rng = keyed_rng(11, 0, Purpose::Latent);
    let mut moments = |draw: fn(&mut rand_chacha::ChaCha8Rng) -> f64| {
        let values: Vec<f64> = (0..n).map(|_| draw(&mut rng)).collect();
        let mean = values.iter().sum::<f64>() / n as f64;
        (mean, values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n as f64)
    };
    // Standard errors: means ≤ 1.28/√n = 0.003, variances ≤ √(18/n) = 0.01 (the Gumbel's kurtosis is 5.4).
    let (mean, variance) = moments(standard_normal);
    assert!(mean.abs() < 0.012 && (variance - 1.0).abs() < 0.02, "{mean} {variance}");
    let (mean, variance) = moments(gumbel);
    // Euler's constant and π²/6.
    assert!((mean - 0.577_216).abs() < 0.015 && (variance - 1.644_934).abs() < 0.05, "{mean} {variance}");
    let (mean, variance) = moments(|rng| index_below(rng, 10) as f64);
    // (n−1)/2 and (n²−1)/12.
    assert!((mean - 4.5).abs() < 0.033 && (variance - 8.25).abs() < 0.1, "{mean} {variance}");
}
