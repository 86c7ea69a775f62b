//! Sudoku: solving, generating, and the model that comes with the program.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use std::fs;
use std::path::Path;

use crate::common::{vmd, workplace};
use predicates::str::contains;
use serde_json::Value;

fn json_lines(stdout: &[u8]) -> Vec<Value> {
    let text = String::from_utf8(stdout.to_vec()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

const PUZZLE: &str = "080050060460907108005000029970006500000872031300049000004025003010000480603100007";

/// Records of `evaluate-sudoku` with the shipped model.
fn evaluate(at: &Path, arguments: &[&str]) -> Vec<Value> {
    let mut command = vmd(at);
    command.args(["evaluate-sudoku", "--model", "shipped", "--json"]).args(arguments);
    json_lines(&command.output().unwrap().stdout)
}

/// Figures of `metric` over all puzzles.
fn values(records: &[Value], metric: &str) -> Vec<f64> {
    let whole = records.iter().filter(|record| record["metric"] == metric && record["band"].is_null());
    whole.map(|record| record["value"].as_f64().unwrap()).collect()
}

#[test]
fn the_model_that_comes_with_the_program_keeps_its_figures() {
    let folder = workplace();
    let make = |file: &str, options: &[&str]| {
        let mut data = vmd(folder.path());
        data.args(["data", "sudoku", "--seed", "11", "--out", file]).args(options).assert().success();
    };
    make("easy.csv", &["--count", "60"]);
    make("hard.csv", &["--count", "20", "--min-clues", "22", "--max-clues", "26", "--harden", "50"]);
    let easy = evaluate(folder.path(), &["--puzzles", "easy.csv", "--reveal", "margin", "--nfe", "10"]);
    assert!(values(&easy, "solved")[0] >= 0.95, "{:?}", values(&easy, "solved"));
    let search = ["--search", "0.7", "--nfe", "200"];
    let hard = evaluate(folder.path(), &[&["--puzzles", "hard.csv"], &search[..]].concat());
    let (solved, nfe) = (values(&hard, "solved")[0], values(&hard, "mean_nfe")[0]);
    assert!(solved >= 0.95 && nfe <= 50.0, "{solved} in {nfe} evaluations");
    let blank =
        ["--unconditional", "60", "--reveal", "entropy", "--value", "categorical(0.15)", "--nfe", "1,16"];
    let grids = values(&evaluate(folder.path(), &blank), "valid_unconditional");
    assert!(grids[0] >= 0.25 && grids[1] >= 0.85, "{grids:?}");
}

#[test]
fn a_puzzle_is_solved_where_nothing_was_trained_and_the_way_is_drawn() {
    let folder = workplace();
    let solve = |options: &[&str]| {
        let mut command = vmd(folder.path());
        command.args(["solve", PUZZLE]).args(options);
        command
    };
    let result = json_lines(&solve(&["--json", "--svg", "way.svg"]).output().unwrap().stdout);
    assert_eq!((&result[0]["solved"], &result[0]["model"]), (&true.into(), &"shipped".into()));
    let svg = fs::read_to_string(folder.path().join("way.svg")).unwrap();
    let caption = format!("solved in {} evaluations", result[0]["nfe"]);
    for part in ["<svg ", "<animate ", "font-weight=\"bold\"", caption.as_str(), "</svg>"] {
        assert!(svg.contains(part), "{part}");
    }
    solve(&["--reveal", "margin", "--nfe", "20"])
        .assert()
        .success()
        .stdout(contains("20 network evaluations"));
    solve(&["--search", "2"]).assert().code(2).stderr(contains("threshold: must lie in 0..=1, not 2"));
    solve(&["--search", "0.5", "--reveal", "margin"])
        .assert()
        .code(2)
        .stderr(contains("cannot be used with"));
    solve(&["--remask", "backtrack"]).assert().code(2).stderr(contains("--search"));
    solve(&["--loops", "0"]).assert().code(2).stderr(contains("--loops must be 1 or more"));
    solve(&["--svg", "missing/way.svg"]).assert().code(1).stderr(contains("missing/way.svg"));
}

#[test]
fn a_baseline_stands_beside_the_model() {
    let folder = workplace();
    let few = ["--limit", "4", "--reveal", "margin", "--nfe", "2,3", "--loops", "3"];
    let rules = ["--baseline", "shipped", "--plot", "plot.svg"];
    let records = evaluate(folder.path(), &[&few[..], &rules].concat());
    let cells = values(&records, "cell_accuracy");
    assert_eq!(cells.len(), 4, "two numbers of steps, two models");
    // The baseline is the same model.
    assert_eq!(cells[..2], cells[2..]);
    assert!(records.iter().all(|record| record["loops"] == 3));
    let svg = fs::read_to_string(folder.path().join("plot.svg")).unwrap();
    for part in ["margin, model", "margin, baseline", "puzzles solved"] {
        assert!(svg.contains(part), "{part}");
    }
    let table = |options: &[&str]| {
        let mut command = vmd(folder.path());
        command.args(["evaluate-sudoku", "--model", "shipped", "--baseline", "shipped"]).args(options);
        command.assert().success().stdout(contains("baseline"))
    };
    table(&few);
    table(&["--unconditional", "2", "--reveal", "entropy-bound(9)", "--plot", "grids.svg"]);
    assert!(fs::read_to_string(folder.path().join("grids.svg")).unwrap().contains("valid grids"));
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
    train.assert().success().stdout(contains("sudoku, sudoku-easy"));
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
            "--unconditional",
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
    let record = records.iter().find(|record| record["metric"] == "valid_unconditional").unwrap();
    assert_eq!(
        (&record["n"], &record["value"]),
        (&3.into(), &0.0.into()),
        "two steps of an untrained network"
    );
    assert_eq!(record["value_rule"], "categorical", "argmax would give one grid three times: {record}");
    grids("0").assert().code(2).stderr(contains("--unconditional must be 1 or more"));
    grids("3").args(["--limit", "2"]).assert().code(2);
    let puzzle = "080050060460907108005000029970006500000872031300049000004025003010000480603100007";
    let solve = vmd(folder.path()).args(["solve", puzzle, "--json"]).output().unwrap();
    let result = json_lines(&solve.stdout);
    assert_eq!(result[0]["puzzle"].as_str().unwrap().replace('.', "0"), puzzle);
    assert_eq!(result[0]["solved"].as_bool().unwrap(), solve.status.success());
}

#[test]
fn grids_unconditional_are_written_and_measured() {
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
    // A search finds valid grids with any network, but an untrained one needs many evaluations.
    let generate = |options: &[&str]| {
        let mut command = vmd(folder.path());
        command.args(["generate-sudoku", "--count", "30", "--search", "1"]);
        command.args(["--nfe", "3000"]).args(options);
        command
    };
    let output = generate(&["--json", "--out", "grids.txt"]).output().unwrap();
    let records = json_lines(&output.stdout);
    let value = |metric: &str| {
        let record = records.iter().find(|record| record["metric"] == metric).expect(metric);
        record["value"].as_f64().unwrap()
    };
    assert_eq!(value("valid_unconditional"), 1.0);
    let written = fs::read_to_string(folder.path().join("grids.txt")).unwrap();
    assert_eq!(written.lines().count(), 30);
    let different = written.lines().collect::<std::collections::HashSet<_>>().len();
    assert_eq!(value("distinct"), different as f64);
    // There are two grids of 4×4 up to symmetry, and twelve examples contain both.
    assert!((1.0..=2.0).contains(&value("distinct_up_to_symmetry")));
    assert_eq!(value("copied"), 30.0);
    assert!(!records.iter().any(|record| record["metric"] == "puzzles_unique"));
    let text = String::from_utf8(generate(&[]).output().unwrap().stdout).unwrap();
    for part in [
        "valid_unconditional",
        "100",
        "up_to_symmetry",
        "training_grids",
        "12",
        "chi_square_random",
        "p_value",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    generate(&["--count", "0"]).assert().code(2);
    fs::write(folder.path().join("large.txt"), format!("{}\n", ".".repeat(80) + "1")).unwrap();
    generate(&["--patterns", "large.txt"]).assert().code(2).stderr(contains("holds no 4×4 puzzle"));
}
