//! Checks of backends that are not part of the usual build: `ci --devices`.
//!
//! Their dependencies take ten minutes to build, so they have a separate target folder.

use std::process::Command;

use crate::ci::succeed;
use crate::failure::Failure;
use crate::layers::PROGRAM;
use crate::workspace::{Workspace, cargo};

/// Type-checks CUDA, and runs the device tests on a software implementation of a graphics
/// interface.
pub(crate) fn run() -> Result<(), Failure> {
    let workspace = Workspace::load()?;
    println!("==> CUDA, types only");
    let mut check = in_own_folder(&workspace, &["check", "--features", "cuda"]);
    // The build scripts of the CUDA bindings require a toolkit unless documentation is being built.
    succeed(check.env("DOCS_RS", "1"))?;
    println!("\n==> devices");
    let mut test = in_own_folder(
        &workspace,
        &["test", "--features", "wgpu", "--test", "it", "devices", "--", "--nocapture"],
    );
    if std::env::var_os("XDG_RUNTIME_DIR").is_none() {
        // Suppresses a warning of the Vulkan loader.
        test.env("XDG_RUNTIME_DIR", workspace.in_target("devices"));
    }
    succeed(&mut test)
}

/// `cargo SUBCOMMAND --release … ARGUMENTS` on the program.
fn in_own_folder(workspace: &Workspace, arguments: &[&str]) -> Command {
    let mut command = cargo();
    command.arg(arguments[0]).args(["--release", "--locked", "--package", PROGRAM, "--target-dir"]);
    command.arg(workspace.in_target("devices")).args(&arguments[1..]).current_dir(&workspace.root);
    command
}
