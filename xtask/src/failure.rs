//! Errors of commands and their exit codes.

use std::process::ExitCode;

/// Why a command failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The arguments are wrong; exit code 2.
    Usage(String),
    /// The code, a tool or the machine has a problem; exit code 1.
    Wrong(String),
    /// A check failed and has printed its problems; exit code 1.
    Reported,
    /// The started program ended with this code.
    Program(i32),
}

impl Failure {
    /// A failure of doing `what`.
    pub(crate) fn of(what: &str, error: impl std::fmt::Display) -> Self {
        Self::Wrong(format!("cannot {what}: {error}"))
    }

    /// Prints the error to standard error and returns the exit code.
    pub(crate) fn report(self) -> ExitCode {
        match self {
            Self::Usage(message) => {
                eprintln!("error: {message}\n`cargo xtask help` lists all commands");
                ExitCode::from(2)
            }
            Self::Wrong(message) => {
                eprintln!("error: {message}");
                ExitCode::FAILURE
            }
            Self::Reported => ExitCode::FAILURE,
            Self::Program(code) => ExitCode::from(u8::try_from(code).unwrap_or(1)),
        }
    }
}
