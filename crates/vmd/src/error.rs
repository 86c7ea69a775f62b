//! The error of the facade.

use std::fmt;

use thiserror::Error;

/// Error of a request to the facade.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The request is wrong: a configuration, an option or a path.
    #[error("{0}")]
    Usage(String),
    /// The request is valid, but failed.
    #[error("{0}")]
    Failure(String),
}

impl Error {
    /// Makes an error for a wrong request.
    pub fn usage(message: impl fmt::Display) -> Self {
        Self::Usage(message.to_string())
    }

    /// Makes an error for a failure.
    pub fn failure(message: impl fmt::Display) -> Self {
        Self::Failure(message.to_string())
    }

    /// Puts `place` (a key or a file) in front of the message.
    pub fn at(self, place: impl fmt::Display) -> Self {
        match self {
            Self::Usage(message) => Self::Usage(format!("{place}: {message}")),
            Self::Failure(message) => Self::Failure(format!("{place}: {message}")),
        }
    }

    /// Whether the request is wrong.
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Usage(_))
    }
}

impl From<vmd_model::LoadError> for Error {
    fn from(error: vmd_model::LoadError) -> Self {
        Self::failure(error)
    }
}

impl From<vmd_tasks::TaskError> for Error {
    fn from(error: vmd_tasks::TaskError) -> Self {
        if error.is_usage() { Self::usage(error) } else { Self::failure(error) }
    }
}

impl From<vmd_data::text::TextError> for Error {
    fn from(error: vmd_data::text::TextError) -> Self {
        Self::failure(error)
    }
}

impl From<vmd_data::RowsError> for Error {
    fn from(error: vmd_data::RowsError) -> Self {
        Self::usage(error)
    }
}

impl From<vmd_model::files::FileError> for Error {
    fn from(error: vmd_model::files::FileError) -> Self {
        Self::failure(error)
    }
}

#[cfg(feature = "train")]
impl From<vmd_train::TrainError> for Error {
    fn from(error: vmd_train::TrainError) -> Self {
        use vmd_train::TrainError;
        match error {
            TrainError::OtherConfig { .. } | TrainError::RunExists { .. } | TrainError::NoRun { .. } => {
                Self::usage(error)
            }
            _ => Self::failure(error),
        }
    }
}
