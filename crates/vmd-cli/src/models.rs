//! Finding trained models.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::Context;
use vmd::data::text::Encoding;
use vmd::model::{ObjectiveConfig, VmdModel};
use vmd::tasks::{Stamp, Subject, TaskConfig};
use vmd::train::{LoadOptions, RunFolder, load_encoding, load_model, load_model_dir, model_folder};

use crate::args::Common;
use crate::config::RunConfig;
use crate::device::{check_precision, device};
use crate::failure::usage;
use crate::provenance;

/// Where runs are kept unless another folder is asked for.
pub(crate) const RUNS: &str = "runs";

/// Name of the Sudoku model that comes with the program, in place of a folder.
pub(crate) const SHIPPED: &str = "shipped";
const SHIPPED_CONFIG: &[u8] = include_bytes!("../models/sudoku/config.json");
const SHIPPED_WEIGHTS: &[u8] = include_bytes!("../models/sudoku/model.safetensors");

/// A loaded model and where it comes from.
#[derive(Debug)]
pub(crate) struct LoadedModel {
    pub(crate) model: VmdModel,
    /// What it is called in reports: its folder, or [`SHIPPED`].
    pub(crate) name: String,
    /// Loops of its trunk, where they are not its own number.
    pub(crate) loops: Option<usize>,
    /// The run that it lies in, if it lies in one.
    pub(crate) run_folder: Option<PathBuf>,
    /// The run's configuration, where the model lies in a run folder.
    pub(crate) run: Option<RunConfig>,
    pub(crate) config_sha256: String,
    /// What its tokens mean, of a model of text.
    pub(crate) encoding: Option<Encoding>,
}

impl LoadedModel {
    /// Loads `folder`, or the newest finished run that `wanted` accepts.
    pub(crate) fn find(
        folder: Option<PathBuf>,
        what: &str,
        wanted: fn(&RunConfig) -> bool,
        loops: Option<usize>,
        common: &Common,
    ) -> anyhow::Result<Self> {
        let options = load_options(loops, common)?;
        let folder = match folder {
            Some(folder) => model_folder(&folder),
            None => newest_finished(wanted).ok_or_else(|| {
                usage(format!(
                    "no {what} in {RUNS}/; train one with `cargo xtask train`, or give --model DIR"
                ))
            })?,
        };
        Self::load(&folder, options, &common.device)
    }

    fn load(folder: &Path, options: LoadOptions, device_name: &str) -> anyhow::Result<Self> {
        let device = device(device_name)?;
        let model = load_model_dir(folder, options, &device)?;
        check_precision(model.config().precision(), &device)?;
        let config = std::fs::read(folder.join("config.json")).context("config.json")?;
        let run = folder.parent().and_then(|run| config_of(run).map(|config| (run.to_path_buf(), config)));
        let (run_folder, run) = run.unzip();
        let name = folder.display().to_string();
        let encoding = load_encoding(folder, model.config().vocab)?;
        let config_sha256 = sha256(&config);
        Ok(Self { model, name, loops: options.loops, run_folder, run, config_sha256, encoding })
    }

    /// The Sudoku model that comes with the program.
    fn shipped(options: LoadOptions, device_name: &str) -> anyhow::Result<Self> {
        let device = device(device_name)?;
        let model = load_model(Path::new(SHIPPED), SHIPPED_CONFIG, SHIPPED_WEIGHTS, options, &device)?;
        check_precision(model.config().precision(), &device)?;
        let config_sha256 = sha256(SHIPPED_CONFIG);
        let (name, loops) = (SHIPPED.into(), options.loops);
        Ok(Self { model, name, loops, run_folder: None, run: None, config_sha256, encoding: None })
    }

    /// Loads `folder`, or the newest finished run on Sudoku, or the model that comes with the program, which is also called
    /// [`SHIPPED`].
    pub(crate) fn find_sudoku(
        folder: Option<PathBuf>,
        loops: Option<usize>,
        common: &Common,
    ) -> anyhow::Result<Self> {
        Self::find_or_shipped(folder, |run| matches!(run.data, TaskConfig::Sudoku(_)), loops, common)
    }

    /// Loads `folder`, or the newest finished run that `wanted` accepts, or the model that comes with the program.
    pub(crate) fn find_or_shipped(
        folder: Option<PathBuf>,
        wanted: fn(&RunConfig) -> bool,
        loops: Option<usize>,
        common: &Common,
    ) -> anyhow::Result<Self> {
        let options = load_options(loops, common)?;
        let folder = folder.or_else(|| newest_finished(wanted));
        match folder.filter(|folder| folder.as_path() != Path::new(SHIPPED)) {
            Some(folder) => Self::load(&model_folder(&folder), options, &common.device),
            None => Self::shipped(options, &common.device),
        }
    }

    /// Whether this is the model that comes with the program.
    pub(crate) fn is_shipped(&self) -> bool {
        self.name == SHIPPED
    }

    /// What an evaluation needs to know about this model.
    pub(crate) fn subject(&self) -> Subject<'_> {
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

fn load_options(loops: Option<usize>, common: &Common) -> anyhow::Result<LoadOptions> {
    if loops == Some(0) {
        return Err(usage("--loops must be 1 or more"));
    }
    Ok(LoadOptions { precision: common.precision, loops })
}

/// The model folder of the newest finished run that `wanted` accepts.
fn newest_finished(wanted: impl Fn(&RunConfig) -> bool) -> Option<PathBuf> {
    let is_wanted =
        |run: &Path| run.join("model/config.json").is_file() && config_of(run).is_some_and(|c| wanted(&c));
    newest_run(is_wanted).map(|run| run.join("model"))
}

/// The run in `runs/` that was changed last, among those that `wanted` accepts.
pub(crate) fn newest_run(wanted: impl Fn(&Path) -> bool) -> Option<PathBuf> {
    let changed =
        |path: &PathBuf| -> Option<SystemTime> { path.join("meta.json").metadata().ok()?.modified().ok() };
    let entries = std::fs::read_dir(RUNS).ok()?;
    let runs = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).filter(|path| wanted(path));
    runs.filter_map(|path| changed(&path).map(|time| (time, path))).max().map(|(_, path)| path)
}

fn config_of(run: &Path) -> Option<RunConfig> {
    RunConfig::read(&RunFolder::read_config(run).ok()?).ok()
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
