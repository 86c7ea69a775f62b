//! Building the program `vmd` and handing over to it.

use std::path::Path;
use std::process::Command;

use crate::failure::Failure;
use crate::layers::PROGRAM;
use crate::workspace::{Workspace, cargo};

/// Read by the allocator: memory that one step returns is what the next one asks for, so it is not given back to the
/// system in between.
const KEEP_MEMORY: (&str, &str) = ("MIMALLOC_PURGE_DELAY", "-1");

/// Builds `vmd` with `features` besides its default ones, and becomes it.
pub(crate) fn run(features: Option<&str>, arguments: &[String]) -> Result<(), Failure> {
    let workspace = Workspace::load()?;
    build(&workspace, features)?;
    let program = workspace.program();
    let mut command = Command::new(&program);
    if std::env::var_os(KEEP_MEMORY.0).is_none() {
        command.env(KEEP_MEMORY.0, KEEP_MEMORY.1);
    }
    take_over(command.args(arguments), &program)
}

/// Builds `vmd` in release; cargo reports its progress on standard error.
fn build(workspace: &Workspace, features: Option<&str>) -> Result<(), Failure> {
    let features = features.map(|features| ["--features", features]);
    let status = cargo()
        .args(["build", "--release", "--locked", "--package", PROGRAM])
        .args(features.iter().flatten())
        .arg("--manifest-path")
        .arg(workspace.root.join("Cargo.toml"))
        .status()
        .map_err(|error| Failure::of("run cargo build", error))?;
    if status.success() { Ok(()) } else { Err(Failure::Program(status.code().unwrap_or(1))) }
}

/// Replaces this process, so that signals reach the program and nothing else.
#[cfg(unix)]
fn take_over(command: &mut Command, program: &Path) -> Result<(), Failure> {
    use std::os::unix::process::CommandExt;
    Err(Failure::of(&format!("run {}", program.display()), command.exec()))
}

/// Waits for the program and ends as it did.
#[cfg(not(unix))]
fn take_over(command: &mut Command, program: &Path) -> Result<(), Failure> {
    let status =
        command.status().map_err(|error| Failure::of(&format!("run {}", program.display()), error))?;
    if status.success() { Ok(()) } else { Err(Failure::Program(status.code().unwrap_or(1))) }
}
