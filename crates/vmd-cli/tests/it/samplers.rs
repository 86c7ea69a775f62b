//! Valid and invalid options of samplers.

use std::fs;

use crate::common::{vmd, workplace};
use assert_cmd::assert::Assert;
use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;

/// A folder with a trained model in `run`.
fn trained() -> tempfile::TempDir {
    let folder = workplace();
    vmd(folder.path()).args(["train", "--config", "tiny.toml", "--run", "run"]).assert().success();
    folder
}

/// Checks for exit code 2, a message with these parts, and no output.
fn refused(assert: Assert, parts: &[&str]) {
    let assert = assert.code(2).stdout("").stderr(contains("panicked").not());
    parts.iter().fold(assert, |assert, part| assert.stderr(contains(*part)));
}

#[test]
fn rules_that_do_not_fit_each_other_or_the_model_are_usage_errors() {
    let folder = trained();
    for command in ["sample", "evaluate-synthetic"] {
        let run =
            |options: &[&str]| vmd(folder.path()).args([command, "--model", "run"]).args(options).assert();
        refused(run(&["--reveal", "independent-set"]), &["the model has no graph"]);
        refused(run(&["--remask", "predict-remask"]), &["set reveal to top-prob, margin or entropy"]);
        refused(run(&["--remask", "cap(0.1)"]), &["`cap(0.1)`", "predict-remask"]);
        refused(run(&["--remask", "backtrack"]), &["`backtrack`", "--search"]);
        refused(run(&["--search", "0.7"]), &["--search is for sudoku"]);
        refused(run(&["--best-of", "0"]), &["best_of: must be 1 or more, not 0"]);
    }
}

#[test]
fn what_the_evaluation_lacks_shows_before_training() {
    let folder = workplace();
    let train = |settings: &[&str]| {
        let mut command = vmd(folder.path());
        command.args(["train", "--config", "tiny.toml"]);
        settings.iter().for_each(|setting| {
            command.args(["--set", setting]);
        });
        command.assert()
    };
    refused(train(&["evaluate.reveal=[\"independent-set\"]"]), &["evaluate.reveal: independent-set"]);
    refused(train(&["evaluate.reveal=[]"]), &["evaluate.reveal: it needs one rule or more"]);
    refused(train(&["evaluate.nfe=[]"]), &["evaluate.nfe: it needs one entry or more"]);
    refused(train(&["evaluate.nfe=[9223372036854775807]"]), &["evaluate.nfe", "more than 1000000; lower it"]);
    refused(train(&["objective.steps=4611686018427387904"]), &["objective.steps", "more than 1000000"]);
    let one_class = "model.latent.family={ kind = \"categorical\", n_groups = 1, n_classes = 1 }";
    refused(train(&[one_class]), &["model.latent.family", "set n_classes to 2 or more"]);
    let blocks = ["model.blocks=2", "model.denoiser.trunk.position=rotary", "evaluate.nfe=[1]"];
    refused(train(&blocks), &["evaluate.nfe: every entry must be a multiple of model.blocks = 2"]);
}

fn json_lines(output: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(output).expect("output is text");
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

#[test]
fn every_choice_reaches_the_sampler_and_its_figures() {
    let folder = trained();
    let run = |arguments: &[&str]| {
        let output = vmd(folder.path()).args(arguments).args(["--model", "run", "--json"]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        json_lines(&output.stdout)
    };
    let records = run(&[
        "evaluate-synthetic",
        "--nfe",
        "2",
        "--reveal",
        "margin",
        "--remask",
        "predict-remask",
        "--best-of",
        "3",
    ]);
    let find = |metric: &str| records.iter().find(|record| record["metric"] == metric).unwrap();
    let accuracy = find("accuracy");
    assert_eq!((&accuracy["remask"], &accuracy["best_of"]), (&"predict-remask".into(), &3.into()));
    assert_eq!(accuracy["split"], "samples", "no exact figure has that distribution");
    // Two tokens in two steps: at most two evaluations per attempt, and at most three attempts.
    assert!((1.0..=6.0).contains(&find("mean_nfe")["value"].as_f64().unwrap()));

    let plain = run(&["sample", "--count", "40"]);
    let best = run(&["sample", "--count", "40", "--best-of", "50"]);
    let valid = |lines: &[Value]| lines.iter().filter(|line| line["valid"] == true).count();
    assert!(valid(&plain) < 40 && valid(&best) > valid(&plain), "{plain:?}");
    for (plain, best) in plain.iter().zip(&best) {
        assert!(plain["valid"] == false || plain == best, "a first success is kept");
    }
}

#[test]
fn bounds_are_reported_with_their_draws_and_for_their_sampler() {
    let folder = trained();
    let run = |options: &[&str]| {
        vmd(folder.path()).args(["evaluate-synthetic", "--model", "run"]).args(options).assert()
    };
    for options in [
        ["--iwae", "0", "--nfe", "1"],
        ["--iwae", "8", "--reveal", "random-k"],
        ["--iwae", "8", "--best-of", "2"],
    ] {
        refused(run(&options), &["--iwae", "plain ancestral sampler"]);
    }
    let output = run(&["--iwae", "8", "--nfe", "1,2", "--json"]).success().get_output().stdout.clone();
    let records = json_lines(&output);
    let of = |metric: &str, nfe: usize| {
        records.iter().find(|record| record["metric"] == metric && record["nfe"] == nfe).unwrap()
    };
    for nfe in [1, 2] {
        let (one, many) = (of("bound", nfe), of("bound_iwae", nfe));
        assert_eq!((&one["latent_draws"], &many["latent_draws"]), (&1.into(), &8.into()));
        assert!(many["value"].as_f64() < one["value"].as_f64(), "{many} is not below {one}");
        // The divergence from the data is the cross-entropy of the sampler less the entropy of the
        // data, ln 10.
        let exact = of("kl_exact", nfe)["value"].as_f64().unwrap() + 10f64.ln();
        assert!(many["ci95"][1].as_f64().unwrap() > exact, "{many} is below {exact}");
        assert!(of("kl_exact", nfe).get("latent_draws").is_none());
    }
}

/// One step per block and no latent: the bound equals the cross-entropy.
#[test]
fn bounds_of_blocks_are_for_as_many_steps_as_the_sampler_has_in_all() {
    let (before, rest) = crate::common::TINY.split_once("[model.latent]").unwrap();
    let (_, after) = rest.split_once("[objective]").unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("tiny.toml"), format!("{before}[objective]{after}")).unwrap();
    let rotary = "model.denoiser.trunk.position=rotary";
    let blocks = ["--set", "data.set=d1", "--set", "model.blocks=2", "--set", "evaluate.nfe=[2]"];
    let train = ["train", "--config", "tiny.toml", "--run", "run", "--set", "train.steps=300"];
    vmd(folder.path()).args(train).args(blocks).args(["--set", rotary]).assert().success();
    let measured = ["evaluate-synthetic", "--model", "run", "--iwae", "1", "--nfe", "2", "--json"];
    let records = json_lines(&vmd(folder.path()).args(measured).output().unwrap().stdout);
    let of = |metric: &str| records.iter().find(|record| record["metric"] == metric).unwrap();
    let (bound, exact) = (of("bound"), of("kl_exact")["value"].as_f64().unwrap() + 10f64.ln());
    let [low, high] = [0, 1].map(|end| bound["ci95"][end].as_f64().unwrap());
    // Twice the interval.
    let (middle, half) = (f64::midpoint(low, high), (high - low).max(1e-4));
    assert!((middle - exact).abs() < half, "{middle} ± {half}, not {exact}");
}

#[test]
fn completions_of_clues_are_measured() {
    let folder = trained();
    let infill =
        ["evaluate-synthetic", "--model", "run", "--nfe", "1,2", "--given", "half", "--contexts", "20"];
    let json = vmd(folder.path()).args(infill).args(["--json", "--completions", "50"]).output().unwrap();
    let records: Vec<Value> =
        json_lines(&json.stdout).into_iter().filter(|record| record.get("band").is_some()).collect();
    let metrics: Vec<&str> = records.iter().map(|record| record["metric"].as_str().unwrap()).collect();
    let of_one =
        ["infill_accuracy", "infill_entropy", "infill_entropy_true_draws", "infill_entropy_true"].repeat(2);
    assert_eq!(metrics, of_one);
    assert!(records.iter().all(|record| record["n"] == 20 && record["band"] == "half of the tokens given"));
    // One token of a pair fixes the other.
    assert_eq!(records[3]["value"], 0.0);
    vmd(folder.path()).args(infill).assert().success().stdout(contains("infill_accuracy"));
    vmd(folder.path()).args(infill).args(["--completions", "0"]).assert().code(2);
    vmd(folder.path()).args(["evaluate-synthetic", "--contexts", "3"]).assert().code(2);
}
