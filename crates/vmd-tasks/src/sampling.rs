//! Samplers that fit a model.

use vmd_denoiser::Denoiser;
use vmd_model::{Conditioned, RemaskRule, Sampler, SamplerConfig, TokenPredictor, VmdModel};

use crate::TaskError;

/// Why a search is impossible where `judges_partial` says whether rules can be checked before a sequence is finished.
#[must_use]
pub fn search_problem(config: &SamplerConfig, judges_partial: bool) -> Option<String> {
    (config.remask == RemaskRule::Backtrack && !judges_partial).then(|| {
        "remask = backtrack asks whether a sequence breaks a rule before it is finished, and only Sudoku can tell; set it to none"
            .into()
    })
}

/// A sampler of whole sequences of `model`; `judges_partial` is whether the caller can check unfinished sequences, which a
/// search needs.
///
/// # Errors
///
/// [`TaskError::Sampler`] with everything that does not fit.
pub fn sequence_sampler(
    model: &VmdModel,
    config: &SamplerConfig,
    judges_partial: bool,
) -> Result<Sampler, TaskError> {
    if let Some(problem) = search_problem(config, judges_partial) {
        return Err(TaskError::Sampler(problem));
    }
    if model.config().causal && model.denoiser().parent_head().is_some() {
        return Err(TaskError::Sampler(
            "this model writes one block at a time, with tokens that have parents; such a model can only write text".into(),
        ));
    }
    fitting(model, config, model)
}

/// A sampler of one block after the other of `model`, as texts are written.
///
/// # Errors
///
/// [`TaskError::Sampler`] with everything that does not fit.
pub fn block_sampler(model: &VmdModel, config: &SamplerConfig) -> Result<Sampler, TaskError> {
    if let Some(problem) = search_problem(config, false) {
        return Err(TaskError::Sampler(problem));
    }
    if config.best_of > 1 {
        return Err(TaskError::Sampler(
            "best_of needs rules that a block could keep, and these data have none; set it to 1".into(),
        ));
    }
    fitting(model, config, &Conditioned::next_block(model, None))
}

/// The sampler, if it fits what it is to drive.
fn fitting(
    model: &VmdModel,
    config: &SamplerConfig,
    driven: &impl TokenPredictor,
) -> Result<Sampler, TaskError> {
    let sampler = Sampler::new(config.clone(), model.config().schedule.clone());
    match sampler.problems_with(driven).as_slice() {
        [] => Ok(sampler),
        problems => Err(TaskError::Sampler(problems.join("; "))),
    }
}
