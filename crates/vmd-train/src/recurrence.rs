//! Training with a random number of loops.

use serde::{Deserialize, Serialize};
use vmd_core::{Purpose, index_below, keyed_rng};
use vmd_model::{ModelConfig, TrainedLoops};
use vmd_nn::Loops;

/// Random number of loops in training: uniform between `tracked` and the trunk's own number in each step. The
/// network then improves with each loop and can be run with more of them. Only the last loops have gradients;
/// a loop without gradients costs a third.
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

    /// The reason why it cannot be used with `model`, if any.
    pub fn problem_on(&self, model: &ModelConfig) -> Option<String> {
        if model.causal {
            return Some("train.recurrence is not for causal models; leave it out".into());
        }
        let loops = model.denoiser.trunk.loops;
        if !(1..=loops).contains(&self.tracked) {
            let tracked = self.tracked;
            return Some(format!(
                "train.recurrence.tracked = {tracked}; it must lie in 1..={loops}, model.denoiser.trunk.loops"
            ));
        }
        (!(0.0..1.0).contains(&self.early_share)).then(|| {
            format!("train.recurrence.early_share = {}; it must be at least 0 and below 1", self.early_share)
        })
    }
}

fn half() -> f64 {
    0.5
}
