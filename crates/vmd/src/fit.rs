//! Training on rows of tokens, without configuration files and run folders.

use std::sync::atomic::AtomicBool;

use burn::tensor::Device;
use vmd_core::{Problem, Validate};
use vmd_data::RowSource;
use vmd_model::{ModelConfig, ObjectiveConfig};
use vmd_train::{Observer, TrainConfig, Trainer, TrainerParts};

use crate::device::check_precision;
use crate::{Error, VariationalMaskedDiffusion};

/// Trains `model` on `rows` and returns it with its averaged weights.
///
/// Each row has `model.seq_len` tokens below `model.vocab`. Every tenth row is held out for
/// validation. Nothing is written to disk.
///
/// # Errors
///
/// [`Error::Usage`] with every problem of rows and configurations, or [`Error::Failure`] if the
/// loss is not finite.
pub fn fit(
    rows: &[Vec<u32>],
    model: &ModelConfig,
    objective: &ObjectiveConfig,
    train: &TrainConfig,
    seed: u64,
    device: &Device,
) -> Result<VariationalMaskedDiffusion, Error> {
    let parts = TrainerParts { model, objective, train, seed, device };
    fit_observed(rows, parts, &mut (), &AtomicBool::new(false))
}

/// Like [`fit`], but passes every metric to `observer` and stops early once `stop` is set.
///
/// # Errors
///
/// As [`fit`].
pub fn fit_observed(
    rows: &[Vec<u32>],
    parts: TrainerParts<'_>,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
) -> Result<VariationalMaskedDiffusion, Error> {
    check(&parts)?;
    let (training, validation) = RowSource::split(rows, parts.model.vocab, parts.seed)?;
    let (seq_len, expected) = (rows[0].len(), parts.model.seq_len);
    if seq_len != expected {
        return Err(Error::usage(format!(
            "rows have {seq_len} tokens, and the model's seq_len is {expected}; change one of the two"
        )));
    }
    let mut train = parts.train.clone();
    // More examples than held-out rows would repeat rows.
    train.validation_examples = train.validation_examples.min(validation.len());
    let mut trainer = Trainer::new(TrainerParts { train: &train, ..parts })?;
    trainer.run_in_memory(&training, &validation, observer, stop)?;
    Ok(VariationalMaskedDiffusion::from_model(trainer.averaged_model()))
}

fn check(parts: &TrainerParts<'_>) -> Result<(), Error> {
    let mut problems = parts.model.problems_under("model", ());
    problems.extend(parts.objective.problems_under("objective", ()));
    problems.extend(parts.train.problems_under("train", ()));
    if !problems.is_empty() {
        let problems = Problem::joined(&problems);
        return Err(Error::usage(format!("the configuration has problems: {problems}")));
    }
    check_precision(parts.model.precision(), parts.device)
}
