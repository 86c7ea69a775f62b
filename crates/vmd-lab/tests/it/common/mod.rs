//! Runs the programs as a user would.

use std::path::{Path, PathBuf};

use assert_cmd::Command;

/// `vmd-lab` in the folder `at`.
pub(crate) fn lab(at: &Path) -> Command {
    let mut command = Command::cargo_bin("vmd-lab").expect("the program was built");
    command.current_dir(at);
    command
}

/// The `vmd` in the folder of `vmd-lab`, run in the folder `at`.
pub(crate) fn vmd(at: &Path) -> Command {
    let program = assert_cmd::cargo::cargo_bin("vmd-lab")
        .with_file_name(format!("vmd{}", std::env::consts::EXE_SUFFIX));
    assert!(program.is_file(), "build {} first: cargo build -p vmd-cli", program.display());
    let mut command = Command::new(program);
    command.current_dir(at);
    command
}

/// The file of a preset of the studies.
pub(crate) fn preset(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("presets").join(format!("{name}.toml"))
}
