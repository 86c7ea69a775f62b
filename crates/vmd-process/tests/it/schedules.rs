//! Tests of schedules, reveal probabilities, steps and the KL multiplier.

use proptest::prelude::*;
use vmd_process::{
    NoiseSchedule, kl_multiplier, low_discrepancy_times, reveal_counts, reveal_probability, step_times,
};

fn any_schedule() -> impl Strategy<Value = NoiseSchedule> {
    prop_oneof![Just(NoiseSchedule::Linear {}), Just(NoiseSchedule::Cosine {})]
}

/// Three times in increasing order.
fn ordered_times() -> impl Strategy<Value = (f64, f64, f64)> {
    (0.0..0.3, 0.35..0.6, 0.65..=1.0)
}

proptest! {
    #[test]
    fn ends_are_exact_and_alpha_falls(schedule in any_schedule(), t in 0.0..0.99, gap in 0.001..0.01) {
        prop_assert_eq!(schedule.alpha(0.0), 1.0);
        prop_assert_eq!(schedule.alpha(1.0), 0.0);
        prop_assert_eq!(schedule.mask_ratio(0.0), 0.0);
        prop_assert_eq!(schedule.mask_ratio(1.0), 1.0);
        prop_assert!(schedule.alpha(t) > schedule.alpha(t + gap));
        // Two formulas for the same number; they differ by a few rounding errors of numbers below
        // 1.
        prop_assert!((schedule.alpha(t) + schedule.mask_ratio(t) - 1.0).abs() < 1e-14);
    }

    #[test]
    fn inverse_undoes_alpha(schedule in any_schedule(), t in 0.05..=1.0, alpha in 0.0..=1.0) {
        // A relative rounding error of order 1e-16 in α moves t by 1e-16·α/|α'|, and α ≤ |α'| for
        // both schedules.
        prop_assert!((schedule.inverse(schedule.alpha(t)) - t).abs() < 1e-9);
        prop_assert!((schedule.alpha(schedule.inverse(alpha)) - alpha).abs() < 1e-12);
    }

    #[test]
    fn elbo_weight_is_minus_slope_over_mask_ratio(schedule in any_schedule(), t in 0.05..0.95) {
        let h = 1e-6;
        let slope = (schedule.alpha(t + h) - schedule.alpha(t - h)) / (2.0 * h);
        let weight = schedule.elbo_weight(t);
        // Rounding contributes 1e-16/h = 1e-10 to the slope, and curvature less; the mask ratio is
        // at least 0.05.
        prop_assert!((weight + slope / schedule.mask_ratio(t)).abs() < 1e-7, "{weight} {slope}");
    }

    #[test]
    fn elbo_weight_is_never_negative(schedule in any_schedule(), t in 0.0..=1.0) {
        prop_assert!(schedule.elbo_weight(t) >= 0.0);
    }

    #[test]
    fn staying_masked_chains(schedule in any_schedule(), (s, u, t) in ordered_times()) {
        let stays = |a, b| 1.0 - reveal_probability(&schedule, a, b);
        prop_assert!((stays(s, t) - stays(s, u) * stays(u, t)).abs() < 1e-12);
        prop_assert!((0.0..=1.0).contains(&stays(s, t)));
    }

    #[test]
    fn multiplier_lies_between_one_and_n(n in 1_usize..5000, exponent in -300.0..0.0) {
        let r = 10_f64.powf(exponent);
        let c = kl_multiplier(n, r);
        prop_assert!((1.0..=n as f64).contains(&c));
        // Reference: the geometric sum 1 + (1−r) + … + (1−r)^(n−1), exact up to n rounding errors.
        let sum: f64 = (0..n).map(|i| (1.0 - r).powi(i as i32)).sum();
        prop_assert!((c - sum).abs() < 1e-8 * sum, "{c} {sum}");
    }

    #[test]
    fn times_fall_from_one_to_zero_and_the_last_step_reveals_the_rest(schedule in any_schedule(), n in 1_usize..200) {
        let times = step_times(n);
        prop_assert_eq!((times.len(), times[0], times[n]), (n + 1, 1.0, 0.0));
        prop_assert!(times.windows(2).all(|pair| pair[1] < pair[0]));
        let reveal: Vec<f64> =
            times.windows(2).map(|pair| reveal_probability(&schedule, pair[1], pair[0])).collect();
        prop_assert!(reveal.iter().all(|r| *r > 0.0 && *r <= 1.0) && reveal[n - 1] == 1.0);
    }

    #[test]
    fn reveal_counts_sum_to_the_masked(n_masked in 0_usize..300, n_steps in 1_usize..60) {
        let counts = reveal_counts(n_masked, n_steps);
        prop_assert_eq!(counts.len(), n_steps);
        prop_assert_eq!(counts.iter().sum::<usize>(), n_masked);
        if n_masked >= n_steps {
            prop_assert!(counts.iter().all(|&count| count > 0));
        }
        prop_assert!(counts.iter().max().unwrap() - counts.iter().min().unwrap() <= 1);
    }

    #[test]
    fn training_times_are_stratified(n in 1_usize..100, u in 0.0..1.0) {
        let times = low_discrepancy_times(n, u);
        prop_assert!(times.iter().all(|&t| t > 0.0 && t <= 1.0));
        let mean: f64 = times.iter().sum::<f64>() / n as f64;
        // The mean is u/n + (n−1)/(2n), plus 1/n if 0 was replaced by 1: within 1/n of 0.5.
        prop_assert!((mean - 0.5).abs() <= 1.0 / n as f64 + 1e-12);
    }
}

#[test]
fn limits_of_the_multiplier() {
    assert_eq!(kl_multiplier(0, 0.3), 0.0);
    assert_eq!(kl_multiplier(7, 0.0), 7.0);
    assert_eq!(kl_multiplier(7, 1.0), 1.0);
    assert_eq!(kl_multiplier(7, f64::MIN_POSITIVE / 4.0), 7.0);
}

#[test]
fn zero_becomes_one_in_training_times() {
    assert_eq!(low_discrepancy_times(4, 0.0), [1.0, 0.25, 0.5, 0.75]);
}

#[test]
fn config_round_trips_and_rejects_unknown_keys() {
    let parse = |text: &str| toml::from_str::<NoiseSchedule>(text);
    assert_eq!(parse("kind = \"linear\""), Ok(NoiseSchedule::default()));
    let cosine = parse("kind = \"cosine\"").unwrap();
    assert_eq!(parse(&toml::to_string(&cosine).unwrap()), Ok(cosine));
    assert!(parse("kind = \"linear\"\nexponent = 2").is_err() && parse("kind = \"polynomial\"").is_err());
}
