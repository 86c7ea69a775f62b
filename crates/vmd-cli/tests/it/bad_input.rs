//! Bad input gives one message that names the place and a remedy, and the right exit code.

use std::fs;
use std::path::Path;

use crate::common::{TINY, vmd, workplace};
use assert_cmd::assert::Assert;
use predicates::prelude::*;
use predicates::str::contains;

const SOLVED: &str = "789251364462937158135468729978316542546872931321549876894725613217693485653184297";

/// One message without a backtrace, this exit code, and nothing on standard output.
fn fails(assert: Assert, code: i32, parts: &[&str]) {
    let mut assert = assert.code(code).stdout("").stderr(contains("error: "));
    for part in parts {
        assert = assert.stderr(contains(*part));
    }
    assert.stderr(contains("panicked").not()).stderr(contains("backtrace").not());
}

fn solve(puzzle: &str) -> Assert {
    let folder = workplace();
    vmd(folder.path()).args(["solve", puzzle]).assert()
}

fn train(config: &str, arguments: &[&str]) -> (tempfile::TempDir, Assert) {
    let folder = workplace();
    fs::write(folder.path().join("tiny.toml"), config).expect("the test's own files and processes work");
    let assert = vmd(folder.path()).args(["train", "--config", "tiny.toml"]).args(arguments).assert();
    (folder, assert)
}

#[test]
fn a_puzzle_of_wrong_length() {
    fails(solve("123"), 2, &["3 cells"]);
}

#[test]
fn a_puzzle_with_letters() {
    fails(solve(&SOLVED.replacen('7', "x", 1)), 2, &["`x`", "position 1"]);
}

#[test]
fn a_puzzle_whose_clues_contradict_each_other() {
    fails(solve(&format!("11{}", ".".repeat(79))), 2, &["contradict", "row 1 has two 1s"]);
}

#[test]
fn a_puzzle_with_several_solutions() {
    fails(solve(&format!("123{}", ".".repeat(78))), 2, &["several solutions", "add clues"]);
}

#[test]
fn a_good_puzzle_without_a_model() {
    let (puzzle, folder) = (SOLVED.replacen('7', ".", 1), workplace());
    let solve = vmd(folder.path()).args(["solve", &puzzle, "--model", "missing"]).assert();
    fails(solve, 1, &["missing", "config.json"]);
    let synthetic = vmd(folder.path()).arg("evaluate-synthetic").assert();
    fails(synthetic, 2, &["no model of a synthetic set in runs/", "vmd train"]);
}

#[test]
fn every_problem_of_a_configuration_is_reported_at_once() {
    let config = TINY
        .replace("width = 16\nlayers = 1", "width = -1\nlayers = 1\ncolour = 3")
        .replace("steps = 60", "steps = 0");
    let (_, assert) = train(&config, &[]);
    fails(assert, 2, &["model.denoiser.trunk.width", "colour", "unknown field"]);
    let (_, assert) = train(
        TINY,
        &["--set", "train.steps=0", "--set", "train.learning_rate=-1", "--set", "train.batch_size=3"],
    );
    fails(
        assert,
        2,
        &[
            "train.steps: must be 1 or more",
            "train.learning_rate: must be above 0, not -1",
            "train.batch_size: 3",
        ],
    );
}

#[test]
fn an_unknown_preset_and_an_unknown_device() {
    let folder = workplace();
    fails(
        vmd(folder.path()).args(["train", "--preset", "sudok"]).assert(),
        2,
        &["no preset `sudok`", "sudoku"],
    );
    let (_, assert) = train(TINY, &["--device", "quantum"]);
    fails(assert, 2, &["no device `quantum`"]);
}

#[test]
fn resuming_with_another_configuration() {
    let (folder, assert) = train(TINY, &["--run", "run"]);
    assert.success();
    let other =
        vmd(folder.path()).args(["train", "--run", "run", "--resume", "--set", "train.steps=70"]).assert();
    fails(other, 2, &["another configuration", "steps = 60"]);
    let again = vmd(folder.path()).args(["train", "--config", "tiny.toml", "--run", "run"]).assert();
    fails(again, 2, &["already holds a run", "--resume"]);
    let nothing = vmd(folder.path()).args(["train", "--run", "elsewhere", "--resume"]).assert();
    fails(nothing, 2, &["no run to resume"]);
}

/// The newest checkpoint of `run`.
fn newest(run: &Path) -> std::path::PathBuf {
    let mut folders: Vec<_> = fs::read_dir(run.join("checkpoints"))
        .expect("the test's own files and processes work")
        .map(|entry| entry.expect("the test's own files and processes work").path())
        .collect();
    folders.sort();
    folders.pop().expect("the test's own files and processes work")
}

#[test]
fn a_truncated_an_edited_and_a_missing_checkpoint_file() {
    let (folder, assert) = train(TINY, &["--run", "run"]);
    assert.success();
    let checkpoint = newest(&folder.path().join("run"));
    let resume = || vmd(folder.path()).args(["train", "--run", "run", "--resume"]).assert();
    let weights = checkpoint.join("model.safetensors");
    let good = fs::read(&weights).unwrap();
    fs::write(&weights, &good[..good.len() / 2]).unwrap();
    fails(resume(), 1, &["model.safetensors", "damaged", "delete that folder"]);
    let mut edited = good.clone();
    *edited.last_mut().unwrap() ^= 1;
    fs::write(&weights, &edited).unwrap();
    fails(resume(), 1, &["model.safetensors", "SHA-256"]);
    fs::remove_file(&weights).unwrap();
    fails(resume(), 1, &["model.safetensors", "cannot be read"]);
    fs::write(&weights, &good).unwrap();
    fs::write(checkpoint.join("trainer.json"), "{").unwrap();
    fails(resume(), 1, &["trainer.json", "damaged"]);
    // Following the remedy in the message works.
    fs::remove_dir_all(&checkpoint).unwrap();
    resume().success();
}

#[test]
fn a_model_folder_that_is_none_or_damaged() {
    let (folder, assert) = train(TINY, &["--run", "run"]);
    assert.success();
    let sample = |model: &str| vmd(folder.path()).args(["sample", "--model", model]).assert();
    fails(sample("nowhere"), 1, &["config.json"]);
    let weights = folder.path().join("run/model/model.safetensors");
    let good = fs::read(&weights).unwrap();
    fs::write(&weights, &good[..100]).unwrap();
    fails(sample("run/model"), 1, &["model.safetensors", "safetensors file"]);
    fs::write(&weights, [0xff; 64]).unwrap();
    fails(sample("run/model"), 1, &["model.safetensors"]);
    let other = fs::read_to_string(folder.path().join("run/model/config.json"))
        .unwrap()
        .replace("\"n_classes\": 4", "\"n_classes\": 5");
    fs::write(&weights, &good).unwrap();
    fs::write(folder.path().join("run/model/config.json"), other).unwrap();
    fails(sample("run/model"), 1, &["tensor", "shape"]);
}

/// Even the superuser cannot create a folder inside a file.
#[test]
fn a_run_folder_that_cannot_be_written() {
    let folder = workplace();
    fs::write(folder.path().join("file"), "").unwrap();
    let below = vmd(folder.path()).args(["train", "--config", "tiny.toml", "--run", "file/run"]).assert();
    fails(below, 1, &["cannot create folder", "file/run"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_read_only_run_folder() {
    // Part of /sys is read-only for all users.
    let folder = workplace();
    let assert =
        vmd(folder.path()).args(["train", "--config", "tiny.toml", "--run", "/sys/vmd-run"]).assert();
    fails(assert, 1, &["cannot create folder", "/sys/vmd-run"]);
}

#[test]
fn a_puzzle_file_with_a_bad_line() {
    let folder = workplace();
    let tiny = [
        "train.steps=1",
        "train.batch_size=2",
        "train.validation_examples=2",
        "model.denoiser.trunk.loops=1",
    ];
    let mut train = vmd(folder.path());
    train.args(["train", "--preset", "sudoku-mdm", "--run", "run", "--set", "evaluate.nfe=[1]"]);
    tiny.iter().for_each(|setting| {
        train.args(["--set", setting]);
    });
    train.assert().success();
    let evaluate = |text: &str| {
        fs::write(folder.path().join("p.csv"), text).unwrap();
        vmd(folder.path()).args(["evaluate-sudoku", "--model", "run", "--puzzles", "p.csv"]).assert()
    };
    fails(evaluate(&format!("puzzle,solution\n{SOLVED},{SOLVED}\n12x4\n")), 1, &["p.csv", "line 3"]);
    fails(evaluate(""), 1, &["p.csv", "no puzzles"]);
    fails(evaluate("1234341221434321\n"), 2, &["16 cells", "81"]);
}

#[test]
fn a_precision_is_checked() {
    let at = workplace();
    let train = |precision: &str| {
        let mut command = vmd(at.path());
        command.args(["train", "--config", "tiny.toml", "--precision", precision]);
        command.assert()
    };
    train("f8").code(2).stderr(contains("f32, bf16 or f16"));
    train("f16").code(2).stderr(contains("--precision f32"));
}
