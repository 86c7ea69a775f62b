//! Samplers that fit a model.

use vmd_core::Problem;
use vmd_denoiser::Denoiser;
use vmd_model::{Conditioned, VmdModel};
use vmd_sampler::{Method, Predictor, Sampler, SamplerConfig};

use crate::TaskError;

/// Checks that `method` can fill whole sequences of `model`.
///
/// # Errors
///
/// [`TaskError::Sampler`] with everything that does not fit.
pub fn check_method(model: &VmdModel, method: &Method) -> Result<(), TaskError> {
    if model.config().causal && model.denoiser().parent_head().is_some() {
        return Err(TaskError::Sampler(
            "this model writes one block at a time, with tokens that have parents; such a model can only write text".into(),
        ));
    }
    check(method, model)
}

/// A sampler of whole sequences of `model`.
///
/// # Errors
///
/// As [`check_method`].
pub fn sequence_sampler(model: &VmdModel, config: &SamplerConfig) -> Result<Sampler, TaskError> {
    check_method(model, &config.clone().into())?;
    Ok(Sampler::new(config.clone()))
}

/// A sampler of one block after the other of `model`, as texts are written.
///
/// # Errors
///
/// [`TaskError::Sampler`] with everything that does not fit.
pub fn block_sampler(model: &VmdModel, config: &SamplerConfig) -> Result<Sampler, TaskError> {
    if config.best_of > 1 {
        return Err(TaskError::Sampler(
            "best_of needs rules that a block could keep, and these data have none; set it to 1".into(),
        ));
    }
    check(&config.clone().into(), &Conditioned::next_block(model, None))?;
    Ok(Sampler::new(config.clone()))
}

/// Whether the method fits what it is to drive.
fn check(method: &Method, driven: &dyn Predictor) -> Result<(), TaskError> {
    match method.problems_with(driven).as_slice() {
        [] => Ok(()),
        problems => Err(TaskError::Sampler(Problem::joined(problems))),
    }
}
