//! A model in one folder: `model.safetensors`, `config.json`, `README.md`.

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use vmd_core::{Purpose, keyed_rng};
use vmd_data::text::Encoding;
use vmd_kernels::Precision;
use vmd_model::{ModelConfig, TrainableDenoiser, VmdModel};
use vmd_nn::{load_parameters, named_parameters, parameters_from_safetensors, parameters_to_safetensors};

use crate::TrainError;
use crate::files::{create_folder, read, write_atomically};

/// Weights of a model folder.
pub(crate) const WEIGHTS: &str = "model.safetensors";
/// Configuration of a model folder.
pub(crate) const CONFIG: &str = "config.json";
/// What the tokens of a model of text mean.
const ENCODING: &str = "vocabulary.json";

/// The folder of a model: `path` itself, or the one inside it where `path` is a run.
pub fn model_folder(path: &Path) -> PathBuf {
    let inside = path.join("model");
    if inside.join(CONFIG).is_file() { inside } else { path.to_path_buf() }
}

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

/// Saves what the tokens of the model in `folder` mean.
///
/// # Errors
///
/// [`TrainError::Io`].
pub fn save_encoding(encoding: &Encoding, folder: &Path) -> Result<(), TrainError> {
    let text = serde_json::to_string(encoding).expect("an encoding serialises");
    write_atomically(&folder.join(ENCODING), text.as_bytes())
}

/// What the tokens of a model in `folder`, of so many values, mean; `None` for a model that is not of text.
///
/// # Errors
///
/// [`TrainError`] if the file cannot be read, is damaged, or is about another number of values.
pub fn load_encoding(folder: &Path, vocab: usize) -> Result<Option<Encoding>, TrainError> {
    let path = folder.join(ENCODING);
    if !path.is_file() {
        return Ok(None);
    }
    let bad = |reason: String| TrainError::BadModel { path: folder.to_path_buf(), reason };
    let encoding: Encoding = serde_json::from_slice(&read(&path)?)
        .map_err(|error| bad(format!("{ENCODING}: {error}; restore the file")))?;
    if encoding.n_values() != vocab {
        return Err(bad(format!(
            "{ENCODING} has {} values, but the model {vocab}; restore the file",
            encoding.n_values()
        )));
    }
    Ok(Some(encoding))
}

/// What of a trained model's configuration is changed as it is loaded; its weights fit all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LoadOptions {
    /// What the denoiser's matrix products round their factors to.
    pub precision: Option<Precision>,
    /// How often the denoiser's trunk is applied.
    pub loops: Option<usize>,
}

/// Loads a model folder, strictly: a tensor that is missing, extra, mis-shaped or not finite is an error.
///
/// # Errors
///
/// [`TrainError`] that names the file and the tensor.
pub fn load_model_dir(folder: &Path, options: LoadOptions, device: &Device) -> Result<VmdModel, TrainError> {
    let bad = |reason: String| TrainError::BadModel { path: folder.to_path_buf(), reason };
    if !folder.join(CONFIG).is_file() {
        return Err(bad(format!(
            "it has no {CONFIG}; give a folder that holds {CONFIG} and {WEIGHTS}, such as RUN/model"
        )));
    }
    load_model(folder, &read(&folder.join(CONFIG))?, &read(&folder.join(WEIGHTS))?, options, device)
}

/// The same from the bytes of `config.json` and `model.safetensors`; `folder` is what messages call the place they come from.
///
/// # Errors
///
/// As [`load_model_dir`].
pub fn load_model(
    folder: &Path,
    config: &[u8],
    weights: &[u8],
    options: LoadOptions,
    device: &Device,
) -> Result<VmdModel, TrainError> {
    let bad = |reason: String| TrainError::BadModel { path: folder.to_path_buf(), reason };
    let mut config: ModelConfig = serde_json::from_slice(config)
        .map_err(|error| bad(format!("{CONFIG}: {error}; restore the file")))?;
    if let Some(precision) = options.precision {
        config.set_precision(precision);
    }
    if let Some(loops) = options.loops {
        config.set_loops(loops);
    }
    let model = VmdModel::new(&config, keyed_rng(0, 0, Purpose::Init), device)
        .map_err(|problem| bad(format!("{CONFIG}: {problem}")))?;
    let file = folder.join(WEIGHTS);
    let tensors = parameters_from_safetensors(weights).map_err(TrainError::parameters(&file))?;
    load_parameters(model, tensors).map_err(TrainError::parameters(&file))
}
