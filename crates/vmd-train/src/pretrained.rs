//! Pretrained weights.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use vmd_model::files::read;
use vmd_model::{LoadError, TrainableDenoiser, VmdModel, WEIGHTS, model_folder};
use vmd_nn::{load_parameters, named_parameters, parameters_from_safetensors};

use crate::TrainError;

/// Pretrained weights. Each parameter of the pretrained model must exist in this model with the
/// same name and shape. The other parameters are initialised as usual.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pretrained {
    /// Folder of the model or of its run.
    pub model: PathBuf,
    /// Whether the pretrained parameters stay fixed and only the others are trained.
    #[serde(default)]
    pub frozen: bool,
}

/// Loads the parameters of `pretrained` into `model` and returns the names of the frozen ones.
///
/// # Errors
///
/// [`TrainError`] if they cannot be read, do not fit, or leave nothing to train.
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
    // Fails on parameters that are unknown or have another shape.
    let model = load_parameters(model, parameters).map_err(|error| LoadError::because(&file, error))?;
    if frozen.len() == named_parameters(&model).len() {
        let reason = "it has all parameters of this model, so freezing it leaves nothing to train; set \
                      train.pretrained.frozen = false, or add a latent";
        return Err(LoadError::because(&folder, reason).into());
    }
    Ok((model, frozen))
}
