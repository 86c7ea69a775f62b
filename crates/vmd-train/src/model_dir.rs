//! Saving a model to one folder: `model.safetensors`, `config.json`, `README.md`.

use std::path::Path;

use vmd_model::{CONFIG, TrainableDenoiser, VmdModel, WEIGHTS};
use vmd_nn::{named_parameters, parameters_to_safetensors};

use crate::TrainError;
use crate::files::{create_folder, write_atomically};

/// Saves `model` to `folder` in the Hugging Face layout, with `card` as its `README.md`.
///
/// # Errors
///
/// [`TrainError::Io`].
pub fn save_model_dir<D: TrainableDenoiser>(
    model: &VmdModel<D>,
    card: &str,
    folder: &Path,
) -> Result<(), TrainError> {
    create_folder(folder)?;
    let config = serde_json::to_string_pretty(model.config()).expect("a configuration serialises");
    write_atomically(&folder.join(WEIGHTS), &parameters_to_safetensors(&named_parameters(model)))?;
    write_atomically(&folder.join(CONFIG), config.as_bytes())?;
    write_atomically(&folder.join("README.md"), card.as_bytes())
}
