//! The smoke run: train the small preset from nothing and read its figure.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::failure::Failure;
use crate::workspace::{Workspace, cargo};

/// Accuracy in one step that the preset must reach. Without a working latent it is near 0.001.
const NEEDED: f64 = 0.99;

/// Trains `d1` in a temporary folder; fails below [`NEEDED`].
pub(crate) fn run(workspace: &Workspace) -> Result<(), Failure> {
    let program = build(workspace)?;
    let folder = Temporary::new()?;
    let output = Command::new(program)
        .args(["train", "--preset", "d1", "--seed", "1", "--json", "--run"])
        .arg(folder.0.join("smoke"))
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| Failure::of("run vmd", error))?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        return Err(Failure::Wrong(format!("vmd train ended with {}; it wrote:\n{text}", output.status)));
    }
    let accuracy = one_step_accuracy(&text).map_err(Failure::Wrong)?;
    println!("smoke: accuracy {accuracy} (needs {NEEDED})");
    // Written so that a NaN fails.
    if accuracy >= NEEDED {
        return Ok(());
    }
    Err(Failure::Wrong(format!("one-step accuracy {accuracy} is below {NEEDED}; the latent no longer works")))
}

/// Builds `vmd` as the tests do: built alone, its dependencies would have other features and be compiled anew.
fn build(workspace: &Workspace) -> Result<PathBuf, Failure> {
    let status = cargo()
        .args(["build", "--workspace", "--release", "--locked", "--bins", "--tests"])
        .current_dir(&workspace.root)
        .status()
        .map_err(|error| Failure::of("run cargo build", error))?;
    if status.success() { Ok(workspace.program()) } else { Err(Failure::Reported) }
}

/// The accuracy at one evaluation among the JSON lines of `text`.
fn one_step_accuracy(text: &str) -> Result<f64, String> {
    let mut found = None;
    for line in text.lines() {
        let record: Value = serde_json::from_str(line).map_err(|error| {
            format!("with --json, standard output must be JSON lines, not `{line}` ({error})")
        })?;
        if record["metric"] == "accuracy" && record["nfe"] == 1 {
            found = record["value"].as_f64();
        }
    }
    found.ok_or_else(|| format!("no record with metric accuracy and nfe 1 in:\n{text}"))
}

/// A folder of this process alone, removed at the end.
struct Temporary(PathBuf);

impl Temporary {
    fn new() -> Result<Self, Failure> {
        let path = std::env::temp_dir().join(format!("vmd-smoke-{}", std::process::id()));
        std::fs::create_dir_all(&path).map_err(|error| Failure::of("make a temporary folder", error))?;
        Ok(Self(path))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // A left-over in the temporary folder is no reason to fail.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::one_step_accuracy;

    const GOOD: &str = "{\"metric\":\"accuracy\",\"nfe\":2,\"value\":1.0}\n{\"metric\":\"kl_exact\",\"nfe\":1,\"value\":0.1}\n\
                        {\"metric\":\"accuracy\",\"nfe\":1,\"value\":0.995}\n";

    #[test]
    fn the_right_record_is_found() {
        assert_eq!(one_step_accuracy(GOOD), Ok(0.995));
    }

    #[test]
    fn anything_but_json_lines_fails() {
        assert!(one_step_accuracy(&format!("training…\n{GOOD}")).is_err());
    }

    #[test]
    fn a_missing_record_or_value_fails() {
        assert!(one_step_accuracy("").is_err());
        assert!(one_step_accuracy("{\"metric\":\"accuracy\",\"nfe\":2,\"value\":1.0}").is_err());
        assert!(one_step_accuracy("{\"metric\":\"accuracy\",\"nfe\":1,\"value\":null}").is_err());
    }
}
