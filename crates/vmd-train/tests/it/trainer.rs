//! The training loop on a data set that is learned in seconds.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use burn::tensor::Device;
use vmd_core::DataSource;
use vmd_model::{ModelConfig, ObjectiveConfig};
use vmd_train::{MetricRecord, TrainConfig, TrainError, Trainer, TrainerParts};

/// Always `0, 1, 2`.
struct Constant;

impl DataSource for Constant {
    fn seq_len(&self) -> usize {
        3
    }

    fn vocab(&self) -> usize {
        3
    }

    fn fill(&self, _: u64, tokens: &mut [u32]) {
        tokens.copy_from_slice(&[0, 1, 2]);
    }
}

fn model() -> ModelConfig {
    toml::from_str("vocab = 3\nseq_len = 3\n[denoiser.trunk]\nwidth = 16\nlayers = 1\nheads = 2").unwrap()
}

fn train(learning_rate: f64) -> TrainConfig {
    toml::from_str(&format!(
        "steps = 60\nbatch_size = 16\nwarmup_steps = 1\nlearning_rate = {learning_rate:?}"
    ))
    .unwrap()
}

/// Reconstruction of each step, or the error that ended training.
fn run(train: &TrainConfig) -> Result<Vec<f64>, TrainError> {
    let (model, objective, device) = (model(), ObjectiveConfig::default(), Device::flex());
    let parts = TrainerParts { model: &model, objective: &objective, train, seed: 1, device: &device };
    let mut trainer = Trainer::new(parts)?;
    (0..train.steps)
        .map(|_| match trainer.train_step(&Constant)? {
            MetricRecord::Train { recon, .. } => Ok(recon),
            other => panic!("{other:?}"),
        })
        .collect()
}

#[test]
fn a_constant_is_learned() {
    let recon = run(&train(0.01)).unwrap();
    // At first each token costs ln 3.
    assert!((recon[0] - 3.0 * 3f64.ln()).abs() < 0.5, "{}", recon[0]);
    let end = recon[50..].iter().sum::<f64>() / 10.0;
    assert!(end < 0.1, "{end}");
}

#[test]
fn what_is_not_finite_stops_with_step_and_term() {
    let error = run(&train(1e30)).unwrap_err();
    let TrainError::NotFinite { step, term, .. } = &error else { panic!("{error}") };
    assert!(*step >= 2, "the first step is finite");
    let message = error.to_string();
    assert!(message.contains(&step.to_string()) && message.contains(*term), "{message}");
}
