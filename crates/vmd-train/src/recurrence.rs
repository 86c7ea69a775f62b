//! Training through a part of a trunk's loops.

use serde::{Deserialize, Serialize};
use vmd_core::{Problem, Purpose, index_below, keyed_rng};
use vmd_model::{ModelConfig, TrainedLoops};
use vmd_nn::Loops;

/// Loops in training: in every step a number between `tracked` and the trunk's own, all equally likely, so that the network
/// gets better with every loop and can be run with more of them. Gradients go through the last ones alone, which costs a third
/// for those before.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recurrence {
    /// Loops that gradients go through.
    pub tracked: usize,
    /// Share of the loss after the tracked loops before the last one.
    #[serde(default = "half")]
    pub early_share: f64,
}

impl Recurrence {
    /// The loops of training step `step` of a trunk with `loops`.
    pub(crate) fn draw(&self, loops: usize, seed: u64, step: u64) -> TrainedLoops {
        let more = index_below(&mut keyed_rng(seed, step, Purpose::Loops), loops + 1 - self.tracked);
        let loops = Loops { run: self.tracked + more, tracked: self.tracked };
        TrainedLoops { loops, early_share: self.early_share }
    }

    /// What is wrong with it for `model`; the key is relative to `train`.
    pub fn problem_on(&self, model: &ModelConfig) -> Option<Problem> {
        if model.causal {
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
