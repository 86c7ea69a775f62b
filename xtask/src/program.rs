//! Building the program `vmd` and handing over to it.

use std::path::Path;
use std::process::Command;

use crate::failure::Failure;
use crate::layers::TOP;
use crate::workspace::{Workspace, cargo};

/// Builds `vmd` and becomes it.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let workspace = Workspace::load()?;
    build(&workspace)?;
    let program = workspace.program();
    take_over(Command::new(&program).args(arguments), &program)
}

/// Builds `vmd` in release; cargo reports its progress on standard error.
fn build(workspace: &Workspace) -> Result<(), Failure> {
    let status = cargo()
        .args(["build", "--release", "--locked", "--package", TOP, "--manifest-path"])
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
