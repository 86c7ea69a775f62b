//! Distillation from a teacher.

use std::collections::BTreeMap;
use std::path::PathBuf;

use burn::tensor::Device;
use rand::Rng;
use serde::{Deserialize, Serialize};
use vmd_core::{Problem, Purpose, Validate, keyed_rng};
use vmd_model::{LoadError, LoadOptions, ModelConfig, TrainingBatch, VmdModel, load_model_dir, model_folder};
use vmd_sampler::{Predictor, RevealRule, Sampler, SamplerConfig};

use crate::TrainError;

/// Training on a many-step teacher's completions of partly masked sequences instead of the data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Distill {
    /// Folder of the teacher or of its run.
    pub teacher: PathBuf,
    /// Steps of the teacher for a fully masked sequence. A partly masked sequence takes its share
    /// of them.
    pub steps: usize,
    /// The teacher's reveal rule. A rule other than the ancestral one treats the unmasked tokens as
    /// clues, and the number of steps left as its budget.
    #[serde(default)]
    pub reveal: RevealRule,
}

impl Validate for Distill {
    type Context<'a> = ();

    fn problems(&self, (): ()) -> Vec<Problem> {
        let few = "it is 0; set it to the number of steps that the teacher needs";
        (self.steps == 0).then(|| Problem::new("steps", few)).into_iter().collect()
    }
}

impl Distill {
    /// The teacher's sampler.
    fn sampler(&self, nfe: usize) -> SamplerConfig {
        SamplerConfig { nfe, reveal: self.reveal, ..SamplerConfig::default() }
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
    pub(crate) fn load(config: &Distill, student: &ModelConfig, device: &Device) -> Result<Self, TrainError> {
        let folder = model_folder(&config.teacher);
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

    /// Fills the masked tokens of `batch` with the teacher's samples.
    pub(crate) fn complete(&self, batch: TrainingBatch, (seed, step): (u64, u64)) -> TrainingBatch {
        let mut rng = keyed_rng(seed, step, Purpose::Teacher);
        let n = self.config.steps;
        let left: Vec<usize> =
            batch.t.iter().map(|t| ((t * n as f64).round() as usize).clamp(1, n)).collect();
        let x0 = complete_rows(&self.model, &self.config, &batch.xt, &left, &mut rng);
        batch.with_examples(x0)
    }
}

/// Runs the last `left[row]` of the teacher's steps on each row of `xt` (`[rows, seq]`).
fn complete_rows(
    model: &dyn Predictor,
    config: &Distill,
    xt: &[u32],
    left: &[usize],
    rng: &mut impl Rng,
) -> Vec<u32> {
    let (n, seq) = (config.steps, model.seq_len());
    let mut rows_of: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (row, &left) in left.iter().enumerate() {
        rows_of.entry(left).or_default().push(row);
    }
    let mut after = xt.to_vec();
    for (left, rows) in rows_of.into_iter().rev() {
        let of_rows = |row: &usize| xt[row * seq..(row + 1) * seq].iter().copied();
        let open: Vec<u32> = rows.iter().flat_map(of_rows).collect();
        let sampler = match config.reveal {
            RevealRule::Ancestral => Sampler::new(config.sampler(n)).between(n - left..n),
            // Other rules ignore the schedule and fill all masked tokens in the steps that are left.
            _ => Sampler::new(config.sampler(left)),
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

    use rand::rngs::ChaCha8Rng;
    use vmd_process::NoiseSchedule;
    use vmd_sampler::{Prediction, Query, Scope};

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
            Scope::Block
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
    fn the_end_of_a_chain_is_told_the_times_and_the_budget_of_the_whole() {
        let noted = Noted::default();
        // The first row runs from half of the way to the end, the second from the start.
        let xt = [vec![0, 1, 2, 0, 3, 3, 3, 3], vec![3; 8]].concat();
        let mut rng = keyed_rng(1, 0, Purpose::Teacher);
        let config = Distill { teacher: PathBuf::new(), steps: 4, reveal: RevealRule::Ancestral };
        let after = complete_rows(&noted, &config, &xt, &[2, 4], &mut rng);
        assert!(after.iter().all(|&token| token < 3), "no mask is left at the end");
        assert_eq!(after[..4], xt[..4]);
        let calls = noted.0.borrow();
        assert!(calls.iter().all(|&(_, budget, _)| budget == 4), "{calls:?}");
        let times = |t: f64| calls.iter().filter(|call| call.0 == t).count();
        assert_eq!((times(1.0), times(0.75)), (1, 1), "only the second row has a first half: {calls:?}");
        assert!(times(0.5) == 2 && times(0.25) >= 1, "{calls:?}");
    }
}
