//! Samplers checked against a model.

use vmd_core::Problem;
use vmd_denoiser::Denoiser;
use vmd_model::{Conditioned, VmdModel};
use vmd_sampler::{Method, Predictor, Sampler, SamplerConfig};

use crate::TaskError;

/// Checks that `method` can generate whole sequences of `model`.
///
/// # Errors
///
/// [`TaskError::Sampler`] with all incompatibilities.
pub fn check_method(model: &VmdModel, method: &Method) -> Result<(), TaskError> {
    if model.config().is_causal() && model.denoiser().parent_head().is_some() {
        return Err(TaskError::Sampler(
            "this model is causal and has a parent head; such a model can only write text".into(),
        ));
    }
    check(method, model)
}

/// A sampler that fills whole sequences of `model`.
///
/// # Errors
///
/// As [`check_method`].
pub fn sequence_sampler(model: &VmdModel, config: &SamplerConfig) -> Result<Sampler, TaskError> {
    check_method(model, &config.clone().into())?;
    Ok(Sampler::new(config.clone()))
}

/// A sampler that writes texts of `model` block by block.
///
/// # Errors
///
/// [`TaskError::Sampler`] with all incompatibilities.
pub fn block_sampler(model: &VmdModel, config: &SamplerConfig) -> Result<Sampler, TaskError> {
    if config.best_of > 1 {
        return Err(TaskError::Sampler(
            "best_of needs rules that samples can be checked against, and these data have none; set it to 1"
                .into(),
        ));
    }
    check(&config.clone().into(), &Conditioned::next_block(model, None))?;
    Ok(Sampler::new(config.clone()))
}

/// Checks the method against the predictor.
fn check(method: &Method, driven: &dyn Predictor) -> Result<(), TaskError> {
    match method.problems_with(driven).as_slice() {
        [] => Ok(()),
        problems => Err(TaskError::Sampler(Problem::joined(problems))),
    }
}
