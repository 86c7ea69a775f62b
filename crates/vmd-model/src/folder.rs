//! Model folders: `model.safetensors`, `config.json` and `README.md`.

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use thiserror::Error;
use vmd_core::{Purpose, keyed_rng};
use vmd_kernels::Precision;
use vmd_nn::{load_parameters, named_parameters, parameters_from_safetensors, parameters_to_safetensors};

use crate::files::{FileError, create_folder, read, write_atomically};
use crate::{ModelConfig, TrainableDenoiser, VmdModel};

/// File name of the weights.
pub const WEIGHTS: &str = "model.safetensors";
/// File name of the configuration.
pub const CONFIG: &str = "config.json";

/// A model folder cannot be loaded.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LoadError {
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The files do not describe a valid model.
    #[error("model {} cannot be loaded: {reason}", path.display())]
    Model {
        /// Folder or file.
        path: PathBuf,
        /// The problem and how to fix it.
        reason: String,
    },
}

impl LoadError {
    /// An error for the model in `path`.
    pub fn because(path: &Path, reason: impl ToString) -> Self {
        Self::Model { path: path.to_path_buf(), reason: reason.to_string() }
    }
}

/// The folder of a model: `path` itself, or its model folder if `path` is a run.
pub fn model_folder(path: &Path) -> PathBuf {
    let inside = path.join("model");
    if inside.join(CONFIG).is_file() { inside } else { path.to_path_buf() }
}

/// Saves `model` to `folder` in the Hugging Face layout, with `card` as its `README.md`.
///
/// # Errors
///
/// [`FileError`] if a file cannot be written.
pub fn save_model_dir<D: TrainableDenoiser>(
    model: &VmdModel<D>,
    card: &str,
    folder: &Path,
) -> Result<(), FileError> {
    create_folder(folder)?;
    let config = serde_json::to_string_pretty(model.config()).expect("a configuration serialises");
    write_atomically(&folder.join(WEIGHTS), &parameters_to_safetensors(&named_parameters(model)))?;
    write_atomically(&folder.join(CONFIG), config.as_bytes())?;
    write_atomically(&folder.join("README.md"), card.as_bytes())
}

/// Overrides of the saved configuration that leave the weights valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LoadOptions {
    /// Precision of the denoiser's matrix products.
    pub precision: Option<Precision>,
    /// Number of times the denoiser's trunk is applied.
    pub loops: Option<usize>,
}

/// Loads a model folder strictly: a tensor that is missing, unexpected, of another shape or not
/// finite is an error.
///
/// # Errors
///
/// [`LoadError`] with the file and the tensor.
pub fn load_model_dir(folder: &Path, options: LoadOptions, device: &Device) -> Result<VmdModel, LoadError> {
    let bad = |reason: String| LoadError::because(folder, reason);
    if !folder.join(CONFIG).is_file() {
        return Err(bad(format!(
            "it has no {CONFIG}; give a folder that holds {CONFIG} and {WEIGHTS}, such as RUN/model"
        )));
    }
    load_model(folder, &read(&folder.join(CONFIG))?, &read(&folder.join(WEIGHTS))?, options, device)
}

/// Loads a model from the bytes of `config.json` and `model.safetensors`. Error messages name
/// `folder` as their source.
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
) -> Result<VmdModel, LoadError> {
    let bad = |reason: String| LoadError::because(folder, reason);
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
    let tensors = parameters_from_safetensors(weights).map_err(|error| LoadError::because(&file, error))?;
    load_parameters(model, tensors).map_err(|error| LoadError::because(&file, error))
}
