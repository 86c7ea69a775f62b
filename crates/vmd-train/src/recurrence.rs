//! Training with a random number of loops.

use serde::{Deserialize, Serialize};
use vmd_core::{Problem, Purpose, index_below, keyed_rng};
use vmd_model::{ModelConfig, TrainedLoops};
use vmd_nn::Loops;

/// Random number of loops in training: uniform between `tracked` and the trunk's own number in each
/// step. The network then improves with each loop and can be run with more of them. Only the last
/// loops have gradients; a loop without gradients costs a third.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recurrence {
    /// Number of loops with gradients.
    pub tracked: usize,
    /// Weight of the loss after the tracked loops before the last one.
    #[serde(default = "half")]
    pub early_share: f64,
}

impl Recurrence {
    /// The loops of training step `step`, for a trunk with `loops`.
    pub(crate) fn draw(&self, loops: usize, seed: u64, step: u64) -> TrainedLoops {
        let more = index_below(&mut keyed_rng(seed, step, Purpose::Loops), loops + 1 - self.tracked);
        let loops = Loops { run: self.tracked + more, tracked: self.tracked };
        TrainedLoops { loops, early_share: self.early_share }
    }

    /// The reason why it cannot be used with `model`, if any. The key is relative to `train`.
    pub fn problem_on(&self, model: &ModelConfig) -> Option<Problem> {
        if model.is_causal() {
            return Some(Problem::new("recurrence", "it is not for causal models; leave it out"));
        }
        let loops = model.denoiser.trunk.loops;
        if !(1..=loops).contains(&self.tracked) {
            let message =
                format!("must lie in 1..={loops}, model.denoiser.trunk.loops, not {}", self.tracked);
            return Some(Problem::new("recurrence.tracked", message));
        }
        (!(0.0..1.0).contains(&self.early_share)).then(|| {
            let message = format!("must be at least 0 and below 1, not {}", self.early_share);
            Problem::new("recurrence.early_share", message)
        })
    }
}

fn half() -> f64 {
    0.5
}
