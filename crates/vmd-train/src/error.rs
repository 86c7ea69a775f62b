//! Errors of training.

use std::path::{Path, PathBuf};

use thiserror::Error;
use vmd_model::LoadError;
use vmd_model::files::FileError;

/// Training, saving or loading failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TrainError {
    /// A file or folder cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A pretrained model or a teacher cannot be used.
    #[error(transparent)]
    Model(#[from] LoadError),
    /// A new run would overwrite an old one.
    #[error("{} already holds a run; add --resume to go on with it, or choose another --run folder", path.display())]
    RunExists {
        /// The run folder.
        path: PathBuf,
    },
    /// There is no run to resume.
    #[error("{} holds no run to resume; leave --resume out to start one there", path.display())]
    NoRun {
        /// The run folder.
        path: PathBuf,
    },
    /// The run was made with another configuration.
    #[error("{} was made with another configuration ({difference}); start a new run, or resume without changing it", path.display())]
    OtherConfig {
        /// The run folder.
        path: PathBuf,
        /// The first difference.
        difference: String,
    },
    /// A checkpoint is damaged.
    #[error("checkpoint {} is damaged: {reason}; delete that folder to resume from the checkpoint before it", path.display())]
    DamagedCheckpoint {
        /// Folder of the checkpoint.
        path: PathBuf,
        /// The problem.
        reason: String,
    },
    /// The model's configuration does not fit the training.
    #[error("the configuration cannot be trained: {reason}")]
    Config {
        /// The problem and how to fix it.
        reason: String,
    },
    /// A term of the loss is NaN or infinite.
    #[error(
        "step {step}: {term} is {value}; training stopped and the last checkpoint is kept. Lower train.learning_rate or raise train.warmup_steps"
    )]
    NotFinite {
        /// The step that failed.
        step: u64,
        /// The term.
        term: &'static str,
        /// Its value.
        value: f64,
    },
}

impl TrainError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let named = FileError::when(action, path);
        move |reason| Self::File(named(reason))
    }

    pub(crate) fn damaged(path: &Path, reason: impl ToString) -> Self {
        Self::DamagedCheckpoint { path: path.to_path_buf(), reason: reason.to_string() }
    }
}
