//! How a command ends when it does not end well.

use std::process::ExitCode;

/// Why a command stopped.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Something was typed that is not understood; exit code 2.
    Usage(String),
    /// Something is wrong with the code, the tools or the machine; exit code 1.
    Wrong(String),
    /// A check failed and has said why already; exit code 1.
    Reported,
    /// The program that was run ended with this code.
    Program(i32),
}

impl Failure {
    /// A failure of doing `what`.
    pub(crate) fn of(what: &str, error: impl std::fmt::Display) -> Self {
        Self::Wrong(format!("cannot {what}: {error}"))
    }

    /// Says why on standard error and turns into an exit code.
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
