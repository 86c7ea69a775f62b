//! The smoke run: trains small presets and checks their figures.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::failure::Failure;
use crate::program::Program;
use crate::temporary::Temporary;
use crate::workspace::{Workspace, cargo};

/// A preset, and the figure that it must reach in one step.
struct Smoke {
    preset: &'static str,
    metric: &'static str,
    needed: f64,
    /// What a lower figure indicates.
    otherwise: &'static str,
}

/// Figures below these limits indicate a defect: without its latent `d1` is near 0.001, and without
/// parents a 4×4 grid drawn in one step is almost never valid.
const SMOKES: [Smoke; 2] = [
    Smoke { preset: "d1", metric: "accuracy", needed: 0.99, otherwise: "the latent no longer works" },
    Smoke {
        preset: "sudoku-4x4",
        metric: "valid_unconditional",
        needed: 0.9,
        otherwise: "tokens of one step no longer depend on each other",
    },
];

/// Trains the presets of [`SMOKES`] in a temporary folder; fails if a figure is too low.
pub(crate) fn run(workspace: &Workspace) -> Result<(), Failure> {
    let program = build(workspace)?;
    let folder = Temporary::new("smoke")?;
    SMOKES.iter().try_for_each(|smoke| smoke.run(&program, folder.path()))
}

impl Smoke {
    fn run(&self, program: &Path, folder: &Path) -> Result<(), Failure> {
        let Self { preset, metric, needed, otherwise } = self;
        let output = Command::new(program)
            .args(["train", "--preset", preset, "--seed", "1", "--json", "--run"])
            .arg(folder.join(preset))
            .stderr(Stdio::inherit())
            .output()
            .map_err(|error| Failure::of("run vmd", error))?;
        let text = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() {
            return Err(Failure::Wrong(format!("vmd train ended with {}; it wrote:\n{text}", output.status)));
        }
        let value = in_one_step(metric, &text).map_err(Failure::Wrong)?;
        println!("smoke: {preset}, {metric} in one step {value} (needs {needed})");
        // This form also fails for NaN.
        if value >= *needed {
            return Ok(());
        }
        Err(Failure::Wrong(format!(
            "{preset}: {metric} in one step, {value}, is below {needed}; {otherwise}"
        )))
    }
}

/// Builds `vmd` with the same features as the tests, so that its dependencies are not compiled
/// again.
fn build(workspace: &Workspace) -> Result<PathBuf, Failure> {
    let status = cargo()
        .args(["build", "--workspace", "--release", "--locked", "--bins", "--tests"])
        .current_dir(&workspace.root)
        .status()
        .map_err(|error| Failure::of("run cargo build", error))?;
    if status.success() { Ok(workspace.program(Program::Vmd.name())) } else { Err(Failure::Reported) }
}

/// The figure `metric` at one evaluation in the JSON lines of `text`.
fn in_one_step(metric: &str, text: &str) -> Result<f64, String> {
    let mut found = None;
    for line in text.lines() {
        let record: Value = serde_json::from_str(line).map_err(|error| {
            format!("with --json, standard output must be JSON lines, not `{line}` ({error})")
        })?;
        if record["metric"] == metric && record["nfe"] == 1 {
            found = record["value"].as_f64();
        }
    }
    found.ok_or_else(|| format!("no record with metric {metric} and nfe 1 in:\n{text}"))
}

#[cfg(test)]
mod tests {
    use super::in_one_step;

    const GOOD: &str = "{\"metric\":\"accuracy\",\"nfe\":2,\"value\":1.0}\n{\"metric\":\"kl_exact\",\"nfe\":1,\"value\":0.1}\n\
                        {\"metric\":\"accuracy\",\"nfe\":1,\"value\":0.995}\n";

    #[test]
    fn the_right_record_is_found() {
        assert_eq!(in_one_step("accuracy", GOOD), Ok(0.995));
    }

    #[test]
    fn anything_but_json_lines_fails() {
        assert!(in_one_step("accuracy", &format!("training…\n{GOOD}")).is_err());
    }

    #[test]
    fn a_missing_record_or_value_fails() {
        assert!(in_one_step("accuracy", "").is_err());
        assert!(in_one_step("accuracy", "{\"metric\":\"accuracy\",\"nfe\":2,\"value\":1.0}").is_err());
        assert!(in_one_step("accuracy", "{\"metric\":\"accuracy\",\"nfe\":1,\"value\":null}").is_err());
    }
}
