//! Builds a program of the workspace and runs it.

use std::path::Path;
use std::process::Command;

use crate::failure::Failure;
use crate::layers::{LAB, PROGRAM};
use crate::workspace::{Workspace, cargo};

/// Setting of the allocator: memory freed in one step is reused in the next one, so it is not
/// returned to the system.
const KEEP_MEMORY: (&str, &str) = ("MIMALLOC_PURGE_DELAY", "-1");

/// A program that can be started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    /// `vmd`.
    Vmd,
    /// `vmd-lab`, which starts the `vmd` in its own folder.
    Lab,
}

impl Program {
    /// The name of its file.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Vmd => "vmd",
            Self::Lab => "vmd-lab",
        }
    }

    /// The crates to build.
    fn packages(self) -> &'static [&'static str] {
        match self {
            Self::Vmd => &[PROGRAM],
            Self::Lab => &[PROGRAM, LAB],
        }
    }

    /// Builds the program with `features` in addition to its default ones, and runs it.
    pub(crate) fn run(self, features: Option<&str>, arguments: &[String]) -> Result<(), Failure> {
        let workspace = Workspace::load()?;
        self.build(&workspace, features)?;
        let program = workspace.program(self.name());
        let mut command = Command::new(&program);
        if std::env::var_os(KEEP_MEMORY.0).is_none() {
            command.env(KEEP_MEMORY.0, KEEP_MEMORY.1);
        }
        take_over(command.args(arguments), &program)
    }

    /// Builds in release mode; cargo prints its progress to standard error.
    fn build(self, workspace: &Workspace, features: Option<&str>) -> Result<(), Failure> {
        let features = features.map(|features| ["--features", features]);
        let status = cargo()
            .args(["build", "--release", "--locked"])
            .args(self.packages().iter().flat_map(|package| ["--package", package]))
            .args(features.iter().flatten())
            .arg("--manifest-path")
            .arg(workspace.root.join("Cargo.toml"))
            .status()
            .map_err(|error| Failure::of("run cargo build", error))?;
        if status.success() { Ok(()) } else { Err(Failure::Program(status.code().unwrap_or(1))) }
    }
}

/// Replaces this process, so that the program receives signals directly.
#[cfg(unix)]
fn take_over(command: &mut Command, program: &Path) -> Result<(), Failure> {
    use std::os::unix::process::CommandExt;
    Err(Failure::of(&format!("run {}", program.display()), command.exec()))
}

/// Waits for the program and exits with its code.
#[cfg(not(unix))]
fn take_over(command: &mut Command, program: &Path) -> Result<(), Failure> {
    let status =
        command.status().map_err(|error| Failure::of(&format!("run {}", program.display()), error))?;
    if status.success() { Ok(()) } else { Err(Failure::Program(status.code().unwrap_or(1))) }
}
