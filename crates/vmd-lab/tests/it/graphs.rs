//! Learns a graph and trains a model with it.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use std::fs;

use crate::common::{preset, vmd};
use predicates::str::contains;
use serde_json::Value;
use vmd::graph::DependencyGraph;

#[test]
fn a_graph_is_learned_saved_drawn_measured_and_used() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let output = vmd(at)
        .args(["train", "--config"])
        .arg(preset("graph-d2"))
        .args(["--run", "learn", "--json"])
        .assert()
        .success()
        .stderr(contains("learned graph: 2 edges (2 in the data: precision 100.0 %, recall 100.0 %)"));
    let records = String::from_utf8(output.get_output().stdout.clone()).unwrap();
    let records: Vec<Value> = records.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of =
        |metric: &str| records.iter().find(|record| record["metric"] == metric).unwrap()["value"].clone();
    assert_eq!(
        (of("graph_edges"), of("graph_precision"), of("graph_recall")),
        (2.0.into(), 1.0.into(), 1.0.into())
    );
    let graph = DependencyGraph::from_file(at.join("learn/graph.toml")).unwrap();
    assert_eq!(graph.pairs().into_iter().collect::<Vec<_>>(), [(0, 1), (2, 3)]);
    let picture = fs::read_to_string(at.join("learn/plots/graph.svg")).unwrap();
    assert!(picture.contains("<svg") && picture.contains("graph-d2"));

    // The run keeps the graph that it was given, even if the file changes.
    let train = |arguments: &[&str]| {
        let mut command = vmd(at);
        command.args(["train", "--preset", "d2-mdm", "--run", "use", "--set", "train.steps=5"]);
        command.args(["--set", "model.denoiser.parents={}"]).args(arguments);
        command
    };
    let file = "model.graph={ kind = \"file\", path = \"learn/graph.toml\" }";
    train(&["--set", file]).assert().success();
    fs::remove_file(at.join("learn/graph.toml")).unwrap();
    assert!(fs::read_to_string(at.join("use/config.toml")).unwrap().contains("learned"));
    vmd(at).args(["evaluate-synthetic", "--model", "use"]).assert().success().stdout(contains("accuracy"));
    vmd(at).args(["train", "--run", "use", "--resume"]).assert().success();
    fs::remove_dir_all(at.join("use")).unwrap();
    train(&["--set", file]).assert().code(2).stderr(contains("cannot read the graph file learn/graph.toml"));
    train(&[]).assert().code(2).stderr(contains("model.denoiser.parents: the model has no [graph]"));
    vmd(at)
        .args(["train", "--config"])
        .arg(preset("graph-d2"))
        .args(["--set", "model.denoiser.trunk.mixing=attention"])
        .assert()
        .code(2)
        .stderr(contains("model.denoiser.gates: learned edges are factors on messages"));
}
