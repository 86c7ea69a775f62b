//! Which tokens a step reveals.

use vmd_process::{NoiseSchedule, index_below, reveal_probability, uniform};

use super::probabilities::{argmax, choose, entropy, softmax, two_largest};
use super::{RevealRule, Row, SamplerConfig, ValueRule};

/// A sampler's rules with everything that does not depend on the row worked out.
#[derive(Debug)]
pub(super) struct Plan {
    rule: RevealRule,
    value: ValueRule,
    times: Vec<f64>,
    reveal: Vec<f64>,
}

impl Plan {
    pub(super) fn new(config: &SamplerConfig, schedule: &NoiseSchedule) -> Self {
        let times = config.grid.times(config.nfe);
        let reveal = times.windows(2).map(|pair| reveal_probability(schedule, pair[1], pair[0])).collect();
        Self { rule: config.reveal, value: config.value, times, reveal }
    }

    /// Chooses positions where the rule needs no network for it; a row that reveals nothing in this step is
    /// left out, and costs nothing.
    pub(super) fn choose_early<'a>(&self, row: &'a mut Row, step: usize) -> Option<&'a mut Row> {
        row.chosen = match self.rule {
            RevealRule::Ancestral => {
                let masked: Vec<usize> = row.masked().collect();
                masked.into_iter().filter(|_| uniform(&mut row.rng) < self.reveal[step]).collect()
            }
            RevealRule::RandomK => {
                let masked = row.masked().collect();
                let count = row.counts[step];
                random_subset(masked, count, row)
            }
            _ => return Some(row).filter(|row| self.count(row, step) > 0),
        };
        Some(row).filter(|row| !row.chosen.is_empty())
    }

    /// The time that the network is told.
    pub(super) fn time(&self, row: &Row, step: usize, schedule: &NoiseSchedule) -> f64 {
        match self.rule {
            RevealRule::Ancestral => self.times[step],
            // These rules follow no clock; the time at which this share of tokens is expected to be masked.
            _ => schedule.inverse(1.0 - row.n_masked() as f64 / row.tokens.len() as f64),
        }
    }

    /// Reveals this step's tokens of `row`, given logits `[seq, vocab]`.
    pub(super) fn reveal(&self, row: &mut Row, step: usize, logits: &[f32], vocab: usize) {
        let of = |position: usize| &logits[position * vocab..(position + 1) * vocab];
        let chosen = match self.rule {
            RevealRule::Ancestral | RevealRule::RandomK => std::mem::take(&mut row.chosen),
            _ => {
                let mut scored: Vec<(f64, usize)> =
                    row.masked().map(|i| (self.score(&softmax(of(i), 1.0)), i)).collect();
                // Ties go to the left, so that the order is the same everywhere.
                scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
                let count = match self.rule {
                    RevealRule::Threshold { tau } => {
                        scored.iter().take_while(|(score, _)| *score >= tau).count().max(1)
                    }
                    _ => self.count(row, step),
                };
                scored.into_iter().take(count).map(|(_, i)| i).collect()
            }
        };
        for position in chosen {
            row.tokens[position] = choose(self.value, of(position), &mut row.rng) as u32;
        }
    }

    /// Tokens that this step reveals at the least.
    fn count(&self, row: &Row, step: usize) -> usize {
        match self.rule {
            RevealRule::Threshold { .. } => 1,
            _ => row.counts[step],
        }
    }

    /// How sure a token is; the largest scores are revealed first.
    fn score(&self, probabilities: &[f64]) -> f64 {
        match self.rule {
            RevealRule::Margin => {
                let (first, second) = two_largest(probabilities);
                first - second
            }
            RevealRule::Entropy => -entropy(probabilities),
            _ => probabilities[argmax(probabilities)],
        }
    }
}

/// `count` of `positions`, every subset equally likely.
fn random_subset(mut positions: Vec<usize>, count: usize, row: &mut Row) -> Vec<usize> {
    let count = count.min(positions.len());
    for i in 0..count {
        let j = i + index_below(&mut row.rng, positions.len() - i);
        positions.swap(i, j);
    }
    positions.truncate(count);
    positions
}
