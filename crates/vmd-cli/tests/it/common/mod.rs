//! Runs the program as a user would.
#![allow(dead_code, reason = "every test file uses its own part")]

use std::path::Path;

use assert_cmd::Command;

/// `vmd` in the folder `at`.
pub(crate) fn vmd(at: &Path) -> Command {
    let mut command = Command::cargo_bin("vmd").expect("the program was built");
    command.current_dir(at);
    command
}

/// A configuration that trains in one or two seconds.
pub(crate) const TINY: &str = r#"
name = "tiny"
seed = 3
[data]
kind = "synthetic"
set = "pairs-uniform"
[model.denoiser.trunk]
width = 16
layers = 1
heads = 2
[model.latent]
family = { kind = "categorical", n_groups = 1, n_classes = 4 }
prior = { kind = "independent" }
[model.latent.posterior.trunk]
width = 16
layers = 1
heads = 2
[objective]
steps = 1
[train]
steps = 60
batch_size = 16
accumulation = 2
learning_rate = 0.01
warmup_steps = 5
validate_every = 20
validation_examples = 32
checkpoint_every = 7
[evaluate]
nfe = [1, 2]
"#;

/// A folder that contains `tiny.toml`.
pub(crate) fn workplace() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    std::fs::write(folder.path().join("tiny.toml"), TINY).expect("it can be written to");
    folder
}
