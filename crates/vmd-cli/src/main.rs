//! The command line of variational masked diffusion.
//!
//! Invariant: this is the only crate that chooses a backend, prints, or turns errors into text and exit codes.

mod args;
mod commands;
mod config;
mod device;
mod failure;
mod graph_plot;
mod models;
mod output;
mod palette;
mod presets;
mod progress;
mod provenance;

use clap::Parser;

/// Page faults are a tenth of a training step with the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    failure::watch_output();
    let arguments = args::Arguments::parse();
    // On a thread of the pool that the kernels share their work with: from outside, every operation would put this thread
    // to sleep and wake another, twenty microseconds each.
    match rayon::scope(|_| commands::run(arguments.command)) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => failure::report(&error),
    }
}
