//! Errors of data, models and evaluations.

use thiserror::Error;
#[cfg(feature = "download")]
use vmd_data::text::DownloadError;
use vmd_data::text::TextError;
use vmd_eval::text::NgramError;

use crate::sudoku::SudokuError;

/// Data that cannot be opened, or an evaluation that cannot run.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TaskError {
    /// A key of the `[data]` table is out of range.
    #[error("data.{key}: {problem}")]
    Setting {
        /// The key.
        key: &'static str,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// The data file cannot be used.
    #[error("data.path: {0}")]
    File(TextError),
    /// A file of excluded puzzles cannot be used.
    #[error("data.exclude: {0}")]
    Exclude(SudokuError),
    /// A file of puzzles cannot be used.
    #[error("{0}")]
    Puzzles(SudokuError),
    /// The data cannot be downloaded.
    #[cfg(feature = "download")]
    #[error("data.path is absent, and text8 cannot be downloaded: {0}")]
    Download(DownloadError),
    /// The build lacks downloads.
    #[error(
        "data.path is absent, and this build cannot download; give the path of the file, or build with the feature `download`"
    )]
    NoDownload,
    /// The option belongs to other tasks.
    #[error("{option} is for {}, and this model was trained on {task}; leave it out", .tasks.join(", "))]
    Option {
        /// The option.
        option: &'static str,
        /// Tasks that accept it.
        tasks: Vec<&'static str>,
        /// The current task.
        task: &'static str,
    },
    /// An option is out of range.
    #[error("{option} {problem}")]
    Value {
        /// The option.
        option: &'static str,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// The sampler does not fit the model or the task.
    #[error("{0}")]
    Sampler(String),
    /// The model does not fit the task.
    #[error("{0}")]
    Model(String),
    /// There is nothing to measure.
    #[error("{0}")]
    Nothing(String),
    /// The n-gram judge cannot be trained.
    #[error("{0}")]
    Judge(NgramError),
    /// A split has too few tokens for the requested length.
    #[error("length {length}: {reason}")]
    Length {
        /// Tokens per text.
        length: usize,
        /// The reason.
        reason: TextError,
    },
}

impl TaskError {
    /// Whether the request is wrong, as opposed to a file or the network.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        match self {
            Self::File(_) | Self::Exclude(_) | Self::Puzzles(_) | Self::Length { .. } => false,
            #[cfg(feature = "download")]
            Self::Download(_) => false,
            _ => true,
        }
    }

    /// The invalid option, if any.
    #[must_use]
    pub fn option(&self) -> Option<&'static str> {
        match self {
            Self::Option { option, .. } | Self::Value { option, .. } => Some(option),
            Self::Length { .. } => Some("length"),
            _ => None,
        }
    }
}
