//! Attention within ranges and rotary positions, compared with the composed operations in double
//! precision and with each other.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use burn::tensor::{Device, Tensor};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use vmd_kernels::{HeadEdges, KeyRanges, Keys, Mask, RotaryTable, attention, context_attention, rotary};

use crate::common::{check, evaluate, random, with_narrower_vectors};

/// Ranges of all kinds: no or all earlier tokens, one or all new tokens.
fn ranges(past_len: usize, seq: usize) -> KeyRanges {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let mut range = |least: usize, n: usize| {
        let start = rng.random_range(0..=n - least);
        start..rng.random_range(start + least..=n)
    };
    KeyRanges::new(past_len, (0..seq).map(|_| Keys { past: range(0, past_len), own: range(1, seq) }))
}

#[test]
fn keys_within_ranges() {
    // Tiles have 48 queries; the sizes lie on both sides.
    for [batch, past_len, seq, heads, channels] in [
        [1, 0, 1, 1, 1],
        [2, 0, 5, 2, 3],
        [2, 7, 5, 2, 4],
        [1, 100, 49, 3, 8],
        [3, 33, 130, 2, 16],
        [2, 96, 96, 4, 32],
    ] {
        let width = heads * channels;
        let ranges = ranges(past_len, seq);
        if past_len == 0 {
            let alone = |x: &[Tensor<3>]| context_attention(x[0].clone() * 3.0, None, heads, &ranges);
            check(alone, &[[batch, seq, 3 * width]], 5e-6);
            continue;
        }
        for past_channels in [2 * width, 3 * width] {
            let after =
                |x: &[Tensor<3>]| context_attention(x[0].clone() * 3.0, Some(x[1].clone()), heads, &ranges);
            check(after, &[[batch, seq, 3 * width], [batch, past_len, past_channels]], 5e-6);
        }
    }
}

#[test]
fn full_ranges_are_full_attention() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let x = [random(&mut rng, [2, 60, 24])];
    let all = KeyRanges::new(0, (0..60).map(|_| Keys { past: 0..0, own: 0..60 }));
    let ranged = evaluate(&|x| context_attention(x[0].clone(), None, 2, &all), &x, false);
    let full = evaluate(&|x| attention(x[0].clone(), 2, None), &x, false);
    for (ranged, full) in ranged.iter().flatten().zip(full.iter().flatten()) {
        assert!((ranged - full).abs() < 1e-5, "{ranged} and {full}");
    }
}

#[test]
fn what_came_before_is_as_good_as_what_is_there() {
    // The last 10 of 30 tokens, with the others as earlier or as new tokens.
    let device = Device::flex();
    let qkv = Tensor::<3>::from_data(random(&mut ChaCha8Rng::seed_from_u64(2), [2, 30, 24]), &device);
    let looks = |query: usize| (0..30).map(move |key| key <= query).collect::<Vec<_>>();
    let edges = HeadEdges::new(30, vec![Some((0..30).flat_map(looks).collect()); 2]);
    let bias = edges.bias(&device);
    let whole = attention(qkv.clone(), 2, Some(Mask { edges: &edges, bias: Some(&bias) })).narrow(1, 20, 10);
    let causal = KeyRanges::new(20, (0..10).map(|query| Keys { past: 0..20, own: 0..query + 1 }));
    let (past, own) = (qkv.clone().narrow(1, 0, 20), qkv.narrow(1, 20, 10));
    let after = context_attention(own, Some(past), 2, &causal);
    let largest = (whole - after).abs().max().into_scalar::<f32>();
    assert!(largest < 1e-5, "{largest}");
}

#[test]
#[should_panic(expected = "keys 3..6 of 5")]
fn ranges_end_with_their_tokens() {
    let _ = KeyRanges::new(5, [Keys { past: 3..6, own: 0..1 }]);
}

#[test]
fn rotary_positions() {
    for [batch, seq, heads, channels] in [[1, 1, 1, 2], [2, 5, 2, 4], [3, 81, 4, 32]] {
        let table = RotaryTable::new(7..7 + seq, channels);
        let f = |x: &[Tensor<3>]| rotary(x[0].clone(), heads, &table);
        check(f, &[[batch, seq, 3 * heads * channels]], 2e-6);
    }
}

#[test]
fn scores_of_turned_queries_and_keys_depend_on_distances_alone() {
    let device = Device::flex();
    let qkv = Tensor::<3>::from_data(random(&mut ChaCha8Rng::seed_from_u64(4), [1, 9, 48]), &device);
    let at =
        |first: usize| attention(rotary(qkv.clone(), 2, &RotaryTable::new(first..first + 9, 8)), 2, None);
    let largest = (at(0) - at(10_000)).abs().max().into_scalar::<f32>();
    // Angles are computed in double precision, so large positions add no error beyond the rounding
    // of cosines and sines to single precision.
    assert!(largest < 1e-5, "{largest}");
    assert!((at(0) - attention(qkv.clone(), 2, None)).abs().max().into_scalar::<f32>() > 1e-2);
}

#[test]
fn other_instructions() {
    with_narrower_vectors("context::");
}
