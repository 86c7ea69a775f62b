//! Finds and loads trained models.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use burn::tensor::Device;
use vmd_data::text::Encoding;
use vmd_model::{LoadOptions, ObjectiveConfig, VmdModel, load_model_dir, model_folder};
use vmd_tasks::{Stamp, Subject, TaskConfig};
use vmd_train::RunFolder;

use crate::Error;
use crate::device::check_precision;
use crate::provenance;
use crate::run::RunConfig;
use crate::shipped::{self, SHIPPED};

/// Default folder of runs.
pub const RUNS: &str = "runs";

/// A loaded model and its origin.
#[derive(Debug)]
pub struct LoadedModel {
    /// The model.
    pub model: VmdModel,
    /// Name in reports: its folder, or [`SHIPPED`].
    pub name: String,
    /// Number of loops of its trunk, if it was overridden.
    pub loops: Option<usize>,
    /// Folder of the run that contains it, if any.
    pub run_folder: Option<PathBuf>,
    /// Configuration of that run.
    pub run: Option<RunConfig>,
    /// SHA-256 of its `config.json`.
    pub config_sha256: String,
    /// Encoding of the tokens, for a model of text.
    pub encoding: Option<Encoding>,
}

impl LoadedModel {
    /// Loads `folder`, or the newest finished run that `wanted` accepts. `what` names the model in
    /// error messages.
    ///
    /// # Errors
    ///
    /// [`Error`] if there is none, or it cannot be loaded.
    pub fn find(
        folder: Option<PathBuf>,
        what: &str,
        wanted: fn(&RunConfig) -> bool,
        options: LoadOptions,
        device: &Device,
    ) -> Result<Self, Error> {
        let folder = match folder {
            Some(folder) => model_folder(&folder),
            None => newest_finished(wanted).ok_or_else(|| {
                Error::usage(format!("no {what} in {RUNS}/; train one with `vmd train`, or give --model DIR"))
            })?,
        };
        Self::load(&folder, options, device)
    }

    /// Loads the model in `folder`.
    ///
    /// # Errors
    ///
    /// [`Error`] if it cannot be loaded, or `device` does not support its precision.
    pub fn load(folder: &Path, options: LoadOptions, device: &Device) -> Result<Self, Error> {
        let model = load_model_dir(folder, options, device)?;
        check_precision(model.config().precision(), device)?;
        let file = folder.join("config.json");
        let config = std::fs::read(&file).map_err(|error| Error::failure(error).at(file.display()))?;
        let run = folder.parent().and_then(|run| config_of(run).map(|config| (run.to_path_buf(), config)));
        let (run_folder, run) = run.unzip();
        let name = folder.display().to_string();
        let encoding = Encoding::load(folder, model.config().vocab)?;
        let config_sha256 = sha256(&config);
        Ok(Self { model, name, loops: options.loops, run_folder, run, config_sha256, encoding })
    }

    /// The Sudoku model that comes with this crate.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] if `device` does not support the precision in `options`.
    pub fn shipped(options: LoadOptions, device: &Device) -> Result<Self, Error> {
        let model = shipped::load(options, device)?;
        check_precision(model.config().precision(), device)?;
        let config_sha256 = sha256(shipped::CONFIG);
        let (name, loops) = (SHIPPED.into(), options.loops);
        Ok(Self { model, name, loops, run_folder: None, run: None, config_sha256, encoding: None })
    }

    /// Loads `folder`, or the newest finished Sudoku run, or else the model that comes with this
    /// crate, which can also be selected with the name [`SHIPPED`].
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    pub fn find_sudoku(
        folder: Option<PathBuf>,
        options: LoadOptions,
        device: &Device,
    ) -> Result<Self, Error> {
        Self::find_or_shipped(folder, |run| matches!(run.data, TaskConfig::Sudoku(_)), options, device)
    }

    /// Loads `folder`, or the newest finished run that `wanted` accepts, or else the model that
    /// comes with this crate.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    pub fn find_or_shipped(
        folder: Option<PathBuf>,
        wanted: fn(&RunConfig) -> bool,
        options: LoadOptions,
        device: &Device,
    ) -> Result<Self, Error> {
        let folder = folder.or_else(|| newest_finished(wanted));
        match folder.filter(|folder| folder.as_path() != Path::new(SHIPPED)) {
            Some(folder) => Self::load(&model_folder(&folder), options, device),
            None => Self::shipped(options, device),
        }
    }

    /// Whether this is the model that comes with this crate.
    pub fn is_shipped(&self) -> bool {
        self.name == SHIPPED
    }

    /// The model and its origin, for an evaluation.
    pub fn subject(&self) -> Subject<'_> {
        Subject {
            model: &self.model,
            encoding: self.encoding.as_ref(),
            objective: self.run.as_ref().map_or_else(ObjectiveConfig::default, |run| run.objective.clone()),
            judge: None,
            stamp: Stamp {
                model: self.name.clone(),
                loops: self.loops,
                revision: provenance::revision(),
                config_sha256: self.config_sha256.clone(),
            },
        }
    }
}

/// The model folder of the newest finished run that `wanted` accepts.
fn newest_finished(wanted: impl Fn(&RunConfig) -> bool) -> Option<PathBuf> {
    let is_wanted =
        |run: &Path| run.join("model/config.json").is_file() && config_of(run).is_some_and(|c| wanted(&c));
    newest_run(is_wanted).map(|run| run.join("model"))
}

/// The most recently changed run in `runs/` that `wanted` accepts.
pub fn newest_run(wanted: impl Fn(&Path) -> bool) -> Option<PathBuf> {
    let changed =
        |path: &PathBuf| -> Option<SystemTime> { path.join("meta.json").metadata().ok()?.modified().ok() };
    let entries = std::fs::read_dir(RUNS).ok()?;
    let runs = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).filter(|path| wanted(path));
    runs.filter_map(|path| changed(&path).map(|time| (time, path))).max().map(|(_, path)| path)
}

fn config_of(run: &Path) -> Option<RunConfig> {
    RunConfig::read(&RunFolder::read_config(run).ok()?).ok()
}

/// SHA-256 in lower-case hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
