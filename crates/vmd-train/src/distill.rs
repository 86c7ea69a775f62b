//! Examples that a teacher completes.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;

use burn::tensor::Device;
use rand::Rng;
use serde::{Deserialize, Serialize};
use vmd_core::{Problem, Purpose, Validate, keyed_rng};
use vmd_model::{
    LoadError, LoadOptions, ModelConfig, ObjectiveConfig, TrainableDenoiser, TrainingBatch, VmdModel,
    load_model_dir, model_folder,
};
use vmd_sampler::{Predictor, RevealRule, Sampler, SamplerConfig, Scope, ValueRule};

use crate::TrainError;

/// Learns from what a many-step teacher makes of partly masked sequences, instead of from the sequences.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Distill {
    /// Folder of the teacher, or of the run that made it.
    pub teacher: PathBuf,
    /// Steps in which the teacher fills a sequence that is masked throughout; one that is masked in part gets its share.
    pub steps: usize,
    /// The teacher's reveal rule: the one with which it is at its best. A rule other than the ancestral one starts from what
    /// is masked as from a puzzle, and a teacher that is told its budget is told the steps that are left.
    #[serde(default)]
    pub reveal: RevealRule,
    /// The teacher's value rule.
    #[serde(default)]
    pub value: ValueRule,
    /// Who completes a sequence.
    #[serde(default)]
    pub targets: Targets,
}

/// Who completes a sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Targets {
    /// The teacher, in all the steps that are left.
    #[default]
    Teacher,
    /// The teacher goes half of the way to time 0, and the student's averaged weights, with the fewest steps that they are
    /// trained for from there, the rest: what the student does at once is made consistent with the teacher followed by itself
    /// (`Di4C`, arXiv 2410.08709, with samples in place of its distances). Where the student is trained for no steps from there,
    /// the teacher goes on. A latent that is drawn once per sequence must see what is given (`latent.clues`): from a prior that
    /// does not, the student's rest would not fit the teacher's beginning.
    Consistent,
}

impl Validate for Distill {
    type Context<'a> = ();

    fn problems(&self, (): ()) -> Vec<Problem> {
        let few = "it is 0; set it to the steps at which the teacher is good";
        let half = "\"consistent\" lets the student take over half way, and only the ancestral rule has a half way; leave reveal out";
        let relays = self.targets == Targets::Consistent && self.reveal != RevealRule::Ancestral;
        let problems = [("steps", self.steps == 0, few), ("targets", relays, half)];
        let wrong = problems.into_iter().filter(|(_, is_wrong, _)| *is_wrong);
        wrong.map(|(key, _, message)| Problem::new(key, message)).collect()
    }
}

impl Distill {
    /// What a student of `model` that is trained on `objective` lacks, if anything; the key is relative to `train`.
    pub fn problem_on(&self, model: &ModelConfig, objective: &ObjectiveConfig) -> Option<Problem> {
        let is_blind = model.scope != Scope::Step
            && model.latent.as_ref().is_some_and(|l| l.clues.is_none() || objective.clue_share == 0.0);
        (self.targets == Targets::Consistent && is_blind).then(|| {
            let message =
                "\"consistent\" lets the student finish what the teacher has begun, and its latent, which is drawn once, \
                 must see that; set model.latent.clues and objective.clue_share, or model.scope = \"step\"";
            Problem::new("distill.targets", message)
        })
    }

    /// The teacher's sampler.
    fn sampler(&self, nfe: usize) -> SamplerConfig {
        SamplerConfig { nfe, reveal: self.reveal, value: self.value, ..SamplerConfig::default() }
    }
}

/// A teacher, loaded.
#[derive(Debug)]
pub(crate) struct Teacher {
    model: VmdModel,
    config: Distill,
}

impl Teacher {
    /// Loads the teacher of `config` for a student of `student`.
    ///
    /// # Errors
    ///
    /// [`TrainError`] when it cannot be loaded, or speaks of other sequences.
    pub(crate) fn load(
        config: &Distill,
        (student, objective): (&ModelConfig, &ObjectiveConfig),
        device: &Device,
    ) -> Result<Self, TrainError> {
        let folder = model_folder(&config.teacher);
        if let Some(problem) = config.problem_on(student, objective) {
            return Err(TrainError::Config { reason: problem.under("train").to_string() });
        }
        let model = load_model_dir(&folder, LoadOptions::default(), device)?;
        let of = |config: &ModelConfig| (config.vocab, config.seq_len);
        if of(model.config()) != of(student) || model.config().blocks * student.blocks != 1 {
            let reason =
                "a teacher and its student have the same vocabulary and sequence length, and one block each";
            return Err(LoadError::because(&folder, reason).into());
        }
        let sampler = Sampler::new(config.sampler(config.steps));
        if let Some(problem) = sampler.problems_with(&model).into_iter().next() {
            return Err(LoadError::because(&folder, problem).into());
        }
        Ok(Self { model, config: config.clone() })
    }

    /// `batch` with the masked tokens as the teacher fills them; `student` takes part where the targets are to be consistent,
    /// in one of the numbers of steps that `objective` trains for.
    pub(crate) fn complete<D: TrainableDenoiser>(
        &self,
        batch: TrainingBatch,
        objective: &ObjectiveConfig,
        student: impl FnOnce() -> VmdModel<D>,
        (seed, step): (u64, u64),
    ) -> TrainingBatch {
        let mut rng = keyed_rng(seed, step, Purpose::Teacher);
        let n = self.config.steps;
        let left = |t: f64| ((t * n as f64).round() as usize).clamp(1, n);
        let mut budgets: Vec<usize> = objective.budgets().into_iter().flatten().collect();
        budgets.sort_unstable();
        // The fewest steps of the student in whose grid a time lies, if there are any.
        let student_at = |t: f64| {
            let on_grid = |budget: &&usize| {
                let place = t * **budget as f64;
                place > 0.5 && (place - place.round()).abs() < 1e-9
            };
            budgets.iter().find(on_grid).copied()
        };
        let relays = |t: f64| match self.config.targets {
            Targets::Teacher => None,
            Targets::Consistent => student_at(0.5 * t),
        };
        let of_teacher = |&t: &f64| {
            let from = n - left(t);
            Leg { steps: n, range: from..if relays(t).is_some() { n - left(0.5 * t) } else { n } }
        };
        let legs: Vec<Leg> = batch.t.iter().map(of_teacher).collect();
        let config = |nfe| self.config.sampler(nfe);
        let mut x0 = run(&self.model, &batch.xt, &legs, config, &mut rng);
        if batch.t.iter().any(|&t| relays(t).is_some()) {
            let of_student = |&t: &f64| match relays(t) {
                Some(steps) => Leg { steps, range: steps - (0.5 * t * steps as f64).round() as usize..steps },
                None => Leg { steps: 1, range: 1..1 },
            };
            let legs: Vec<Leg> = batch.t.iter().map(of_student).collect();
            let config = |nfe| SamplerConfig { nfe, ..SamplerConfig::default() };
            x0 = run(&student(), &x0, &legs, config, &mut rng);
        }
        batch.with_examples(x0)
    }
}

/// A part of a chain: which of how many steps.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Leg {
    steps: usize,
    range: Range<usize>,
}

/// `xt` (`[rows, seq]`) after each row's part of a chain of the sampler that `config` makes of a number of steps.
fn run(
    model: &dyn Predictor,
    xt: &[u32],
    legs: &[Leg],
    config: impl Fn(usize) -> SamplerConfig,
    rng: &mut impl Rng,
) -> Vec<u32> {
    let seq = model.seq_len();
    let mut rows_of: BTreeMap<(usize, usize, usize), Vec<usize>> = BTreeMap::new();
    for (row, leg) in legs.iter().enumerate() {
        rows_of.entry((leg.steps, leg.range.start, leg.range.end)).or_default().push(row);
    }
    let mut after = xt.to_vec();
    for ((nfe, start, end), rows) in rows_of {
        let of_rows = |row: &usize| xt[row * seq..(row + 1) * seq].iter().copied();
        let open: Vec<u32> = rows.iter().flat_map(of_rows).collect();
        let sampler = match config(nfe) {
            config if config.reveal == RevealRule::Ancestral => Sampler::new(config).between(start..end),
            // Other rules ignore the schedule: they fill what is masked, in the steps that are left.
            _ => Sampler::new(config(end - start)),
        };
        let tokens = sampler.sample(model, &open, rng.next_u64()).tokens;
        for (&row, tokens) in rows.iter().zip(tokens.chunks_exact(seq)) {
            after[row * seq..(row + 1) * seq].copy_from_slice(tokens);
        }
    }
    after
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use rand_chacha::ChaCha8Rng;
    use vmd_process::NoiseSchedule;
    use vmd_sampler::{Prediction, Query};

    use super::*;

    /// Notes what it is told.
    #[derive(Default)]
    struct Noted(RefCell<Vec<(f64, usize, u32)>>);

    impl Predictor for Noted {
        fn vocab(&self) -> usize {
            3
        }

        fn seq_len(&self) -> usize {
            8
        }

        fn latent_scope(&self) -> Scope {
            Scope::Sequence
        }

        fn schedule(&self) -> NoiseSchedule {
            NoiseSchedule::default()
        }

        fn draw_latents(&self, _: &[usize], _: &[u32], _: &mut [&mut ChaCha8Rng]) -> Vec<f32> {
            Vec::new()
        }

        fn predict(&self, query: Query<'_>) -> Prediction {
            for (&t, xt) in query.t.iter().zip(query.xt.chunks_exact(8)) {
                self.0.borrow_mut().push((t, query.budget, xt[0]));
            }
            vec![0.0; query.xt.len() * 3].into()
        }
    }

    #[test]
    fn a_part_of_a_chain_is_told_the_times_and_the_budget_of_the_whole() {
        let noted = Noted::default();
        // The first row goes from half of the way to the end, the second from the start to a quarter, the third nowhere.
        let xt = [vec![0, 1, 2, 0, 3, 3, 3, 3], vec![3; 8], vec![1, 3, 3, 3, 3, 3, 3, 3]].concat();
        let leg = |range| Leg { steps: 4, range };
        let mut rng = keyed_rng(1, 0, Purpose::Teacher);
        let ancestral = |nfe| SamplerConfig { nfe, ..SamplerConfig::default() };
        let after = run(&noted, &xt, &[leg(2..4), leg(0..1), leg(4..4)], ancestral, &mut rng);
        assert!(after[..8].iter().all(|&token| token < 3), "nothing is left at the end");
        assert!(after[8..16].contains(&3), "of eight tokens about two appear in a quarter");
        assert_eq!(after[16..], xt[16..]);
        assert_eq!(after[..4], xt[..4]);
        for &(t, budget, first) in noted.0.borrow().iter() {
            assert_eq!(budget, 4);
            assert!(
                if first == 0 { [0.5, 0.25].contains(&t) } else { t == 1.0 && first == 3 },
                "{t} {first}"
            );
        }
    }
}
