//! Training objectives.

use serde::{Deserialize, Serialize};
use vmd_core::{Problem, Validate};
use vmd_process::{NoiseSchedule, kl_multiplier, reveal_probability, step_times};
use vmd_sampler::{MAX_STEPS, Scope};

/// Numbers of sampling steps that a model is trained for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Budgets {
    /// One number of steps.
    One(usize),
    /// Several numbers of steps, each with its own bound. Every sequence draws one.
    Several(Vec<usize>),
}

impl From<usize> for Budgets {
    fn from(steps: usize) -> Self {
        Self::One(steps)
    }
}

impl From<Vec<usize>> for Budgets {
    fn from(steps: Vec<usize>) -> Self {
        Self::Several(steps)
    }
}

impl<const N: usize> From<[usize; N]> for Budgets {
    fn from(steps: [usize; N]) -> Self {
        Self::Several(steps.to_vec())
    }
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

/// A training objective: a bound on `−log p(x0)` of the ancestral sampler.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectiveConfig {
    /// Steps `T` per block of the ancestral sampler (per sequence, if that is one block); absent
    /// for the continuous-time bound (`T → ∞`).
    #[serde(default)]
    pub steps: Option<Budgets>,
    /// Share of the batch that is trained without a latent (all zeros, no KL), half of it in
    /// continuous time. The same network then gives the
    /// [`latent_headroom`](crate::BoundEstimate::latent_headroom) and the
    /// [`latent_savings`](crate::BoundEstimate::latent_savings).
    #[serde(default)]
    pub latent_free_share: f64,
    /// Share of the batch in which random tokens are given; their number is uniform from none to
    /// all. For models that complete sequences from clues, and for priors that depend on clues.
    #[serde(default)]
    pub clue_share: f64,
}

impl Default for ObjectiveConfig {
    fn default() -> Self {
        Self { steps: None, latent_free_share: 0.0, clue_share: 0.0 }
    }
}

impl ObjectiveConfig {
    /// The bound of a sampler of `steps` steps: one number, or several that one network is trained
    /// for.
    ///
    /// ```
    /// use vmd_model::ObjectiveConfig;
    /// assert_eq!(ObjectiveConfig::new(4).budgets(), [Some(4)]);
    /// assert_eq!(ObjectiveConfig::new([1, 2]).budgets(), [Some(1), Some(2)]);
    /// assert_eq!(ObjectiveConfig::default().budgets(), [None]); // continuous time
    /// ```
    pub fn new(steps: impl Into<Budgets>) -> Self {
        Self { steps: Some(steps.into()), ..Self::default() }
    }

    /// Sets the share of the batch that is trained without a latent.
    #[must_use]
    pub fn with_latent_free_share(mut self, latent_free_share: f64) -> Self {
        self.latent_free_share = latent_free_share;
        self
    }

    /// Sets the share of the batch in which random tokens are given.
    #[must_use]
    pub fn with_clue_share(mut self, clue_share: f64) -> Self {
        self.clue_share = clue_share;
        self
    }
}

/// Settings drawn for one sequence before its tokens are masked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Assignment {
    /// Steps of the sampler; `None` in continuous time.
    pub steps: Option<usize>,
    /// Whether the sequence is trained without its latent.
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

impl Validate for ObjectiveConfig {
    type Context<'a> = ();

    fn problems(&self, (): ()) -> Vec<Problem> {
        let mut problems = Vec::new();
        let steps = self.steps.as_ref().map_or(&[1][..], Budgets::all);
        if steps.is_empty() || steps.contains(&0) {
            problems.push(Problem::new("steps", "it is 0 or empty; set it to 1 or more, or remove it"));
        }
        if let Some(steps) = steps.iter().find(|&&steps| steps > MAX_STEPS) {
            problems.push(Problem::new("steps", format!("{steps} is more than {MAX_STEPS}; lower it")));
        }
        let shares = [("latent_free_share", self.latent_free_share), ("clue_share", self.clue_share)];
        let shares = shares.into_iter().filter(|(_, share)| !(0.0..=1.0).contains(share));
        problems
            .extend(shares.map(|(key, share)| Problem::new(key, format!("must lie in 0..=1, not {share}"))));
        problems
    }
}

impl ObjectiveConfig {
    /// The same objective for one number of steps, without the options that only training needs.
    pub fn certified(&self, steps: Option<usize>) -> Self {
        Self { steps: steps.map(Budgets::One), latent_free_share: 0.0, clue_share: 0.0 }
    }

    /// Every number of steps that is trained for; `None` is continuous time.
    pub fn budgets(&self) -> Vec<Option<usize>> {
        self.steps.as_ref().map_or(vec![None], |steps| steps.all().iter().map(|&n| Some(n)).collect())
    }

    /// Maps two uniform draws to a number of steps and to whether the latent is left out.
    pub(crate) fn assign(&self, u: f64, v: f64) -> Assignment {
        let latent_free = v < self.latent_free_share;
        let steps = self.steps.as_ref().map(Budgets::all);
        let steps = steps.map(|steps| steps[(u * steps.len() as f64) as usize]);
        let continuous = latent_free && v < self.latent_free_share / 2.0;
        Assignment { steps: steps.filter(|_| !continuous), latent_free }
    }

    /// Maps a uniform `t` to a time with its weight.
    ///
    /// With `T` steps, each step `k` is drawn with probability `1/T` and has the weight `r_k·T`.
    /// The expectation is then `Σ_k r_k·(…)`.
    pub(crate) fn draw(&self, steps: Option<usize>, t: f64, schedule: &NoiseSchedule) -> DrawnTime {
        let Some(steps) = steps else {
            return DrawnTime { t, weight: schedule.elbo_weight(t), reveal: 0.0 };
        };
        let times = step_times(steps);
        // `times` decreases from t_T = 1 to t_0 = 0; index 0 is the fully masked end.
        let index = steps - ((t * steps as f64).ceil() as usize).clamp(1, steps);
        let reveal = reveal_probability(schedule, times[index + 1], times[index]);
        let proposal = 1.0 / steps as f64;
        DrawnTime { t: times[index], weight: reveal / proposal, reveal }
    }

    /// Factor on one KL, given the drawn time and the number of masked tokens.
    ///
    /// Block scope: 1, because the latent is drawn once. Step scope:
    /// `weight · c(n, r)`.
    pub(crate) fn kl_factor(scope: Scope, drawn: DrawnTime, n_masked: usize) -> f64 {
        match scope {
            Scope::Block => 1.0,
            Scope::Step => drawn.weight * kl_multiplier(n_masked, drawn.reveal),
        }
    }
}
