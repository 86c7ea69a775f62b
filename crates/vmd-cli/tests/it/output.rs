//! Output and files of the commands.

use std::fs;

use crate::common::{vmd, workplace};
use predicates::str::contains;
use serde_json::Value;

fn json_lines(output: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(output).expect("output is text");
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}")))
        .collect()
}

#[test]
fn training_leaves_a_complete_run_folder_and_prints_only_json_when_asked() {
    let folder = workplace();
    let output = vmd(folder.path())
        .args(["train", "--config", "tiny.toml", "--run", "run", "--json"])
        .output()
        .unwrap();
    assert!(output.status.success());
    let records = json_lines(&output.stdout);
    let metrics: Vec<&str> = records.iter().map(|record| record["metric"].as_str().unwrap()).collect();
    assert_eq!(metrics, ["accuracy", "kl_exact", "accuracy", "kl_exact"]);
    for record in &records {
        for key in [
            "task",
            "dataset",
            "split",
            "value",
            "ci95",
            "n",
            "nfe",
            "reveal",
            "value_rule",
            "remask",
            "best_of",
            "model",
            "seed",
            "revision",
            "config_sha256",
        ] {
            assert!(record.get(key).is_some(), "{key} is missing in {record}");
        }
    }
    for file in [
        "config.toml",
        "meta.json",
        "metrics.jsonl",
        "plots/loss.svg",
        "model/model.safetensors",
        "model/config.json",
        "model/README.md",
        "checkpoints/step-00000060/trainer.json",
    ] {
        assert!(folder.path().join("run").join(file).is_file(), "{file}");
    }
    assert!(fs::read_to_string(folder.path().join("run/plots/loss.svg")).unwrap().contains("<svg"));
}

#[test]
fn the_resolved_configuration_trains_to_the_same_weights() {
    let folder = workplace();
    let train = |arguments: &[&str]| vmd(folder.path()).arg("train").args(arguments).assert().success();
    train(&["--config", "tiny.toml", "--run", "a", "--seed", "9"]);
    train(&["--config", "a/config.toml", "--run", "b"]);
    train(&["--config", "tiny.toml", "--run", "c"]);
    let weights = |run: &str| fs::read(folder.path().join(run).join("model/model.safetensors")).unwrap();
    assert_eq!(weights("a"), weights("b"));
    assert_ne!(weights("a"), weights("c"), "another seed gives another model");
}

#[test]
fn samples_are_reproducible_and_as_many_as_asked_for() {
    let folder = workplace();
    vmd(folder.path()).args(["train", "--config", "tiny.toml", "--run", "run"]).assert().success();
    let sample = |seed: &str| {
        let output = vmd(folder.path())
            .args(["sample", "--model", "run", "--count", "5", "--nfe", "2", "--json", "--seed", seed])
            .output()
            .unwrap();
        assert!(output.status.success());
        json_lines(&output.stdout)
    };
    assert_eq!(sample("1").len(), 5);
    assert_eq!(sample("1"), sample("1"));
    assert_ne!(sample("1"), sample("2"));
    assert!(sample("1").iter().all(|line| line["nfe"].as_u64().unwrap() <= 2));
}

#[test]
fn puzzles_are_generated_as_asked() {
    let folder = workplace();
    for (size, cells) in [("4", 16), ("9", 81)] {
        vmd(folder.path())
            .args(["data", "sudoku", "--count", "3", "--size", size, "--out", "puzzles.csv", "--seed", "4"])
            .assert()
            .success()
            .stdout(contains("3 puzzles"));
        let text = fs::read_to_string(folder.path().join("puzzles.csv")).unwrap();
        let rows: Vec<Vec<&str>> = text.lines().skip(1).map(|line| line.split(',').collect()).collect();
        assert_eq!(rows.len(), 3);
        assert!(rows.iter().all(|row| row.len() == 2 && row[0].len() == cells && row[1].len() == cells));
    }
}

/// The committed file equals the output of the documented command.
#[test]
fn the_embedded_puzzles_are_what_their_card_says() {
    let folder = workplace();
    vmd(folder.path())
        .args(["data", "sudoku", "--count", "500", "--seed", "2026", "--out", "puzzles.csv"])
        .assert()
        .success();
    let made = fs::read(folder.path().join("puzzles.csv")).unwrap();
    let kept =
        fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../vmd-tasks/datasets/sudoku-easy.csv")).unwrap();
    assert!(made == kept, "the generator no longer makes the puzzles of crates/vmd-tasks/datasets");
}

#[test]
fn help_calls_the_program_by_its_name_and_shows_defaults() {
    let folder = workplace();
    let help = |arguments: &[&str]| {
        let output = vmd(folder.path()).args(arguments).arg("--help").output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains("Usage: vmd") && !text.contains("xtask"), "{text}");
        text
    };
    let all = help(&[]);
    let (_, commands) = all.split_once("Commands:").unwrap();
    let names = commands.lines().skip(1).take_while(|line| !line.is_empty());
    // Continuation lines of descriptions are indented further.
    let names = names.filter_map(|line| line.strip_prefix("  ").filter(|rest| !rest.starts_with(' ')));
    let names: Vec<&str> = names.filter_map(|line| line.split_whitespace().next()).collect();
    assert!(names.len() >= 10, "{names:?}");
    for name in names.into_iter().filter(|name| *name != "help") {
        help(&[name]);
    }
    for (command, defaults) in [
        ("sample", ["[default: ancestral]", "[default: 4]"]),
        ("evaluate-sudoku", ["[default: margin,top-prob for Sudoku", "[default: 5,10,20 for Sudoku"]),
        ("evaluate-text", ["else ancestral]", "else 1,2,4]"]),
        ("generate-sudoku", ["[default: entropy]", "[default: categorical(0.5)]"]),
        ("solve", ["[default: 1000]", "threshold(0.9)"]),
    ] {
        // Lines may break anywhere.
        let text = help(&[command]).split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(defaults.iter().all(|default| text.contains(default)), "{text}");
    }
}

#[test]
fn every_preset_resolves() {
    let folder = workplace();
    let names = vmd(folder.path()).arg("presets").output().unwrap();
    let names = String::from_utf8(names.stdout).unwrap();
    assert!((12..=20).contains(&names.lines().count()), "{names}");
    for name in names.lines().filter_map(|line| line.split_whitespace().next()) {
        // A preset with an additional unknown key must fail only because of that key.
        vmd(folder.path())
            .args(["train", "--preset", name, "--set", "train.nonsense=1"])
            .assert()
            .code(2)
            .stderr(contains("nonsense"));
        vmd(folder.path()).args(["presets", name]).assert().success().stdout(contains("[train]"));
    }
}

#[cfg(unix)]
#[test]
fn a_reader_that_leaves_ends_the_program_quietly_and_a_full_disk_with_a_message() {
    let folder = workplace();
    let into = |stdout: std::process::Stdio| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_vmd"));
        command.current_dir(folder.path()).arg("presets").stdout(stdout).output().unwrap()
    };
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let left = into(writer.into());
    assert!(left.status.code() == Some(141) && left.stderr.is_empty(), "{left:?}");
    let Ok(full) = fs::OpenOptions::new().write(true).open("/dev/full") else { return };
    let full = into(full.into());
    let message = String::from_utf8(full.stderr).unwrap();
    assert_eq!(full.status.code(), Some(1), "{message}");
    assert!(
        message.starts_with("error: failed printing to stdout") && !message.contains("panicked"),
        "{message}"
    );
}
