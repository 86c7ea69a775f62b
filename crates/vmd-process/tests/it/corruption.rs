//! Tests of the forward corruption.

use proptest::prelude::*;
use vmd_core::{Purpose, keyed_rng, uniform};
use vmd_process::{NoiseSchedule, corrupt};

const MASK: u32 = 10;

fn draws(seed: u64, n: usize) -> Vec<f64> {
    let mut rng = keyed_rng(seed, 0, Purpose::Mask);
    (0..n).map(|_| uniform(&mut rng)).collect()
}

fn n_masked(xt: &[u32]) -> usize {
    xt.iter().filter(|&&token| token == MASK).count()
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
    // Five standard errors √(p(1−p)/n) = 1.6e-3.
    assert!((share - schedule.mask_ratio(0.3)).abs() < 8e-3, "{share}");
}
