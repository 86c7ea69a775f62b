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
    /// `c = 1` (VADD's DELBO, arXiv 2505.17384): as if each step revealed either everything or nothing. It is *not* a
    /// bound, of the parallel sampler or of any other: one that reveals all or nothing never sees the partly masked
    /// sequences that the objective is a mean over.
    Joint,
}

/// Steps of the samplers that are trained for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Budgets {
    /// One number of steps.
    One(usize),
    /// Several, of which every sequence draws one; each has its own bound.
    Several(Vec<usize>),
}

impl Budgets {
    /// The numbers of steps.
    pub fn all(&self) -> &[usize] {
        match self {
            Self::One(steps) => std::slice::from_ref(steps),
            Self::Several(steps) => steps,
        }
    }
}

/// The training objective: a bound on `−log p(x0)` of a sampler that exists.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectiveConfig {
    /// Steps `T` that the certified ancestral sampler takes for a block (for the sequence, if it is one block); absent
    /// for the continuous-time bound (`T → ∞`).
    #[serde(default)]
    pub steps: Option<Budgets>,
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
    /// Share of the batch that is trained without a latent (all zeros, no KL), half of it in continuous time. The same
    /// network then says what a latent can win at its number of steps, and what it has won.
    #[serde(default)]
    pub latent_free_share: f64,
    /// Share of the batch in which some tokens are given, a number of them that is uniform between none and all: for
    /// models that fill in what clues leave open, and for priors that see the clues.
    #[serde(default)]
    pub clue_share: f64,
}

impl Default for ObjectiveConfig {
    fn default() -> Self {
        Self {
            steps: None,
            grid: TimeGrid::default(),
            kl_multiplier: KlMultiplier::default(),
            full_mask_share: 0.0,
            latent_free_share: 0.0,
            clue_share: 0.0,
        }
    }
}

/// What is drawn for one sequence before its tokens are masked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Assignment {
    /// Steps of the sampler; `None` in continuous time.
    pub steps: Option<usize>,
    /// Whether the latent is left out.
    pub latent_free: bool,
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
        let steps = self.steps.as_ref().map_or(&[1][..], Budgets::all);
        if steps.is_empty() || steps.contains(&0) {
            problems.push("objective.steps is 0 or empty; set it to 1 or more, or remove it".into());
        }
        let shares = [
            ("full_mask_share", self.full_mask_share),
            ("latent_free_share", self.latent_free_share),
            ("clue_share", self.clue_share),
        ];
        for (key, share) in shares.iter().filter(|(_, share)| !(0.0..=1.0).contains(share)) {
            problems.push(format!("objective.{key} = {share}; it must lie in 0..1"));
        }
        if self.full_mask_share == 1.0 && steps.iter().any(|&steps| steps > 1) {
            problems.push(
                "objective.full_mask_share = 1 never draws a later step, so that the objective is no bound; \
                 set it below 1, or steps to 1"
                    .into(),
            );
        }
        problems
    }

    /// The same objective for one number of steps, without additions that only training needs.
    pub fn certified(&self, steps: Option<usize>) -> Self {
        Self {
            steps: steps.map(Budgets::One),
            full_mask_share: 0.0,
            latent_free_share: 0.0,
            clue_share: 0.0,
            ..self.clone()
        }
    }

    /// Every number of steps that is trained for; `None` is continuous time.
    pub fn budgets(&self) -> Vec<Option<usize>> {
        self.steps.as_ref().map_or(vec![None], |steps| steps.all().iter().map(|&n| Some(n)).collect())
    }

    /// Turns two uniform draws into a number of steps and whether the latent takes part.
    pub(crate) fn assign(&self, u: f64, v: f64) -> Assignment {
        let latent_free = v < self.latent_free_share;
        let steps = self.steps.as_ref().map(Budgets::all);
        let steps = steps.map(|steps| steps[(u * steps.len() as f64) as usize]);
        let continuous = latent_free && v < self.latent_free_share / 2.0;
        Assignment { steps: steps.filter(|_| !continuous), latent_free }
    }

    /// Turns a uniform `t` and a uniform `v` into a time with its weight.
    ///
    /// In `T` steps the proposal is `q(k) = (1−f)/T + f·[k = T]` and the weight `r_k/q(k)`, so that the
    /// expectation is `Σ_k r_k·(…)` for every share `f` of fully masked sequences.
    pub(crate) fn draw(&self, steps: Option<usize>, t: f64, v: f64, schedule: &NoiseSchedule) -> DrawnTime {
        let full = v < self.full_mask_share;
        let Some(steps) = steps else {
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

    /// Factor on one KL, given the drawn time and the number of masked tokens.
    ///
    /// Sequence and block scope: 1, the latent is paid for once. Step scope: `weight · c(n, r)`.
    pub(crate) fn kl_factor(&self, scope: Scope, drawn: DrawnTime, n_masked: usize) -> f64 {
        match (scope, self.kl_multiplier) {
            (Scope::Sequence | Scope::Block, _) => 1.0,
            (Scope::Step, KlMultiplier::Joint) => drawn.weight * f64::from(u8::from(n_masked > 0)),
            (Scope::Step, KlMultiplier::Budget) => drawn.weight * kl_multiplier(n_masked, drawn.reveal),
        }
    }
}
