//! Configuration of training.

use serde::{Deserialize, Serialize};
use vmd_core::{Problem, Validate};

use crate::{Distill, Pretrained, Recurrence};

/// Optimiser, schedules and bookkeeping of a training run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainConfig {
    /// A trained model whose weights initialise this one, such as a masked diffusion model to which
    /// a latent is added.
    #[serde(default)]
    pub pretrained: Option<Pretrained>,
    /// Optimiser steps.
    pub steps: u64,
    /// Sequences per step.
    pub batch_size: usize,
    /// Number of parts that a batch is split into. Their gradients are averaged before the
    /// optimiser step, which saves memory.
    #[serde(default = "one")]
    pub accumulation: usize,
    /// Peak learning rate.
    pub learning_rate: f64,
    /// Steps over which the learning rate rises linearly from 0.
    #[serde(default = "default_warmup")]
    pub warmup_steps: u64,
    /// Learning-rate schedule after the warm-up.
    #[serde(default)]
    pub decay: LearningRateDecay,
    /// Distillation from a teacher.
    #[serde(default)]
    pub distill: Option<Distill>,
    /// Decoupled weight decay, on matrices only.
    #[serde(default)]
    pub weight_decay: f64,
    /// Decay rate of the averaged weights that are evaluated and saved.
    #[serde(default = "default_ema")]
    pub ema_decay: f64,
    /// Schedule of the KL weight.
    #[serde(default)]
    pub kl: KlSchedule,
    /// Share of all steps, from the start, in which the posterior is not trained. A posterior with
    /// large initial logits is a random code that the denoiser can learn to use. Before it has, the
    /// gradient of the posterior is noise that destroys the code.
    #[serde(default = "default_hold")]
    pub hold_posterior: f64,
    /// Factor on the learning rate of the prior's parameters, so that the prior follows the
    /// posterior.
    #[serde(default = "default_prior_rate")]
    pub prior_rate: f64,
    /// Trains through a part of the trunk's loops, with a loss after each of them.
    #[serde(default)]
    pub recurrence: Option<Recurrence>,
    /// A curriculum from easy to hard examples.
    #[serde(default)]
    pub curriculum: Option<Curriculum>,
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

/// Schedule of `kl_weight`: knots `[share of all steps, weight]`, with linear interpolation between
/// them, and constant before the first and after the last.
///
/// The last weight must be 1, so that the final objective is the bound. A weight above 0 from the
/// start prevents a categorical posterior from becoming certain of one class before it has tried
/// the others. With a weight above 1, the latent keeps only information that saves more than it
/// costs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KlSchedule(pub Vec<[f64; 2]>);

impl Default for KlSchedule {
    fn default() -> Self {
        Self(vec![[0.3, 0.2], [0.5, 1.0]])
    }
}

impl KlSchedule {
    /// The weight at `progress`, the share of all steps done.
    pub fn weight(&self, progress: f64) -> f64 {
        interpolate(&self.0, progress)
    }

    /// Whether the schedule has reached its final weight 1.
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

/// Gives a share of the tokens, as clues are given, which falls linearly to 0 at `until`.
/// Validation gives none.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Curriculum {
    /// Share of all steps after which no more tokens are given than by the objective.
    pub until: f64,
    /// Share of the tokens that are given at the start.
    pub given: f64,
}

impl Curriculum {
    /// Share of the tokens that are given after `progress`, a share of all steps.
    pub fn given_at(&self, progress: f64) -> f64 {
        self.given * (1.0 - progress / self.until).max(0.0)
    }

    fn is_valid(&self) -> bool {
        self.until > 0.0 && self.until <= 1.0 && (0.0..1.0).contains(&self.given)
    }
}

pub(crate) fn default_hold() -> f64 {
    0.1
}

pub(crate) fn default_prior_rate() -> f64 {
    3.0
}

/// The value at `progress` of a line through `knots`, constant outside.
fn interpolate(knots: &[[f64; 2]], progress: f64) -> f64 {
    let Some(next) = knots.iter().position(|knot| knot[0] > progress) else {
        return knots.last().map_or(0.0, |knot| knot[1]);
    };
    let [to, high] = knots[next];
    let Some([from, low]) = next.checked_sub(1).map(|last| knots[last]) else { return high };
    low + (high - low) * (progress - from) / (to - from)
}

/// Learning-rate schedule after the warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LearningRateDecay {
    /// Constant at the peak.
    Constant,
    /// Linear decay to 0.
    Linear,
    /// Decay to 0 along half a cosine.
    #[default]
    Cosine,
}

fn one() -> usize {
    1
}
pub(crate) fn default_warmup() -> u64 {
    200
}
pub(crate) fn default_ema() -> f64 {
    0.999
}
pub(crate) fn default_every() -> u64 {
    100
}
pub(crate) fn default_validation() -> usize {
    256
}

impl Validate for TrainConfig {
    type Context<'a> = ();

    fn problems(&self, (): ()) -> Vec<Problem> {
        let steps = [
            ("steps", self.steps),
            ("validate_every", self.validate_every),
            ("checkpoint_every", self.checkpoint_every),
        ];
        let sizes = [
            ("batch_size", self.batch_size),
            ("accumulation", self.accumulation),
            ("validation_examples", self.validation_examples),
        ];
        let mut problems: Vec<Problem> =
            Problem::zeros(steps.map(|(key, steps)| (key, usize::from(steps > 0))).into_iter().chain(sizes))
                .collect();
        if self.accumulation > 0 && !self.batch_size.is_multiple_of(self.accumulation) {
            let message = format!(
                "{} is not a multiple of accumulation = {}; change one of the two",
                self.batch_size, self.accumulation
            );
            problems.push(Problem::new("batch_size", message));
        }
        problems.extend(self.range_problems());
        problems.extend(self.distill.iter().flat_map(|distill| distill.problems_under("distill", ())));
        if self.curriculum.is_some_and(|curriculum| !curriculum.is_valid()) {
            let message = "it takes until above 0 and at most 1, and given at least 0 and below 1";
            problems.push(Problem::new("curriculum", message));
        }
        if !self.kl.is_valid() {
            let message = "it takes knots [share of steps, weight] with rising shares in 0..1 and weights of 0 or more, \
                           the last of them 1, as in [[0.0, 0.0], [0.3, 1.0]]";
            problems.push(Problem::new("kl", message));
        }
        problems
    }
}

impl TrainConfig {
    /// Numbers outside their ranges.
    fn range_problems(&self) -> impl Iterator<Item = Problem> {
        let shares = |value: f64| (0.0..1.0).contains(&value);
        let positive = |value: f64| value.is_finite() && value > 0.0;
        let (below_1, above_0) = ("must be at least 0 and below 1", "must be above 0");
        let checks = [
            ("learning_rate", self.learning_rate, positive(self.learning_rate), above_0),
            ("prior_rate", self.prior_rate, positive(self.prior_rate), above_0),
            ("ema_decay", self.ema_decay, shares(self.ema_decay), below_1),
            (
                "weight_decay",
                self.weight_decay,
                self.weight_decay.is_finite() && self.weight_decay >= 0.0,
                "must be 0 or more",
            ),
            ("hold_posterior", self.hold_posterior, shares(self.hold_posterior), below_1),
        ];
        let wrong = checks.into_iter().filter(|(_, _, is_valid, _)| !is_valid);
        wrong.map(|(key, value, _, range)| Problem::new(key, format!("{range}, not {value}")))
    }
}
