//! What the commands print and leave behind.

mod common;

use std::fs;

use common::{vmd, workplace};
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
            "reveal_noise",
            "value_rule",
            "remask",
            "latent_rule",
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

/// The file in the repository is what the documented command makes.
#[test]
fn the_embedded_puzzles_are_what_their_card_says() {
    let folder = workplace();
    vmd(folder.path())
        .args(["data", "sudoku", "--count", "500", "--seed", "2026", "--out", "puzzles.csv"])
        .assert()
        .success();
    let made = fs::read(folder.path().join("puzzles.csv")).unwrap();
    let kept =
        fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../../datasets/sudoku-easy/puzzles.csv")).unwrap();
    assert!(made == kept, "the generator no longer makes datasets/sudoku-easy/puzzles.csv");
}

#[test]
fn every_preset_resolves() {
    let folder = workplace();
    let names = vmd(folder.path()).arg("presets").output().unwrap();
    let names = String::from_utf8(names.stdout).unwrap();
    assert!(names.lines().count() >= 12);
    for name in names.lines().filter_map(|line| line.split_whitespace().next()) {
        // A preset with one more, unknown key must fail on that key alone: everything else in it was accepted.
        vmd(folder.path())
            .args(["train", "--preset", name, "--set", "train.nonsense=1"])
            .assert()
            .code(2)
            .stderr(contains("nonsense"));
        vmd(folder.path()).args(["presets", name]).assert().success().stdout(contains("[train]"));
    }
}

#[test]
fn a_small_sudoku_model_trains_and_is_evaluated() {
    let folder = workplace();
    let tiny = [
        "train.steps=3",
        "train.batch_size=4",
        "train.validation_examples=4",
        "model.denoiser.trunk.loops=1",
        "model.denoiser.trunk.width=16",
    ];
    let mut train = vmd(folder.path());
    train.args(["train", "--preset", "sudoku", "--run", "runs/s", "--set", "evaluate.nfe=[1]"]);
    tiny.iter().for_each(|setting| {
        train.args(["--set", setting]);
    });
    train.assert().success().stdout(contains("500 puzzles of sudoku-easy"));
    let output = vmd(folder.path())
        .args([
            "evaluate-sudoku",
            "--limit",
            "20",
            "--reveal",
            "margin,threshold(0.5)",
            "--nfe",
            "2,3",
            "--json",
        ])
        .output()
        .unwrap();
    let records = json_lines(&output.stdout);
    let metrics = ["solved", "valid", "cell_accuracy", "mean_nfe", "seconds"];
    for metric in metrics {
        assert!(records.iter().any(|record| record["metric"] == metric), "{metric}");
    }
    assert!(records.iter().any(|record| record["nfe"].is_null() && record["reveal"] == "threshold(0.5)"));
    let grids = |count: &str| {
        let mut command = vmd(folder.path());
        command.args([
            "evaluate-sudoku",
            "--from-nothing",
            count,
            "--reveal",
            "entropy",
            "--nfe",
            "2",
            "--json",
        ]);
        command
    };
    let records = json_lines(&grids("3").output().unwrap().stdout);
    let record = records.iter().find(|record| record["metric"] == "valid_from_nothing").unwrap();
    assert_eq!(
        (&record["n"], &record["value"]),
        (&3.into(), &0.0.into()),
        "two steps of an untrained network"
    );
    assert_eq!(record["value_rule"], "categorical", "argmax would give one grid three times: {record}");
    grids("0").assert().code(2).stderr(contains("--from-nothing must be 1 or more"));
    grids("3").args(["--limit", "2"]).assert().code(2);
    let puzzle = "080050060460907108005000029970006500000872031300049000004025003010000480603100007";
    let solve = vmd(folder.path()).args(["solve", puzzle, "--json"]).output().unwrap();
    let result = json_lines(&solve.stdout);
    assert_eq!(result[0]["puzzle"].as_str().unwrap().replace('.', "0"), puzzle);
    assert_eq!(result[0]["solved"].as_bool().unwrap(), solve.status.success());
}

#[test]
fn grids_from_nothing_are_written_and_measured() {
    let folder = workplace();
    let mut train = vmd(folder.path());
    train.args(["train", "--preset", "sudoku-mdm", "--run", "runs/s", "--set", "evaluate.nfe=[1]"]);
    let tiny = [
        "data={ kind = \"sudoku\", box_rows = 2, box_cols = 2, puzzles = 0.5 }",
        "model.graph={ kind = \"sudoku\", box_rows = 2, box_cols = 2 }",
        "train.steps=3",
        "train.batch_size=4",
        "train.validation_examples=4",
        "model.denoiser.trunk.width=16",
        "evaluate.samples=1",
    ];
    tiny.iter().for_each(|setting| {
        train.args(["--set", setting]);
    });
    train.assert().success();
    // A search finds valid grids whatever the network says.
    let generate = |options: &[&str]| {
        let mut command = vmd(folder.path());
        command.args([
            "generate-sudoku",
            "--count",
            "30",
            "--reveal",
            "threshold(1)",
            "--remask",
            "backtrack",
        ]);
        command.args(["--nfe", "500"]).args(options);
        command
    };
    let output = generate(&["--json", "--out", "grids.txt"]).output().unwrap();
    let records = json_lines(&output.stdout);
    let value = |metric: &str| {
        let record = records.iter().find(|record| record["metric"] == metric).expect(metric);
        record["value"].as_f64().unwrap()
    };
    assert_eq!(value("valid_from_nothing"), 1.0);
    let written = fs::read_to_string(folder.path().join("grids.txt")).unwrap();
    assert_eq!(written.lines().count(), 30);
    let different = written.lines().collect::<std::collections::HashSet<_>>().len();
    assert_eq!(value("distinct"), different as f64);
    // There are two grids of 4×4 up to symmetry, and twelve examples show both.
    assert!((1.0..=2.0).contains(&value("distinct_up_to_symmetry")));
    assert_eq!(value("copied"), 30.0);
    assert!(!records.iter().any(|record| record["metric"] == "puzzles_unique"));
    let text = String::from_utf8(generate(&[]).output().unwrap().stdout).unwrap();
    for part in ["valid", "100", "up to symmetry", "among the 12 grids", "random grids", "p = "] {
        assert!(text.contains(part), "{part}: {text}");
    }
    generate(&["--count", "0"]).assert().code(2);
    fs::write(folder.path().join("large.txt"), format!("{}\n", ".".repeat(80) + "1")).unwrap();
    generate(&["--patterns", "large.txt"]).assert().code(2).stderr(contains("holds no 4×4 puzzle"));
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
