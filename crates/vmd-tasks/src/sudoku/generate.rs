//! Full grids from a model: novelty, uniformity and quality as puzzles.

use std::collections::{BTreeSet, HashSet};

use vmd_core::{DataSource, Purpose, keyed_rng};
use vmd_eval::{Figure, Record, mean_interval, wilson_interval};
use vmd_model::VmdModel;
use vmd_sampler::{Method, Request, SampleOutput};

use super::evaluate::check_model;
use super::{
    Fingerprint, Grid, Layout, SudokuRules, SudokuTask, fingerprint, is_consistent, make_puzzles,
    random_grid, test_digits,
};
use crate::{Observer, Recorder, Subject, Task, TaskError, check_method};

/// Draws `count` unconditional grids. Returns the valid ones and the raw samples.
#[must_use]
pub fn draw_grids(
    model: &VmdModel,
    method: &Method,
    layout: Layout,
    count: usize,
    seed: u64,
) -> (Vec<Grid>, SampleOutput) {
    let blank = vec![model.config().mask_token(); count * layout.cells()];
    let grid = |tokens: &[u32]| Grid::from_tokens(layout, tokens).ok().filter(is_consistent);
    let rules = SudokuRules::new(layout);
    let output = method.run(model, &Request::new(&blank, seed).checked(&rules), &mut ());
    (output.tokens.chunks_exact(layout.cells()).filter_map(grid).collect(), output)
}

/// Number of distinct grids.
#[must_use]
pub fn distinct(grids: &[Grid]) -> usize {
    grids.iter().map(Grid::cells).collect::<BTreeSet<_>>().len()
}

/// Settings of the generation and references for comparison.
#[derive(Debug)]
pub struct Generation<'a> {
    /// Sampling method.
    pub method: &'a Method,
    /// Number of grids.
    pub count: usize,
    /// Grids whose clue positions are used to make puzzles of the generated grids.
    pub patterns: &'a [Grid],
    /// Training grids of the model, if known.
    pub training: Option<TrainingGrids>,
    /// Seed of every draw.
    pub seed: u64,
}

impl SudokuTask {
    /// Draws full grids and measures them. Returns the valid ones.
    ///
    /// # Errors
    ///
    /// [`TaskError`] if the model or sampler does not fit, or `count` is 0.
    pub fn generate(
        &self,
        subject: &Subject<'_>,
        generation: &Generation<'_>,
        observer: &mut dyn Observer,
    ) -> Result<(Vec<Grid>, Vec<Record>), TaskError> {
        let &Generation { method, count, seed, .. } = generation;
        check_model(self, subject)?;
        if count == 0 {
            return Err(TaskError::Value { option: "count", problem: "must be 1 or more".into() });
        }
        check_method(subject.model, method)?;
        let mut recorder = Recorder::new(observer);
        let (grids, output) = draw_grids(subject.model, method, self.layout, count, seed);
        let dataset = format!("{} cells, unconditional", self.layout.cells());
        let provenance = subject.provenance(self.name(), &dataset, "samples", seed);
        let exact = |value: usize| Figure { n: grids.len(), ..Figure::exact(value as f64) };
        let fingerprints: Vec<Fingerprint> = grids.iter().map(fingerprint).collect();
        let classes: HashSet<&Fingerprint> = fingerprints.iter().collect();
        let mut figures = vec![
            ("valid_unconditional", wilson_interval(grids.len(), count)),
            ("mean_nfe_unconditional", mean_interval(&output.nfe_values())),
            ("distinct", exact(distinct(&grids))),
            ("distinct_up_to_symmetry", exact(classes.len())),
        ];
        if let Some(training) = &generation.training {
            let copied = training.copied(&fingerprints, self.layout, &mut recorder);
            figures.push(("copied", exact(copied)));
            figures.push(("training_grids", Figure::exact(training.seen as f64)));
        }
        figures.extend(self.quality(&grids, generation.patterns, seed));
        recorder.extend(&provenance, method, None, figures);
        Ok((grids, recorder.finish()))
    }

    /// Digit uniformity and puzzle quality, compared with random grids.
    fn quality(&self, grids: &[Grid], patterns: &[Grid], seed: u64) -> Vec<(&'static str, Figure)> {
        let mut figures = Vec::new();
        let mut rng = keyed_rng(seed, 0, Purpose::Evaluate);
        let random: Vec<Grid> = grids.iter().map(|_| random_grid(self.layout, &mut rng)).collect();
        let exact = |value: f64| Figure { n: grids.len(), ..Figure::exact(value) };
        if let Some(digits) = test_digits(grids, seed) {
            figures.push(("digits_chi_square", exact(digits.chi_square)));
            figures.push(("digits_chi_square_random", exact(digits.expected)));
            figures.push(("digits_p_value", exact(digits.p_value)));
        }
        if !patterns.is_empty() && !grids.is_empty() {
            let (ours, random) = (make_puzzles(grids, patterns), make_puzzles(&random, patterns));
            figures.push(("puzzles_unique", ours.unique));
            figures.push(("puzzles_human", ours.human));
            figures.push(("random_puzzles_unique", random.unique));
            figures.push(("random_puzzles_human", random.human));
        }
        figures
    }
}

/// Training data of a run. They do not include the data of models that it was initialised or
/// distilled from.
pub struct TrainingGrids {
    /// The training examples.
    pub source: Box<dyn DataSource>,
    /// Number of examples seen in training.
    pub seen: u64,
}

impl std::fmt::Debug for TrainingGrids {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TrainingGrids").field("seen", &self.seen).finish_non_exhaustive()
    }
}

impl TrainingGrids {
    /// How many of `fingerprints` belong to a training grid.
    fn copied(&self, fingerprints: &[Fingerprint], layout: Layout, recorder: &mut Recorder<'_>) -> usize {
        let drawn: HashSet<&Fingerprint> = fingerprints.iter().collect();
        if drawn.is_empty() {
            return 0;
        }
        let mut found = HashSet::new();
        let mut tokens = vec![0; layout.cells()];
        for index in 0..self.seen {
            self.source.fill(index, &mut tokens);
            let grid = Grid::from_tokens(layout, &tokens).expect("training examples are grids");
            found.extend(Some(fingerprint(&grid)).filter(|print| drawn.contains(print)));
            if index.is_multiple_of(1024) || index + 1 == self.seen {
                recorder.progress("looking for copies of training grids", index + 1, self.seen);
            }
        }
        fingerprints.iter().filter(|print| found.contains(print)).count()
    }
}

#[cfg(test)]
mod tests {
    use super::super::SudokuGrids;
    use super::*;

    #[test]
    fn grids_of_the_training_are_copies_and_others_are_not() {
        let layout = Layout::new(3, 3).unwrap();
        let grids = |seed| Box::new(SudokuGrids::new(layout, seed, HashSet::default()).unwrap());
        let print = |seed, index| {
            let mut tokens = vec![0; 81];
            grids(seed).fill(index, &mut tokens);
            // Relabel the digits.
            tokens.iter_mut().for_each(|digit| *digit = (*digit + 1) % 9);
            fingerprint(&Grid::from_tokens(layout, &tokens).unwrap())
        };
        let training = TrainingGrids { source: grids(1), seen: 10 };
        let drawn = [print(1, 0), print(1, 9), print(1, 9), print(1, 10), print(2, 0)];
        assert_eq!(training.copied(&drawn, layout, &mut Recorder::new(&mut ())), 3);
    }
}
