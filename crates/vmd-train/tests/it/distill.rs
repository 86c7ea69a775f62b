//! Distillation of a student from a teacher.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use std::path::Path;

use burn::tensor::Device;
use vmd_core::{DataSource, Purpose, Validate, index_below, keyed_rng};
use vmd_model::{ModelConfig, ObjectiveConfig, VmdModel, save_model_dir};
use vmd_sampler::{Sampler, SamplerConfig};
use vmd_tasks::synthetic::{SyntheticSet, SyntheticSource};
use vmd_train::{TrainConfig, TrainError, Trainer, TrainerParts};

const SET: SyntheticSet = SyntheticSet::PairsUniform;

/// Independent tokens: the student can learn pairs from its teacher only.
struct Independent;

impl DataSource for Independent {
    fn seq_len(&self) -> usize {
        2
    }

    fn vocab(&self) -> usize {
        10
    }

    fn fill(&self, index: u64, tokens: &mut [u32]) {
        let mut rng = keyed_rng(5, index, Purpose::Data);
        tokens.fill_with(|| index_below(&mut rng, 10) as u32);
    }
}

fn model(latent: bool) -> ModelConfig {
    let trunk = "{ width = 32, layers = 1, heads = 2 }";
    let mut text = format!("vocab = 10\nseq_len = 2\ndenoiser = {{ trunk = {trunk} }}\n");
    if latent {
        text += "[latent]\nfamily = { kind = \"categorical\", n_groups = 2, n_classes = 8 }\n";
        text += &format!("prior = {{ kind = \"autoregressive\" }}\nposterior = {{ trunk = {trunk} }}\n");
    }
    toml::from_str(&text).unwrap()
}

fn train(steps: u64, distill: &str) -> TrainConfig {
    toml::from_str(&format!(
        "steps = {steps}\nbatch_size = 64\nwarmup_steps = 10\nlearning_rate = 0.005\nema_decay = 0.95\n{distill}"
    ))
    .unwrap()
}

fn run(
    model: &ModelConfig,
    train: &TrainConfig,
    objective: &str,
    data: &dyn DataSource,
) -> Result<VmdModel, TrainError> {
    let (objective, device): (ObjectiveConfig, _) = (toml::from_str(objective).unwrap(), Device::flex());
    let mut trainer =
        Trainer::new(TrainerParts { model, objective: &objective, train, seed: 1, device: &device })?;
    for _ in 0..train.steps {
        trainer.train_step(data)?;
    }
    Ok(trainer.averaged_model())
}

/// Share of pairs among samples of `nfe` steps.
fn accuracy(model: &VmdModel, nfe: usize) -> f64 {
    const ROWS: usize = 2000;
    let sampler = Sampler::new(SamplerConfig { nfe, ..SamplerConfig::default() });
    let tokens = sampler.sample(model, &vec![10; 2 * ROWS], 3).tokens;
    tokens.chunks_exact(2).filter(|pair| SET.contains(pair)).count() as f64 / ROWS as f64
}

fn teacher(folder: &Path) -> VmdModel {
    let source = SyntheticSource { set: SET, seed: 3 };
    let teacher = run(&model(false), &train(400, ""), "", &source).unwrap();
    save_model_dir(&teacher, "", folder).unwrap();
    teacher
}

#[test]
fn a_student_does_in_one_step_what_its_teacher_does_in_many() {
    let folder = tempfile::tempdir().unwrap();
    let teacher = teacher(folder.path());
    // If both tokens are revealed in one step, the teacher is right in one of ten cases. With
    // sixteen steps, that has probability 1/16.
    let (one, many) = (accuracy(&teacher, 1), accuracy(&teacher, 16));
    assert!(one < 0.2 && many > 0.85, "{one} {many}");
    let student = |steps: usize, reveal: &str| {
        let distill = format!("distill = {{ teacher = {:?}, steps = {steps}{reveal} }}", folder.path());
        accuracy(&run(&model(true), &train(800, &distill), "steps = [1, 2]", &Independent).unwrap(), 1)
    };
    let found = student(16, "");
    assert!(found > 0.6, "{found}");
    // Rules that rank tokens reveal one token per step: two steps suffice.
    let found = student(2, ", reveal = \"entropy\"");
    assert!(found > 0.6, "{found}");
}

#[test]
fn a_teacher_of_other_sequences_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    teacher(folder.path());
    let distill = format!("distill = {{ teacher = {:?}, steps = 16 }}", folder.path());
    let other = ModelConfig { vocab: 9, ..model(true) };
    let message = run(&other, &train(1, &distill), "", &Independent).unwrap_err().to_string();
    assert!(message.contains("same vocabulary"), "{message}");
    assert!(!train(1, &distill.replace("16", "0")).problems(()).is_empty());
    let with = |more: &str| train(1, &distill.replace(" }", more)).problems(());
    assert_eq!(with(", reveal = \"margin\" }").len(), 0);
    let along = distill.replace(" }", ", reveal = \"independent-set\" }");
    let message = run(&model(true), &train(1, &along), "", &Independent).unwrap_err().to_string();
    assert!(message.contains("graph"), "{message}");
}
