//! Converts errors to one message and an exit code.

use std::fmt;
use std::io::Write;
use std::process::ExitCode;

use vmd::tasks::TaskError;
use vmd::train::TrainError;

/// Exit code of a failure.
const FAILURE: u8 = 1;
/// Exit code of a wrong request.
const USAGE: u8 = 2;
/// Exit code of an interrupted program, as in a shell.
const INTERRUPTED: u8 = 130;

/// Exit code after a broken pipe, as in a shell; the work may be unfinished.
const NO_READER: u8 = 141;

/// The user stopped the program; the work so far is saved.
#[derive(Debug)]
pub struct Interrupted(pub String);

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Interrupted {}

/// An error for a request that is wrong as typed or configured.
pub fn usage(message: impl fmt::Display) -> anyhow::Error {
    vmd::Error::usage(message).into()
}

/// Exits if the output cannot be written, which makes `println!` panic. If the reader has closed
/// it, as in `vmd presets
/// | head -1`, exits without a message, as with `SIGPIPE`; if the disk is full, prints a message.
pub(crate) fn watch_output() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        match panic.payload_as_str().filter(|text| text.starts_with("failed printing to std")) {
            None => report(panic),
            Some(text) if text.contains("Broken pipe") => std::process::exit(NO_READER.into()),
            Some(text) => {
                // Standard error may be the stream that cannot be written.
                let _ = writeln!(std::io::stderr(), "error: {text}");
                std::process::exit(FAILURE.into());
            }
        }
    }));
}

/// Prints `error` to standard error and returns the exit code.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    if error.is::<Interrupted>() {
        eprintln!("{error}");
        return ExitCode::from(INTERRUPTED);
    }
    let of_task: Option<&TaskError> = error.downcast_ref();
    match of_task.and_then(TaskError::option) {
        // Options of an evaluation are typed with dashes.
        Some(_) => eprintln!("error: --{error:#}"),
        None => eprintln!("error: {error:#}"),
    }
    let is_usage = is_usage(error) || of_task.is_some_and(TaskError::is_usage);
    ExitCode::from(if is_usage { USAGE } else { FAILURE })
}

fn is_usage(error: &anyhow::Error) -> bool {
    let of_run = matches!(
        error.downcast_ref(),
        Some(TrainError::OtherConfig { .. } | TrainError::RunExists { .. } | TrainError::NoRun { .. })
    );
    of_run || error.downcast_ref().is_some_and(vmd::Error::is_usage)
}
