//! Schedules and configurations.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use proptest::prelude::*;
use vmd_core::Validate;
use vmd_model::ModelConfig;
use vmd_train::{KlSchedule, LearningRateDecay, Recurrence, TrainConfig, learning_rate};

fn config() -> TrainConfig {
    toml::from_str("steps = 100\nbatch_size = 8\nlearning_rate = 0.5\nwarmup_steps = 10").unwrap()
}

#[test]
fn the_learning_rate_warms_up_and_decays() {
    for (decay, half, last) in [
        (LearningRateDecay::Constant, 0.5, 0.5),
        (LearningRateDecay::Linear, 0.25, 0.5 / 90.0),
        (LearningRateDecay::Cosine, 0.25, 0.25 * (1.0 + (std::f64::consts::PI * 89.0 / 90.0).cos())),
    ] {
        let config = TrainConfig { decay, ..config() };
        let rate = |step| learning_rate(&config, step);
        assert!((rate(0) - 0.05).abs() < 1e-12 && (rate(4) - 0.25).abs() < 1e-12);
        assert!((rate(9) - 0.5).abs() < 1e-12 && (rate(10) - 0.5).abs() < 1e-12);
        assert!((rate(55) - half).abs() < 1e-12, "{decay:?}: {}", rate(55));
        assert!((rate(99) - last).abs() < 1e-12, "{decay:?}: {}", rate(99));
    }
}

proptest! {
    #[test]
    fn the_learning_rate_stays_between_zero_and_its_peak(
        steps in 1u64..500, warmup_steps in 0u64..600, step in 0u64..1000, which in 0usize..3,
    ) {
        let decay = [LearningRateDecay::Constant, LearningRateDecay::Linear, LearningRateDecay::Cosine][which];
        let config = TrainConfig { steps, warmup_steps, decay, ..config() };
        let rate = learning_rate(&config, step);
        prop_assert!((0.0..=0.5).contains(&rate), "{rate}");
    }
}

#[test]
fn the_weight_of_the_kl_follows_its_knots() {
    let kl = KlSchedule(vec![[0.2, 0.5], [0.4, 1.5], [0.8, 1.0]]);
    for (progress, weight) in
        [(0.0, 0.5), (0.2, 0.5), (0.3, 1.0), (0.4, 1.5), (0.6, 1.25), (0.8, 1.0), (1.0, 1.0)]
    {
        assert!((kl.weight(progress) - weight).abs() < 1e-12, "{progress}: {}", kl.weight(progress));
        assert_eq!(kl.is_over(progress), progress >= 0.8);
    }
    let constant = KlSchedule(vec![[0.0, 1.0]]);
    assert!(constant.weight(0.0) == 1.0 && constant.is_over(0.0));
}

#[test]
fn every_problem_names_its_key() {
    assert!(config().problems(()).is_empty());
    let check = |change: fn(&mut TrainConfig), key: &str| {
        let mut config = config();
        change(&mut config);
        let problems = config.problems(());
        assert!(problems.len() == 1 && problems[0].key == key, "{key}: {problems:?}");
    };
    check(|c| c.steps = 0, "steps");
    check(|c| c.batch_size = 0, "batch_size");
    check(|c| c.accumulation = 0, "accumulation");
    check(|c| c.accumulation = 3, "batch_size");
    check(|c| c.learning_rate = -1.0, "learning_rate");
    check(|c| c.ema_decay = 1.5, "ema_decay");
    check(|c| c.weight_decay = -0.1, "weight_decay");
    check(|c| c.hold_posterior = 1.0, "hold_posterior");
    for knots in [
        vec![],
        vec![[0.0, 0.5]],
        vec![[0.5, 0.0], [0.2, 1.0]],
        vec![[0.0, -1.0], [0.5, 1.0]],
        vec![[1.5, 1.0]],
    ] {
        let config = TrainConfig { kl: KlSchedule(knots), ..config() };
        assert!(config.problems(()).iter().any(|problem| problem.key == "kl"), "{config:?}");
    }
}

#[test]
fn trained_loops_fit_the_trunk() {
    let recurrence = |tracked, early_share| Recurrence { tracked, early_share };
    let mut model: ModelConfig = toml::from_str(
        "vocab = 3\nseq_len = 4\n[denoiser.trunk]\nwidth = 8\nlayers = 1\nloops = 3\nheads = 1",
    )
    .unwrap();
    assert!(recurrence(3, 0.5).problem_on(&model).is_none());
    for (bad, key) in [
        (recurrence(0, 0.5), "tracked: must lie in 1..=3, model.denoiser.trunk.loops, not 0"),
        (recurrence(4, 0.5), "1..=3"),
        (recurrence(2, 1.0), "early_share: must be at least 0 and below 1, not 1"),
        (recurrence(2, f64::NAN), "early_share: must be at least 0 and below 1, not NaN"),
    ] {
        assert!(bad.problem_on(&model).is_some_and(|problem| problem.to_string().contains(key)), "{bad:?}");
    }
    model.blocks = 2;
    assert!(
        recurrence(3, 0.5).problem_on(&model).is_some_and(|problem| problem.to_string().contains("causal"))
    );
}
