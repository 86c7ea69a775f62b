//! Which bound is trained, and for which sampler.

use serde::{Deserialize, Serialize};
use vmd_process::{NoiseSchedule, TimeGrid, kl_multiplier, reveal_probability};

use crate::Scope;

/// How the KL of a step-scope latent is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KlMultiplier {
    /// `c(n, r) = (1 − (1−r)^n)/r`: a bound for the sampler that reveals tokens independently.
    #[default]
    Budget,
    /// `c = 1` (VADD's DELBO, arXiv 2505.17384): certifies only a sampler that in each step reveals either
    /// everything or nothing. It is *not* a bound for the parallel sampler.
    Joint,
}

/// The training objective: a bound on `−log p(x0)` of a sampler that exists.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectiveConfig {
    /// Steps `T` of the ancestral sampler that is certified; absent for the continuous-time bound (`T → ∞`).
    #[serde(default)]
    pub steps: Option<usize>,
    /// Times of those steps.
    #[serde(default)]
    pub grid: TimeGrid,
    /// KL multiplier of the step scope.
    #[serde(default)]
    pub kl_multiplier: KlMultiplier,
    /// Share of the batch that is drawn fully masked. With `steps` set this is importance sampling and the
    /// objective stays a bound; without, it adds weight at `t = 1`.
    #[serde(default)]
    pub full_mask_share: f64,
}

impl Default for ObjectiveConfig {
    fn default() -> Self {
        Self {
            steps: None,
            grid: TimeGrid::default(),
            kl_multiplier: KlMultiplier::default(),
            full_mask_share: 0.0,
        }
    }
}

/// One drawn time with its weight.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct DrawnTime {
    /// Diffusion time of `xt`.
    pub t: f64,
    /// Factor on the reconstruction term; its expectation over the draw gives the bound.
    pub weight: f64,
    /// Reveal probability of the step, 0 in continuous time.
    pub reveal: f64,
}

impl ObjectiveConfig {
    /// Problems of the configuration, with the path of the key.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.steps == Some(0) {
            problems.push("objective.steps is 0; set it to 1 or more, or remove it".into());
        }
        if !(0.0..=1.0).contains(&self.full_mask_share) {
            problems
                .push(format!("objective.full_mask_share = {}; it must lie in 0..1", self.full_mask_share));
        }
        if self.full_mask_share == 1.0 && self.steps.is_some_and(|steps| steps > 1) {
            problems.push(
                "objective.full_mask_share = 1 never draws a later step, so that the objective is no bound; \
                 set it below 1, or steps to 1"
                    .into(),
            );
        }
        problems
    }

    /// Turns a uniform `t` and a uniform `v` into a time with its weight.
    ///
    /// In `T` steps the proposal is `q(k) = (1−f)/T + f·[k = T]` and the weight `r_k/q(k)`, so that the
    /// expectation is `Σ_k r_k·(…)` for every share `f` of fully masked sequences.
    pub(crate) fn draw(&self, t: f64, v: f64, schedule: &NoiseSchedule) -> DrawnTime {
        let full = v < self.full_mask_share;
        let Some(steps) = self.steps else {
            let t = if full { 1.0 } else { t };
            return DrawnTime { t, weight: schedule.elbo_weight(t), reveal: 0.0 };
        };
        let times = self.grid.times(steps);
        // `times` falls from t_T = 1 to t_0 = 0; index 0 is the fully masked end.
        let index = if full { 0 } else { steps - ((t * steps as f64).ceil() as usize).clamp(1, steps) };
        let reveal = reveal_probability(schedule, times[index + 1], times[index]);
        let uniform = (1.0 - self.full_mask_share) / steps as f64;
        let proposal = uniform + if index == 0 { self.full_mask_share } else { 0.0 };
        DrawnTime { t: times[index], weight: reveal / proposal, reveal }
    }

    /// Factor on the KL of one sequence, given the drawn time and its number of masked tokens.
    ///
    /// Sequence scope: 1, the latent is paid for once. Step scope: `weight · c(n, r)`.
    pub(crate) fn kl_factor(&self, scope: Scope, drawn: DrawnTime, n_masked: usize) -> f64 {
        match (scope, self.kl_multiplier) {
            (Scope::Sequence, _) => 1.0,
            (Scope::Step, KlMultiplier::Joint) => drawn.weight * f64::from(u8::from(n_masked > 0)),
            (Scope::Step, KlMultiplier::Budget) => drawn.weight * kl_multiplier(n_masked, drawn.reveal),
        }
    }
}
