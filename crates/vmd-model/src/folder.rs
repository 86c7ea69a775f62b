//! Loading a model from one folder: `model.safetensors` and `config.json`.

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use thiserror::Error;
use vmd_core::{Purpose, keyed_rng};
use vmd_kernels::Precision;
use vmd_nn::{ParameterError, load_parameters, parameters_from_safetensors};

use crate::{ModelConfig, VmdModel};

/// File name of a model's weights.
pub const WEIGHTS: &str = "model.safetensors";
/// File name of a model's configuration.
pub const CONFIG: &str = "config.json";

/// Why a model folder cannot be loaded.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LoadError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A file is missing, damaged, or does not fit the others.
    #[error("model {} cannot be loaded: {reason}", path.display())]
    Bad {
        /// Folder of the model, or the damaged file.
        path: PathBuf,
        /// What is wrong, and what to do.
        reason: String,
    },
}

impl LoadError {
    fn bad(path: &Path, reason: impl ToString) -> Self {
        Self::Bad { path: path.to_path_buf(), reason: reason.to_string() }
    }

    fn parameters(path: &Path) -> impl FnOnce(ParameterError) -> Self {
        move |error| Self::bad(path, error)
    }
}

/// What of a trained model's configuration is changed as it is loaded; its weights fit all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LoadOptions {
    /// What the denoiser's matrix products round their factors to.
    pub precision: Option<Precision>,
    /// How often the denoiser's trunk is applied.
    pub loops: Option<usize>,
}

/// The folder of a model: `path` itself, or the one inside it where `path` is a run.
pub fn model_folder(path: &Path) -> PathBuf {
    let inside = path.join("model");
    if inside.join(CONFIG).is_file() { inside } else { path.to_path_buf() }
}

/// Loads a model folder, strictly: a tensor that is missing, extra, mis-shaped or not finite is an error.
///
/// # Errors
///
/// [`LoadError`] that names the file and the tensor.
pub fn load_model_dir(folder: &Path, options: LoadOptions, device: &Device) -> Result<VmdModel, LoadError> {
    if !folder.join(CONFIG).is_file() {
        return Err(LoadError::bad(
            folder,
            format!("it has no {CONFIG}; give a folder that holds {CONFIG} and {WEIGHTS}, such as RUN/model"),
        ));
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
) -> Result<VmdModel, LoadError> {
    let mut config: ModelConfig = serde_json::from_slice(config)
        .map_err(|error| LoadError::bad(folder, format!("{CONFIG}: {error}; restore the file")))?;
    if let Some(precision) = options.precision {
        config.set_precision(precision);
    }
    if let Some(loops) = options.loops {
        config.set_loops(loops);
    }
    let model = VmdModel::new(&config, keyed_rng(0, 0, Purpose::Init), device)
        .map_err(|problem| LoadError::bad(folder, format!("{CONFIG}: {problem}")))?;
    let file = folder.join(WEIGHTS);
    let tensors = parameters_from_safetensors(weights).map_err(LoadError::parameters(&file))?;
    load_parameters(model, tensors).map_err(LoadError::parameters(&file))
}

fn read(path: &Path) -> Result<Vec<u8>, LoadError> {
    std::fs::read(path).map_err(|source| LoadError::Io { path: path.to_path_buf(), source })
}
