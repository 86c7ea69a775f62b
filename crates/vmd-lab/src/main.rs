//! The program `vmd-lab` for studies and benchmarks. It starts `vmd` for every run of a study.
//!
//! Invariant: nothing here is needed to train, sample or evaluate; no other crate depends on this
//! one.

mod args;
mod bench;
mod presets;
mod study;

use clap::Parser;

/// The same allocator as in `vmd`, whose speed is measured here.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    vmd_cli::start(
        || args::Arguments::parse().command,
        |command| match command {
            args::Command::Study(args) => study::run(&args),
            args::Command::Bench(args) => bench::run(&args),
        },
    )
}
