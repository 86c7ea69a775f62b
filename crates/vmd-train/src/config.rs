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

/// `kl_weight` over training: knots `[share of all steps, weight]`, linear in between, constant outside. It ends at 1,
/// so that what training descends in the end is the bound. A weight above 0 from the start keeps a categorical
/// posterior from being certain of a class before the other classes have been tried; one above 1 leaves only what is
/// worth more than it costs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KlSchedule(pub Vec<[f64; 2]>);

impl Default for KlSchedule {
    fn default() -> Self {
        Self(vec![[0.0, 0.0], [0.3, 1.0]])
    }
}

impl KlSchedule {
    /// The weight after `progress`, a share of all steps.
    pub fn weight(&self, progress: f64) -> f64 {
        let Some(next) = self.0.iter().position(|knot| knot[0] > progress) else { return 1.0 };
        let [to, high] = self.0[next];
        let Some([from, low]) = next.checked_sub(1).map(|last| self.0[last]) else { return high };
        low + (high - low) * (progress - from) / (to - from)
    }

    /// Whether the weight has reached its final 1.
    pub fn is_over(&self, progress: f64) -> bool {
        self.0.iter().all(|knot| knot[0] <= progress)
    }

    fn is_valid(&self) -> bool {
        let inside =
            |knot: &[f64; 2]| (0.0..=1.0).contains(&knot[0]) && knot[1] >= 0.0 && knot[1].is_finite();
        self.0.last().is_some_and(|knot| knot[1] == 1.0)
            && self.0.iter().all(inside)
            && self.0.windows(2).all(|pair| pair[0][0] < pair[1][0])
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
        if !self.kl.is_valid() {
            problems.push(
                "train.kl takes knots [share of steps, weight] with rising shares in 0..1 and weights of 0 or more, \
                 the last of them 1, as in [[0.0, 0.0], [0.3, 1.0]]"
                    .into(),
            );
        }
        problems
    }
}
