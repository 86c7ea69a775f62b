//! Distillation from a teacher.

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

/// Training on a many-step teacher's completions of partly masked sequences instead of the data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Distill {
    /// Folder of the teacher or of its run.
    pub teacher: PathBuf,
    /// Steps of the teacher for a fully masked sequence. A partly masked sequence takes its share of them.
    pub steps: usize,
    /// The teacher's reveal rule. A rule other than the ancestral one treats the unmasked tokens as clues,
    /// and the number of steps left as its budget.
    #[serde(default)]
    pub reveal: RevealRule,
    /// The teacher's value rule.
    #[serde(default)]
    pub value: ValueRule,
    /// Source of the targets.
    #[serde(default)]
    pub targets: Targets,
}

/// Source of the targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Targets {
    /// The teacher, in all steps that are left.
    #[default]
    Teacher,
    /// The teacher runs half of the way to time 0, then the student's averaged weights complete the sequence,
    /// in the fewest steps that they are trained for from there. This makes the student's single steps
    /// consistent with the teacher followed by the student (`Di4C`, arXiv 2410.08709, with samples instead of
    /// its distances). If the student is trained for no steps from there, the teacher continues. A latent
    /// that is drawn once per sequence must depend on the given tokens (`latent.clues`); otherwise the
    /// student's part would not fit the teacher's part.
    Consistent,
}

impl Validate for Distill {
    type Context<'a> = ();

    fn problems(&self, (): ()) -> Vec<Problem> {
        let few = "it is 0; set it to the number of steps that the teacher needs";
        let half = "\"consistent\" needs the ancestral reveal rule; leave train.distill.reveal out";
        let relays = self.targets == Targets::Consistent && self.reveal != RevealRule::Ancestral;
        let problems = [("steps", self.steps == 0, few), ("targets", relays, half)];
        let wrong = problems.into_iter().filter(|(_, is_wrong, _)| *is_wrong);
        wrong.map(|(key, _, message)| Problem::new(key, message)).collect()
    }
}

impl Distill {
    /// The reason why a student of `model` cannot be trained on `objective`, if any; the key is relative to `train`.
    pub fn problem_on(&self, model: &ModelConfig, objective: &ObjectiveConfig) -> Option<Problem> {
        let is_blind = model.scope != Scope::Step
            && model.latent.as_ref().is_some_and(|l| l.clues.is_none() || objective.clue_share == 0.0);
        (self.targets == Targets::Consistent && is_blind).then(|| {
            let message = "\"consistent\" needs a student whose latent depends on the given tokens; \
                           set model.latent.clues and objective.clue_share, or model.scope = \"step\"";
            Problem::new("distill.targets", message)
        })
    }

    /// The teacher's sampler.
    fn sampler(&self, nfe: usize) -> SamplerConfig {
        SamplerConfig { nfe, reveal: self.reveal, value: self.value, ..SamplerConfig::default() }
    }
}

/// A loaded teacher.
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
    /// [`TrainError`] if it cannot be loaded or does not match the student.
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
                "teacher and student must have the same vocabulary and sequence length, and one block each";
            return Err(LoadError::because(&folder, reason).into());
        }
        let sampler = Sampler::new(config.sampler(config.steps));
        if let Some(problem) = sampler.problems_with(&model).into_iter().next() {
            return Err(LoadError::because(&folder, problem).into());
        }
        Ok(Self { model, config: config.clone() })
    }

    /// Fills the masked tokens of `batch` with the teacher's samples. With consistent targets `student`
    /// completes them, in one of the numbers of steps of `objective`.
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
        // The fewest steps of the student whose grid contains a time, if any.
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

/// A range of the steps of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Leg {
    steps: usize,
    range: Range<usize>,
}

/// Runs each row's range of steps on `xt` (`[rows, seq]`), with the sampler that `config` returns for a
/// number of steps.
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
            // Other rules ignore the schedule and fill all masked tokens in the steps that are left.
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

    /// Records its queries.
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
        // The first row runs from half of the way to the end, the second from the start to a quarter, the
        // third not at all.
        let xt = [vec![0, 1, 2, 0, 3, 3, 3, 3], vec![3; 8], vec![1, 3, 3, 3, 3, 3, 3, 3]].concat();
        let leg = |range| Leg { steps: 4, range };
        let mut rng = keyed_rng(1, 0, Purpose::Teacher);
        let ancestral = |nfe| SamplerConfig { nfe, ..SamplerConfig::default() };
        let after = run(&noted, &xt, &[leg(2..4), leg(0..1), leg(4..4)], ancestral, &mut rng);
        assert!(after[..8].iter().all(|&token| token < 3), "no mask is left at the end");
        assert!(after[8..16].contains(&3), "about two of eight tokens appear in a quarter");
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
