//! The benchmark, on its smallest case.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use crate::common::lab;
use predicates::str::contains;

#[test]
fn a_case_is_timed_and_recorded() {
    let at = tempfile::tempdir().unwrap();
    let output =
        lab(at.path()).args(["bench", "--only", "product", "--rounds", "2", "--json"]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let lines: Vec<serde_json::Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let metrics: Vec<&str> = lines.iter().map(|record| record["metric"].as_str().unwrap()).collect();
    assert_eq!(metrics, ["seconds", "gflop_per_second", "peak_mib"]);
    assert!(lines[0]["value"].as_f64().unwrap() > 0.0 && lines[0]["n"] == 2);
    assert!(String::from_utf8(output.stderr).unwrap().contains("PyTorch is skipped"));
    let saved = std::fs::read_to_string(at.path().join("runs/bench-001/bench.jsonl")).unwrap();
    assert_eq!(saved.lines().count(), 3);
}

#[test]
fn an_unknown_group_or_interpreter_is_named() {
    let at = tempfile::tempdir().unwrap();
    lab(at.path()).args(["bench", "--only", "stpe"]).assert().code(2).stderr(contains("`stpe`"));
    let mut missing = lab(at.path());
    missing.args(["bench", "--only", "product", "--rounds", "1", "--torch", "/no/python"]);
    missing.assert().code(1).stderr(contains("/no/python"));
    // An interpreter without PyTorch: `false` ends at once.
    let mut other = lab(at.path());
    other.args(["bench", "--only", "product", "--rounds", "1", "--torch", "false"]);
    other.assert().code(1).stderr(contains("import torch"));
}
