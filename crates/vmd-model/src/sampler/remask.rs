//! Which revealed tokens a step masks again.

use vmd_core::uniform;
use vmd_process::{NoiseSchedule, reveal_probability};

use super::{RemaskRule, Row, SamplerConfig};

/// The `ReMDM` chain of a grid (arXiv 2503.00307), step after step; without remasking the ancestral chain.
#[derive(Debug)]
pub(super) struct Chain {
    rule: RemaskRule,
    /// Probability with which each step reveals a masked token.
    pub reveal: Vec<f64>,
    /// Probability with which each step masks a revealed token again, before it is shared out by confidence.
    sigma: Vec<f64>,
}

impl Chain {
    pub(super) fn new(config: &SamplerConfig, schedule: &NoiseSchedule, times: &[f64]) -> Self {
        let steps = || times.windows(2).map(|pair| (pair[1], pair[0]));
        let sigma: Vec<f64> = steps().map(|(s, t)| sigma(config.remask, schedule, s, t)).collect();
        let reveal = steps().zip(&sigma).map(|((s, t), &sigma)| {
            let plain = reveal_probability(schedule, s, t);
            match config.remask {
                // (α(s) − (1 − σ)α(t))/(1 − α(t)), split so that the plain part keeps its digits.
                RemaskRule::Cap { .. } | RemaskRule::Rescale { .. } if sigma > 0.0 => {
                    (plain + sigma * schedule.alpha(t) / schedule.mask_ratio(t)).min(1.0)
                }
                // By confidence, a masked token has no share of σ.
                _ => plain,
            }
        });
        Self { rule: config.remask, reveal: reveal.collect(), sigma }
    }

    /// Whether this step or a later one can mask a token again.
    pub(super) fn remasks_from(&self, step: usize) -> bool {
        self.sigma.iter().skip(step).any(|&sigma| sigma > 0.0)
    }

    /// The tokens of `row` that this step masks again. Steps that cannot mask draw nothing, so that `σ = 0` is the
    /// ancestral sampler draw by draw.
    pub(super) fn take_back(&self, row: &mut Row, step: usize) -> Vec<usize> {
        let sigma = self.sigma[step];
        if sigma == 0.0 {
            return Vec::new();
        }
        let revealed: Vec<usize> = row.free.iter().copied().filter(|&i| !row.is_masked(i)).collect();
        let by_confidence = matches!(self.rule, RemaskRule::Confidence { .. });
        let weight = |row: &Row, i: usize| if by_confidence { (-row.surety[i]).exp() } else { 1.0 };
        let total = if by_confidence { revealed.iter().map(|&i| weight(row, i)).sum() } else { 1.0 };
        revealed
            .into_iter()
            .filter(|&i| {
                let share = weight(row, i) / total;
                uniform(&mut row.rng) < sigma * share
            })
            .collect()
    }
}

/// `σ` of a step from `t` to `s`; 0 for rules that do not follow the clock.
fn sigma(rule: RemaskRule, schedule: &NoiseSchedule, s: f64, t: f64) -> f64 {
    let (masked_at_s, alpha_t) = (schedule.mask_ratio(s), schedule.alpha(t));
    // 0/0 where one step does everything.
    let largest = if masked_at_s == 0.0 { 0.0 } else { (masked_at_s / alpha_t).min(1.0) };
    match rule {
        RemaskRule::None | RemaskRule::PredictRemask | RemaskRule::Backtrack => 0.0,
        RemaskRule::Cap { eta } => largest.min(eta),
        RemaskRule::Rescale { eta } | RemaskRule::Confidence { eta } => eta * largest,
    }
}
