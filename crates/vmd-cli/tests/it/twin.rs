//! A model with a latent, compared with the same model without one.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use std::fs;
use std::path::Path;

use crate::common::vmd;
use predicates::str::contains;
use serde_json::Value;

/// Overrides that make the default job take seconds.
const SMALL: [&str; 9] = [
    "model.denoiser.trunk.width=16",
    "model.denoiser.trunk.layers=1",
    "model.latent.posterior.trunk.width=16",
    "train.steps=12",
    "train.batch_size=8",
    "train.validate_every=6",
    "train.validation_examples=8",
    "evaluate.nfe=[1,2]",
    "evaluate.samples=50",
];

/// A small `vmd train`, which is the default job unless `arguments` override it.
fn train(at: &Path, arguments: &[&str]) -> assert_cmd::Command {
    let mut command = vmd(at);
    command.arg("train").args(arguments);
    SMALL.iter().for_each(|setting| {
        command.args(["--set", setting]);
    });
    command
}

fn records(output: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(output).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn without_arguments_a_model_is_trained_with_its_latent_and_without() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let run = train(at, &[]).assert().success();
    run.stdout(contains("with latent")).stdout(contains("without latent"));
    let picture = fs::read_to_string(at.join("runs/grids-4x4-001/plots/latent-and-none.svg")).unwrap();
    for part in ["<svg", "with latent", "without latent", "grids-4x4"] {
        assert!(picture.contains(part), "{part}");
    }
    let config = |run: &str| fs::read_to_string(at.join(run).join("config.toml")).unwrap();
    assert!(config("runs/grids-4x4-001").contains("[model.latent"));
    assert!(!config("runs/grids-4x4-001-mdm").contains("[model.latent"));
    // Other commands use the model with the latent.
    let measured = vmd(at).args(["evaluate-synthetic", "--nfe", "1", "--json"]).output().unwrap();
    assert!(records(&measured.stdout).iter().all(|record| record["has_latent"] == true));
    // A second run uses new folders.
    let json = train(at, &["--json"]).output().unwrap();
    let latents: Vec<bool> = records(&json.stdout).iter().map(|r| r["has_latent"] == true).collect();
    assert!(latents.contains(&true) && latents.contains(&false), "{latents:?}");
    assert!(at.join("runs/grids-4x4-002-mdm/model").is_dir());
}

#[test]
fn the_twin_is_the_preset_without_a_latent() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    train(at, &["--preset", "d2", "--twin", "--run", "pair"]).assert().success();
    let mut plain = vmd(at);
    plain.args(["train", "--preset", "d2-mdm", "--run", "plain"]);
    SMALL.iter().filter(|setting| !setting.contains("latent")).for_each(|setting| {
        plain.args(["--set", setting]);
    });
    plain.assert().success();
    let weights = |run: &str| fs::read(at.join(run).join("model/model.safetensors")).unwrap();
    assert!(weights("pair-mdm") == weights("plain"));
}

#[cfg(unix)]
#[test]
fn an_interrupted_pair_goes_on_where_it_was() {
    use std::process::{Command, Stdio};
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let steps = ["--set", "train.steps=300"];
    let mut first = Command::new(assert_cmd::cargo::cargo_bin("vmd"));
    first.current_dir(at).args(["train", "--run", "pair"]);
    SMALL.iter().for_each(|setting| {
        first.args(["--set", setting]);
    });
    let child = first.args(steps).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let metrics = at.join("pair-mdm/metrics.jsonl");
    while fs::read_to_string(&metrics).map_or(0, |text| text.lines().count()) < 5 {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{text}");
    assert!(text.contains("Go on with: vmd train --twin --run pair --resume"), "{text}");
    let resume = ["train", "--twin", "--run", "pair", "--resume", "--json"];
    let resumed = vmd(at).args(resume).output().unwrap();
    assert!(resumed.status.success(), "{}", String::from_utf8_lossy(&resumed.stderr));
    let whole = train(at, &["--run", "whole", "--json"]).args(steps).output().unwrap();
    let values = |output: &[u8]| -> Vec<Value> {
        records(output).into_iter().map(|record| record["value"].clone()).collect()
    };
    assert_eq!(values(&resumed.stdout), values(&whole.stdout));
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let refused = |arguments: &[&str], part: &str| {
        vmd(at).arg("train").args(arguments).assert().code(2).stdout("").stderr(contains(part));
    };
    refused(&["--twin", "--preset", "d1-mdm"], "d1-mdm has no latent");
    refused(&["--twin", "--resume"], "there is no run in runs/");
    assert!(!at.join("runs").exists(), "nothing was begun");
}
