//! Selection of the tokens that a step reveals.

use rand::Rng;
use vmd_core::{index_below, uniform};
use vmd_graph::DependencyGraph;
use vmd_process::{NoiseSchedule, reveal_probability, step_times};

use crate::evaluate::expected_time;
use crate::probabilities::{argmax, choose, entropy, softmax, two_largest};
use crate::row::Row;
use crate::{RemaskRule, RevealRule, RowPrediction, SamplerConfig};

/// The rules of a sampler, with all values that do not depend on the row precomputed.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    config: &'a SamplerConfig,
    schedule: NoiseSchedule,
    graph: Option<&'a DependencyGraph>,
    /// Steps per block.
    steps: usize,
    times: Vec<f64>,
    /// Probability that a step of the ancestral chain reveals a masked token.
    reveal: Vec<f64>,
}

impl<'a> Plan<'a> {
    pub(crate) fn new(
        config: &'a SamplerConfig,
        schedule: NoiseSchedule,
        graph: Option<&'a DependencyGraph>,
        steps: usize,
    ) -> Self {
        let times = step_times(steps);
        let reveal = times.windows(2).map(|pair| reveal_probability(&schedule, pair[1], pair[0])).collect();
        Self { config, schedule, graph, steps, times, reveal }
    }

    /// Chooses positions before the network is evaluated, for rules that allow it. Returns `None`
    /// for a row that reveals nothing in this step; it needs no evaluation.
    pub(crate) fn choose_early<'r>(&self, row: &'r mut Row, step: usize) -> Option<&'r mut Row> {
        row.chosen = match self.config.reveal {
            RevealRule::Ancestral => {
                let masked: Vec<usize> = row.masked().collect();
                masked.into_iter().filter(|_| uniform(&mut row.rng) < self.reveal[step]).collect()
            }
            RevealRule::RandomK => random_subset(row, row.counts[step]),
            _ => return Some(row).filter(|row| self.count(row, step) > 0),
        };
        Some(row).filter(|row| !row.chosen.is_empty())
    }

    /// The time input of the network.
    pub(crate) fn time(&self, row: &Row, step: usize) -> f64 {
        match self.config.reveal {
            RevealRule::Ancestral => self.times[step],
            // Other rules ignore the schedule.
            _ => expected_time(row, self.schedule),
        }
    }

    /// Reveals this step's tokens of `row` according to `prediction`, and masks the tokens in
    /// `row.taken_back`.
    pub(crate) fn reveal(&self, row: &mut Row, step: usize, prediction: RowPrediction<'_>) {
        let mut chosen = match self.config.reveal {
            RevealRule::Ancestral | RevealRule::RandomK => std::mem::take(&mut row.chosen),
            _ => self.choose_by_score(row, step, prediction),
        };
        let counts = self.config.reveal.counts_the_surest();
        if prediction.has_open_order() && counts && self.config.remask == RemaskRule::None {
            return self.reveal_surest(row, chosen.len(), prediction);
        }
        // Rules that rank tokens return them in descending order of score.
        let ranks = !matches!(self.config.reveal, RevealRule::Ancestral | RevealRule::RandomK);
        let reveal_order: Vec<u32> = match prediction.has_open_order() && !ranks {
            true => row.tokens.iter().map(|_| row.rng.next_u32()).collect(),
            false => Vec::new(),
        };
        prediction.sort(&mut chosen, &reveal_order);
        // Tokens revealed in this step so far.
        let mut given = vec![row.mask_token(); row.tokens.len()];
        for position in chosen {
            let logits = prediction.logits_given(position, &given);
            let value = choose(self.config.value, &logits, &mut row.rng);
            row.tokens[position] = value as u32;
            given[position] = value as u32;
        }
        row.mask_again();
    }

    /// Reveals `count` tokens one at a time: each time the one with the highest score given those
    /// before it.
    fn reveal_surest(&self, row: &mut Row, count: usize, prediction: RowPrediction<'_>) {
        let mut given = vec![row.mask_token(); row.tokens.len()];
        for _ in 0..count {
            let surest = row.masked().fold(None, |best: Option<usize>, i| match best {
                Some(best) if row.surety[best] >= row.surety[i] => Some(best),
                _ => Some(i),
            });
            let Some(position) = surest else { return };
            let logits = prediction.logits_given(position, &given);
            let value = choose(self.config.value, &logits, &mut row.rng) as u32;
            (row.tokens[position], given[position]) = (value, value);
            for i in prediction.tied_to(position).filter(|&i| row.is_masked(i)).collect::<Vec<_>>() {
                row.surety[i] = self.score(&softmax(&prediction.logits_given(i, &given), 1.0));
            }
        }
    }

    /// The tokens to reveal, in descending order of score. With `predict-remask`, also sets the
    /// tokens to mask again.
    fn choose_by_score(&self, row: &mut Row, step: usize, prediction: RowPrediction<'_>) -> Vec<usize> {
        let masked: Vec<usize> = row.masked().collect();
        for &i in &masked {
            row.surety[i] = self.score(&softmax(prediction.logits(i), 1.0));
        }
        if self.config.remask == RemaskRule::PredictRemask {
            let kept = row.counts[..=step].iter().sum();
            row.taken_back = rank(row, row.free.clone()).split_off(kept);
            return masked;
        }
        let mut ranked = rank(row, masked);
        match self.config.reveal {
            RevealRule::Threshold { tau } => {
                let sure = ranked.iter().take_while(|&&i| row.surety[i] >= tau).count();
                ranked.truncate(sure.max(1));
            }
            RevealRule::EntropyBound { gamma } => {
                let before_each = ranked.iter().scan(0.0, |sum, &i| {
                    let before = *sum;
                    *sum -= row.surety[i];
                    Some(before)
                });
                let within = before_each.take_while(|&before| before <= gamma).count();
                ranked.truncate(within.max(1));
            }
            RevealRule::IndependentSet if step + 1 == self.steps => {}
            RevealRule::IndependentSet => {
                let share = ranked.len().div_ceil(self.steps - step);
                ranked = self.independent(&ranked);
                ranked.truncate(share);
            }
            _ => ranked.truncate(self.count(row, step)),
        }
        ranked
    }

    /// Selects positions of `ranked` greedily such that no two are adjacent.
    fn independent(&self, ranked: &[usize]) -> Vec<usize> {
        let adjacent = |i, j| self.graph.is_some_and(|graph| graph.is_adjacent(i, j));
        ranked.iter().fold(Vec::new(), |mut taken, &i| {
            if taken.iter().all(|&j| !adjacent(i, j)) {
                taken.push(i);
            }
            taken
        })
    }

    /// Minimum number of tokens that this step reveals.
    fn count(&self, row: &Row, step: usize) -> usize {
        match self.config.reveal {
            RevealRule::Threshold { .. } | RevealRule::EntropyBound { .. } | RevealRule::IndependentSet => 1,
            _ => row.counts[step],
        }
    }

    /// Score of a token. Tokens with the highest scores are revealed first.
    fn score(&self, probabilities: &[f64]) -> f64 {
        match self.config.reveal {
            RevealRule::Margin => {
                let (first, second) = two_largest(probabilities);
                first - second
            }
            RevealRule::Entropy | RevealRule::EntropyBound { .. } => -entropy(probabilities),
            _ => probabilities[argmax(probabilities)],
        }
    }
}

/// Sorts `positions` by score, in descending order.
fn rank(row: &Row, mut positions: Vec<usize>) -> Vec<usize> {
    // Equal scores are sorted by position, so that the order is deterministic.
    positions.sort_by(|&a, &b| row.surety[b].total_cmp(&row.surety[a]).then(a.cmp(&b)));
    positions
}

/// Draws `count` of the masked positions; all subsets are equally likely.
fn random_subset(row: &mut Row, count: usize) -> Vec<usize> {
    let mut positions: Vec<usize> = row.masked().collect();
    let count = count.min(positions.len());
    for i in 0..count {
        let j = i + index_below(&mut row.rng, positions.len() - i);
        positions.swap(i, j);
    }
    positions.truncate(count);
    positions
}
