//! Properties of schedules, reveal probabilities, grids and the KL multiplier.

use proptest::prelude::*;
use vmd_process::{
    NoiseSchedule, ReversePosterior, ScheduleError, TimeGrid, kl_multiplier, low_discrepancy_times,
    reveal_probability,
};

fn any_schedule() -> impl Strategy<Value = NoiseSchedule> {
    prop_oneof![
        Just(NoiseSchedule::Linear {}),
        Just(NoiseSchedule::Cosine {}),
        (0.3..4.0).prop_map(|exponent| NoiseSchedule::Polynomial { exponent }),
        (1e-4..0.5).prop_map(|epsilon| NoiseSchedule::LogLinear { epsilon }),
        prop::collection::vec((0.02..1.0, 0.02..1.0), 1..6).prop_map(piecewise),
    ]
}

/// Knots from arbitrary positive stretches of time and drops of alpha.
fn piecewise(stretches: Vec<(f64, f64)>) -> NoiseSchedule {
    let total = stretches.iter().fold((0.0, 0.0), |sum, s| (sum.0 + s.0, sum.1 + s.1));
    let mut knots = vec![(0.0, 1.0)];
    let mut at = (0.0, 1.0);
    for s in &stretches[..stretches.len() - 1] {
        at = (at.0 + s.0 / total.0, at.1 - s.1 / total.1);
        knots.push(at);
    }
    knots.push((1.0, 0.0));
    NoiseSchedule::PiecewiseLinear { knots }
}

fn any_grid() -> impl Strategy<Value = TimeGrid> {
    prop_oneof![Just(TimeGrid::Uniform {}), Just(TimeGrid::Cosine {})]
}

/// Three times in increasing order.
fn ordered_times() -> impl Strategy<Value = (f64, f64, f64)> {
    (0.0..0.3, 0.35..0.6, 0.65..=1.0)
}

proptest! {
    #[test]
    fn ends_are_exact_and_alpha_falls(schedule in any_schedule(), t in 0.0..0.99, gap in 0.001..0.01) {
        prop_assert_eq!(schedule.validate(), Ok(()));
        prop_assert_eq!(schedule.alpha(0.0), 1.0);
        prop_assert_eq!(schedule.alpha(1.0), 0.0);
        prop_assert_eq!(schedule.mask_ratio(0.0), 0.0);
        prop_assert_eq!(schedule.mask_ratio(1.0), 1.0);
        prop_assert!(schedule.alpha(t) > schedule.alpha(t + gap));
        // Two formulas for one number; a handful of roundings of numbers below 1.
        prop_assert!((schedule.alpha(t) + schedule.mask_ratio(t) - 1.0).abs() < 1e-14);
    }

    #[test]
    fn slope_is_the_finite_difference(schedule in any_schedule(), t in 0.05..0.95) {
        let h = 1e-6;
        // A central difference across a kink is meaningless.
        prop_assume!((schedule.d_alpha(t - h) - schedule.d_alpha(t + h)).abs() < 1e-3);
        let difference = (schedule.alpha(t + h) - schedule.alpha(t - h)) / (2.0 * h);
        // Rounding contributes 1e-16/h = 1e-10, curvature h²·α''' = 1e-9.
        prop_assert!((difference - schedule.d_alpha(t)).abs() < 1e-7, "{difference} {}", schedule.d_alpha(t));
    }

    #[test]
    fn inverse_undoes_alpha(schedule in any_schedule(), t in 0.05..=1.0, alpha in 0.0..=1.0) {
        // Where alpha is flat, a rounding of 1e-16 moves t by 1e-16/|slope|; |slope| > 1e-5 here.
        prop_assert!((schedule.inverse(schedule.alpha(t)) - t).abs() < 1e-9);
        prop_assert!((schedule.alpha(schedule.inverse(alpha)) - alpha).abs() < 1e-12);
    }

    #[test]
    fn elbo_weight_is_minus_slope_over_mask_ratio(schedule in any_schedule(), t in 0.0..=1.0) {
        prop_assert!(schedule.elbo_weight(t) >= 0.0);
        if t > 1e-3 {
            let plain = -schedule.d_alpha(t) / schedule.mask_ratio(t);
            prop_assert!((schedule.elbo_weight(t) - plain).abs() <= 1e-9 * (1.0 + plain));
        }
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
        // Geometric sum 1 + (1−r) + … + (1−r)^(n−1): another formula, exact to n roundings.
        let sum: f64 = (0..n).map(|i| (1.0 - r).powi(i as i32)).sum();
        prop_assert!((c - sum).abs() < 1e-8 * sum, "{c} {sum}");
    }

    #[test]
    fn grid_falls_from_one_to_zero(grid in any_grid(), schedule in any_schedule(), n in 1_usize..200) {
        let times = grid.times(n);
        prop_assert_eq!((times.len(), times[0], times[n]), (n + 1, 1.0, 0.0));
        prop_assert!(times.windows(2).all(|pair| pair[1] < pair[0]));
        let weights = grid.weights(&schedule, n);
        prop_assert_eq!((weights.len(), weights[n - 1]), (n, 1.0));
        prop_assert!(weights.iter().all(|r| *r > 0.0 && *r <= 1.0));
    }

    #[test]
    fn reveal_counts_sum_to_the_masked(grid in any_grid(), n_masked in 0_usize..300, n_steps in 1_usize..60) {
        let counts = grid.reveal_counts(n_masked, n_steps);
        prop_assert_eq!(counts.len(), n_steps);
        prop_assert_eq!(counts.iter().sum::<usize>(), n_masked);
        if n_masked >= n_steps {
            prop_assert!(counts.iter().all(|&count| count > 0));
        }
        if grid == (TimeGrid::Uniform {}) {
            prop_assert!(counts.iter().max().unwrap() - counts.iter().min().unwrap() <= 1);
        }
    }

    #[test]
    fn reverse_posterior_sums_to_one_and_composes(
        schedule in any_schedule(), (s, u, t) in ordered_times(), p in 0.0..=1.0, xt in 0_u32..3,
    ) {
        let p0 = [p, 1.0 - p];
        let direct = ReversePosterior::between(&schedule, s, t, 2).probabilities(xt, &p0);
        prop_assert!((direct.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        let first = ReversePosterior::between(&schedule, u, t, 2).probabilities(xt, &p0);
        let second = ReversePosterior::between(&schedule, s, u, 2);
        for (xs, expected) in direct.iter().enumerate() {
            let through: f64 = (0..3).map(|xu| first[xu] * second.probabilities(xu as u32, &p0)[xs]).sum();
            prop_assert!((through - expected).abs() < 1e-12);
        }
    }

    #[test]
    fn training_times_are_stratified(n in 1_usize..100, u in 0.0..1.0) {
        let times = low_discrepancy_times(n, u);
        prop_assert!(times.iter().all(|&t| t > 0.0 && t <= 1.0));
        let mean: f64 = times.iter().sum::<f64>() / n as f64;
        // The mean is u/n + (n−1)/(2n), plus 1/n if 0 became 1: within 1/n of a half.
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
fn cosine_grid_starts_slowly() {
    let counts = TimeGrid::Cosine {}.reveal_counts(16, 4);
    // 16·cos(π/8·i) = 14.8, 11.3, 6.1, 0, rounded.
    assert_eq!(counts, [1, 4, 5, 6]);
}

#[test]
fn weights_on_the_log_linear_schedule_certify_the_whole_chain() {
    // A single step must reveal everything: r(0, 1) = 1 needs α(1) = 0.
    let schedule = NoiseSchedule::LogLinear { epsilon: 1e-3 };
    assert_eq!(TimeGrid::Uniform {}.weights(&schedule, 1), [1.0]);
    // Away from t = 1 it is the schedule of the literature.
    assert!((schedule.alpha(0.5) - (1.0 - 0.999 * 0.5)).abs() < 1e-15);
}

#[test]
fn bad_parameters_are_named() {
    let bad = |knots: &[(f64, f64)]| NoiseSchedule::PiecewiseLinear { knots: knots.to_vec() }.validate();
    assert!(matches!(bad(&[]), Err(ScheduleError::KnotEnd { end: "first", .. })));
    assert!(matches!(bad(&[(0.0, 1.0)]), Err(ScheduleError::KnotEnd { end: "last", .. })));
    let flat = bad(&[(0.0, 1.0), (0.5, 1.0), (1.0, 0.0)]);
    assert!(matches!(flat, Err(ScheduleError::KnotOrder { index: 1, .. })));
    let nan = bad(&[(0.0, 1.0), (f64::NAN, 0.5), (1.0, 0.0)]);
    assert!(matches!(nan, Err(ScheduleError::KnotOrder { index: 1, .. })));
    for exponent in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(NoiseSchedule::Polynomial { exponent }.validate().is_err());
    }
    for epsilon in [0.0, 1.0, f64::NAN] {
        assert!(NoiseSchedule::LogLinear { epsilon }.validate().is_err());
    }
}

#[test]
fn config_round_trips_and_rejects_unknown_keys() {
    let parse = |text: &str| toml::from_str::<NoiseSchedule>(text);
    assert_eq!(parse("kind = \"linear\""), Ok(NoiseSchedule::default()));
    let text = "kind = \"piecewise_linear\"\nknots = [[0, 1], [0.5, 0.25], [1, 0]]";
    let schedule = parse(text).unwrap();
    assert_eq!(parse(&toml::to_string(&schedule).unwrap()), Ok(schedule));
    assert!(parse("kind = \"linear\"\nexponent = 2").is_err());
    assert!(parse("kind = \"polynomial\"\nexponent = 2.0\nepsilon = 0.1").is_err());
    assert!(toml::from_str::<TimeGrid>("kind = \"uniform\"\nn = 1").is_err());
}
