//! Weights to start from.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use vmd_model::files::read;
use vmd_model::{LoadError, TrainableDenoiser, VmdModel, WEIGHTS, model_folder};
use vmd_nn::{load_parameters, named_parameters, parameters_from_safetensors};

use crate::TrainError;

/// Weights to start from: every parameter of that model has to be one of this model, with the same name and shape. What it
/// does not have starts as ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pretrained {
    /// Folder of the model, or of the run that made it.
    pub model: PathBuf,
    /// Whether its parameters stay as they are, and only the others are trained.
    #[serde(default)]
    pub frozen: bool,
}

/// `model` with the parameters of `pretrained`, and the names of those that stay as they are.
///
/// # Errors
///
/// [`TrainError`] when they cannot be read, do not fit, or leave nothing to train.
pub(crate) fn start_from<D: TrainableDenoiser>(
    pretrained: &Pretrained,
    model: VmdModel<D>,
) -> Result<(VmdModel<D>, BTreeSet<String>), TrainError> {
    let folder = model_folder(&pretrained.model);
    let file = folder.join(WEIGHTS);
    let saved =
        parameters_from_safetensors(&read(&file)?).map_err(|error| LoadError::because(&file, error))?;
    let frozen: BTreeSet<String> = saved.keys().filter(|_| pretrained.frozen).cloned().collect();
    let mut parameters = named_parameters(&model);
    parameters.extend(saved);
    // What this model does not have, or has in another shape, is refused here.
    let model = load_parameters(model, parameters).map_err(|error| LoadError::because(&file, error))?;
    if frozen.len() == named_parameters(&model).len() {
        let reason = "it has all parameters of this model, so that frozen there is nothing to train; set \
                      train.pretrained.frozen = false, or add a latent";
        return Err(LoadError::because(&folder, reason).into());
    }
    Ok((model, frozen))
}
