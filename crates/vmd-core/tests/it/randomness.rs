//! Tests of random streams and of the distributions drawn from them.

use rand::rngs::ChaCha8Rng;
use rand::{Rng, RngExt};
use vmd_core::{Purpose, gumbel, index_below, keyed_rng, open_uniform, standard_normal, uniform};

#[test]
fn first_outputs_are_pinned() {
    // Reference values from an independent ChaCha8 implementation (RFC 8439 with 8 rounds, counter
    // and nonce 0) keyed with the little-endian words `[seed, step, purpose, 0]`. Changing them
    // changes every recorded data order, mask and sample.
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
    // Seed and step are separate words of the key, not a sum.
    assert_ne!(keyed_rng(1, 2, Purpose::Data).next_u64(), keyed_rng(2, 1, Purpose::Data).next_u64());
}

#[test]
fn distributions_have_their_moments() {
    let n = 200_000_usize;
    let mut rng = keyed_rng(11, 0, Purpose::Latent);
    let mut moments = |draw: fn(&mut ChaCha8Rng) -> f64| {
        let values: Vec<f64> = (0..n).map(|_| draw(&mut rng)).collect();
        let mean = values.iter().sum::<f64>() / n as f64;
        (mean, values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n as f64)
    };
    // Standard errors for the normal and the Gumbel: means ≤ 1.28/√n = 0.003, variances ≤ √(18/n)
    // = 0.01 (the kurtosis of the Gumbel is 5.4).
    let (mean, variance) = moments(standard_normal);
    assert!(mean.abs() < 0.012 && (variance - 1.0).abs() < 0.02, "{mean} {variance}");
    for draw in
        [|rng: &mut ChaCha8Rng| gumbel(uniform(rng)), |rng: &mut ChaCha8Rng| gumbel(open_uniform(rng))]
    {
        let (mean, variance) = moments(draw);
        // Mean γ (Euler's constant) and variance π²/6.
        assert!((mean - 0.577_216).abs() < 0.015 && (variance - 1.644_934).abs() < 0.05, "{mean} {variance}");
    }
    let (mean, variance) = moments(|rng| index_below(rng, 10) as f64);
    // Mean (n−1)/2 and variance (n²−1)/12.
    assert!((mean - 4.5).abs() < 0.033 && (variance - 8.25).abs() < 0.1, "{mean} {variance}");
}

#[test]
fn a_uniform_draw_is_the_one_of_rand() {
    let draw = || keyed_rng(3, 1, Purpose::Data);
    let (mut ours, mut theirs) = (draw(), draw());
    assert!((0..1000).all(|_| uniform(&mut ours) == theirs.random::<f64>()));
}

#[test]
fn a_gumbel_draw_is_finite_at_the_ends() {
    assert!([0.0, f64::MIN_POSITIVE, 1.0 - f64::EPSILON / 2.0].into_iter().all(|u| gumbel(u).is_finite()));
}
