//! How a model is trained.

use serde::{Deserialize, Serialize};

/// Optimiser, schedules and bookkeeping of a training run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainConfig {
    /// Optimiser steps.
    pub steps: u64,
    /// Sequences per step.
    pub batch_size: usize,
    /// Parts that a batch is split into; their gradients are averaged before the step. Saves memory.
    #[serde(default = "one")]
    pub accumulation: usize,
    /// Peak learning rate.
    pub learning_rate: f64,
    /// Steps over which the rate rises linearly from 0.
    #[serde(default = "default_warmup")]
    pub warmup_steps: u64,
    /// What the rate does after the warm-up.
    #[serde(default)]
    pub decay: LearningRateDecay,
    /// `AdamW`'s decay rates of the first and the second moment.
    #[serde(default = "default_betas")]
    pub betas: [f64; 2],
    /// Decoupled weight decay, on matrices only.
    #[serde(default)]
    pub weight_decay: f64,
    /// Global gradient norm above which gradients are scaled down.
    #[serde(default = "unit")]
    pub clip_norm: f64,
    /// Decay rate of the averaged weights that are evaluated and saved.
    #[serde(default = "default_ema")]
    pub ema_decay: f64,
    /// When the latent's KL counts.
    #[serde(default)]
    pub kl: KlSchedule,
    /// Steps between validations.
    #[serde(default = "default_every")]
    pub validate_every: u64,
    /// Held-out sequences per validation.
    #[serde(default = "default_validation")]
    pub validation_examples: usize,
    /// Steps between checkpoints.
    #[serde(default = "default_every")]
    pub checkpoint_every: u64,
}

/// Rise of `kl_weight` to 1, in shares of all steps.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KlSchedule {
    /// The weight until the rise begins. Above 0 it keeps a categorical posterior from being certain of a class
    /// before the other classes have been tried.
    #[serde(default)]
    pub initial: f64,
    /// Where the rise begins.
    pub from: f64,
    /// From here on the KL counts in full.
    pub to: f64,
}

impl Default for KlSchedule {
    fn default() -> Self {
        Self { initial: 0.0, from: 0.0, to: 0.3 }
    }
}

/// Course of the learning rate after the warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LearningRateDecay {
    /// Stays at its peak.
    Constant,
    /// Falls linearly to 0.
    Linear,
    /// Falls to 0 along half a cosine.
    #[default]
    Cosine,
}

fn one() -> usize {
    1
}
fn unit() -> f64 {
    1.0
}
fn default_warmup() -> u64 {
    200
}
fn default_betas() -> [f64; 2] {
    [0.9, 0.98]
}
fn default_ema() -> f64 {
    0.999
}
fn default_every() -> u64 {
    100
}
fn default_validation() -> usize {
    256
}

impl TrainConfig {
    /// Every problem, with the path of the key.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let counts = [
            ("steps", self.steps),
            ("batch_size", self.batch_size as u64),
            ("accumulation", self.accumulation as u64),
            ("validate_every", self.validate_every),
            ("validation_examples", self.validation_examples as u64),
            ("checkpoint_every", self.checkpoint_every),
        ];
        for (key, _) in counts.iter().filter(|(_, value)| *value == 0) {
            problems.push(format!("train.{key} is 0; set it to 1 or more"));
        }
        if self.accumulation > 0 && !self.batch_size.is_multiple_of(self.accumulation) {
            problems.push(format!(
                "train.batch_size = {} is not a multiple of train.accumulation = {}; change one of the two",
                self.batch_size, self.accumulation
            ));
        }
        let mut positive = |key: &str, value: f64| {
            if !(value.is_finite() && value > 0.0) {
                problems.push(format!("train.{key} = {value}; it must be above 0"));
            }
        };
        positive("learning_rate", self.learning_rate);
        positive("clip_norm", self.clip_norm);
        let rates = [("betas[0]", self.betas[0]), ("betas[1]", self.betas[1]), ("ema_decay", self.ema_decay)];
        for (key, value) in rates.iter().filter(|(_, value)| !(0.0..1.0).contains(value)) {
            problems.push(format!("train.{key} = {value}; it must be at least 0 and below 1"));
        }
        if !(self.weight_decay.is_finite() && self.weight_decay >= 0.0) {
            problems.push(format!("train.weight_decay = {}; it must be 0 or more", self.weight_decay));
        }
        let KlSchedule { initial, from, to } = self.kl;
        if !(0.0..=1.0).contains(&initial) {
            problems.push(format!("train.kl.initial = {initial}; it must lie in 0..1"));
        }
        if !(0.0 <= from && from <= to && to <= 1.0) {
            problems.push(format!("train.kl = {{ from = {from}, to = {to} }}; 0 ≤ from ≤ to ≤ 1 is needed"));
        }
        problems
    }
}
