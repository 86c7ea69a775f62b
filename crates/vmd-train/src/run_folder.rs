//! Run folders.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use vmd_model::files::{create_folder, read, write_atomically};

use crate::TrainError;

/// Folder of one run: `config.toml` (resolved), `meta.json`, `metrics.jsonl`, `checkpoints/`,
/// `plots/` and `model/`.
#[derive(Debug, Clone)]
pub struct RunFolder {
    path: PathBuf,
    config_sha256: String,
}

impl RunFolder {
    /// Creates the folder of a new run and saves the resolved `config` and `meta`.
    ///
    /// # Errors
    ///
    /// [`TrainError::RunExists`] if it contains a run already, [`TrainError::File`] if it cannot be
    /// written.
    pub fn create(path: &Path, config: &str, meta: &str) -> Result<Self, TrainError> {
        let folder = Self { path: path.to_path_buf(), config_sha256: sha256(config.as_bytes()) };
        if folder.config().exists() {
            return Err(TrainError::RunExists { path: folder.path });
        }
        create_folder(&folder.path)?;
        create_folder(&folder.checkpoints())?;
        create_folder(&folder.plots())?;
        write_atomically(&folder.path.join("meta.json"), meta.as_bytes())?;
        // Written last: a folder with a configuration is a run that can be resumed.
        write_atomically(&folder.config(), config.as_bytes())?;
        Ok(folder)
    }

    /// Opens a run to resume it.
    ///
    /// # Errors
    ///
    /// [`TrainError::NoRun`] if there is none, [`TrainError::OtherConfig`] if `config` is given and
    /// differs from that of the run.
    pub fn open(path: &Path, config: Option<&str>) -> Result<Self, TrainError> {
        let file = path.join("config.toml");
        if !file.is_file() {
            return Err(TrainError::NoRun { path: path.to_path_buf() });
        }
        let saved = String::from_utf8_lossy(&read(&file)?).into_owned();
        if let Some(config) = config.filter(|config| *config != saved) {
            let difference = first_difference(&saved, config);
            return Err(TrainError::OtherConfig { path: path.to_path_buf(), difference });
        }
        Ok(Self { path: path.to_path_buf(), config_sha256: sha256(saved.as_bytes()) })
    }

    /// The first unused name of `PARENT/NAME-001`, `PARENT/NAME-002`, …
    pub fn next_free(parent: &Path, name: &str) -> PathBuf {
        let candidate = |i: usize| parent.join(format!("{name}-{i:03}"));
        (1..).map(candidate).find(|path| !path.exists()).expect("some number is free")
    }

    /// Reads the resolved configuration.
    ///
    /// # Errors
    ///
    /// [`TrainError::File`] if it cannot be read.
    pub fn read_config(path: &Path) -> Result<String, TrainError> {
        let file = path.join("config.toml");
        if !file.is_file() {
            return Err(TrainError::NoRun { path: path.to_path_buf() });
        }
        fs::read_to_string(&file).map_err(TrainError::io("read", &file))
    }

    /// SHA-256 of the resolved configuration.
    pub fn config_sha256(&self) -> &str {
        &self.config_sha256
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Path of the resolved configuration.
    pub fn config(&self) -> PathBuf {
        self.path.join("config.toml")
    }

    /// Path of the metrics file.
    pub fn metrics(&self) -> PathBuf {
        self.path.join("metrics.jsonl")
    }

    /// Folder of the checkpoints.
    pub fn checkpoints(&self) -> PathBuf {
        self.path.join("checkpoints")
    }

    /// Folder of the plots.
    pub fn plots(&self) -> PathBuf {
        self.path.join("plots")
    }

    /// Folder of the final model, in the Hugging Face layout.
    pub fn model(&self) -> PathBuf {
        self.path.join("model")
    }
}

/// Describes the first line in which two configurations differ.
fn first_difference(saved: &str, given: &str) -> String {
    let (mut a, mut b) = (saved.lines(), given.lines());
    loop {
        match (a.next(), b.next()) {
            (Some(a), Some(b)) if a == b => {}
            (a, b) => {
                let show = |line: Option<&str>| line.unwrap_or("nothing").trim().to_string();
                return format!("the run has `{}`, now it is `{}`", show(a), show(b));
            }
        }
    }
}

/// SHA-256 in lower-case hexadecimal digits.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
