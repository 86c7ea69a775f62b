//! The command line of variational masked diffusion: the program `vmd`, and functions shared with
//! `vmd-lab`.
//!
//! Invariant: only this crate and `vmd-lab` print, use `anyhow`, or turn errors into text and exit
//! codes. A command parses its arguments, resolves them, calls the library and prints.

mod args;
mod commands;
pub mod failure;
mod graph_plot;
pub mod output;
pub mod palette;
mod progress;
pub mod training_plot;

use std::process::ExitCode;

use clap::Parser;

pub use args::Common;

/// Runs the program with the arguments of this process.
pub fn main() -> ExitCode {
    start(|| args::Arguments::parse().command, commands::run)
}

/// Parses the arguments and runs the command on a thread of the pool that the kernels use. From
/// another thread, every operation would cost a thread switch of about 20 µs.
pub fn start<C: Send>(parse: impl FnOnce() -> C, run: fn(C) -> anyhow::Result<()>) -> ExitCode {
    failure::watch_output();
    let command = parse();
    match rayon::scope(|_| run(command)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure::report(&error),
    }
}
