//! The learning rate schedule.

use crate::{LearningRateDecay, TrainConfig};

/// Learning rate of `step` (from 0).
pub fn learning_rate(config: &TrainConfig, step: u64) -> f64 {
    if step < config.warmup_steps {
        return config.learning_rate * (step + 1) as f64 / config.warmup_steps as f64;
    }
    let rest = config.steps.saturating_sub(config.warmup_steps).max(1);
    let progress = ((step - config.warmup_steps) as f64 / rest as f64).min(1.0);
    let factor = match config.decay {
        LearningRateDecay::Constant => 1.0,
        LearningRateDecay::Linear => 1.0 - progress,
        LearningRateDecay::Cosine => 0.5 * (1.0 + (std::f64::consts::PI * progress).cos()),
    };
    config.learning_rate * factor
}
