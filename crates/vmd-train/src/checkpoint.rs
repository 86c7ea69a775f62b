//! Checkpoints: all state that a run needs to resume, in one folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::TensorData;
use serde::{Deserialize, Serialize};
use vmd_model::files::{create_folder, sync_folder, write_atomically};
use vmd_nn::{parameters_from_safetensors, parameters_to_safetensors};

use crate::TrainError;
use crate::run_folder::sha256;

/// Number of checkpoints kept. The older one is a fallback if the newer one is damaged.
const KEPT: usize = 2;
const STATE: &str = "trainer.json";
const TENSOR_FILES: [&str; 3] = ["model.safetensors", "ema.safetensors", "optimizer.safetensors"];

/// Scalar state of a checkpoint. Random streams need no state, as they are keyed by seed and step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainerState {
    /// Steps done.
    pub step: u64,
    /// Seed of every random stream.
    pub seed: u64,
    /// Index of the next training example.
    pub data_position: u64,
    /// Seconds spent training so far.
    pub seconds: f64,
    /// SHA-256 of the resolved configuration.
    pub config_sha256: String,
    /// SHA-256 of each tensor file.
    pub files: BTreeMap<String, String>,
}

/// A checkpoint in memory.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    /// Scalar state.
    pub state: TrainerState,
    /// Weights by name.
    pub model: BTreeMap<String, TensorData>,
    /// Averaged weights by name, flattened.
    pub ema: BTreeMap<String, TensorData>,
    /// Optimiser moments by name, flattened.
    pub optimizer: BTreeMap<String, TensorData>,
}

impl Checkpoint {
    /// Saves to `root/step-NNNNNNNN`, then removes all but the newest two checkpoints.
    ///
    /// The folder is written under a temporary name, synced and renamed, so that it is always
    /// complete.
    ///
    /// # Errors
    ///
    /// [`TrainError::File`]; earlier checkpoints are then unchanged.
    pub fn save(mut self, root: &Path) -> Result<PathBuf, TrainError> {
        create_folder(root)?;
        let folder = root.join(format!("step-{:08}", self.state.step));
        let staging = tempfile::Builder::new()
            .prefix(".writing-")
            .tempdir_in(root)
            .map_err(TrainError::io("create folder", root))?;
        for (name, tensors) in TENSOR_FILES.iter().zip([&self.model, &self.ema, &self.optimizer]) {
            let bytes = parameters_to_safetensors(tensors);
            self.state.files.insert((*name).to_string(), sha256(&bytes));
            write_atomically(&staging.path().join(name), &bytes)?;
        }
        let state = serde_json::to_string_pretty(&self.state).expect("numbers serialise");
        write_atomically(&staging.path().join(STATE), state.as_bytes())?;
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(TrainError::io("replace", &folder))?;
        }
        fs::rename(staging.keep(), &folder).map_err(TrainError::io("create", &folder))?;
        sync_folder(root)?;
        for old in list(root)?.into_iter().rev().skip(KEPT) {
            fs::remove_dir_all(&old).map_err(TrainError::io("remove", &old))?;
        }
        Ok(folder)
    }

    /// Loads the newest checkpoint in `root`, if there is one.
    ///
    /// # Errors
    ///
    /// [`TrainError::DamagedCheckpoint`] if one of its files is missing, truncated or modified.
    pub fn load_newest(root: &Path) -> Result<Option<(PathBuf, Self)>, TrainError> {
        let Some(folder) = list(root)?.pop() else { return Ok(None) };
        Self::load(&folder).map(|checkpoint| Some((folder, checkpoint)))
    }

    fn load(folder: &Path) -> Result<Self, TrainError> {
        let file = |name: &str| {
            fs::read(folder.join(name))
                .map_err(|error| TrainError::damaged(folder, format!("{name} cannot be read ({error})")))
        };
        let state: TrainerState = serde_json::from_slice(&file(STATE)?)
            .map_err(|error| TrainError::damaged(folder, format!("{STATE}: {error}")))?;
        let tensors = |name: &str| {
            let bytes = file(name)?;
            if state.files.get(name) != Some(&sha256(&bytes)) {
                let reason = format!("{name} is not the file that was saved (its SHA-256 differs)");
                return Err(TrainError::damaged(folder, reason));
            }
            parameters_from_safetensors(&bytes)
                .map_err(|error| TrainError::damaged(folder, format!("{name}: {error}")))
        };
        let (model, ema, optimizer) =
            (tensors(TENSOR_FILES[0])?, tensors(TENSOR_FILES[1])?, tensors(TENSOR_FILES[2])?);
        Ok(Self { model, ema, optimizer, state })
    }
}

/// Checkpoint folders, oldest first. Folders with other names are incomplete.
fn list(root: &Path) -> Result<Vec<PathBuf>, TrainError> {
    if !root.exists() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(root).map_err(TrainError::io("read", root))?;
    let mut folders: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("step-")))
        .collect();
    folders.sort();
    Ok(folders)
}
