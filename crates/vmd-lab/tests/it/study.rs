//! A study trains the missing runs, continues after an interruption, and reports the right means.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use std::fs;
use std::path::Path;
#[cfg(target_os = "linux")]
use std::{
    process::{Command, Stdio},
    time::Duration,
};

use crate::common::lab;
use predicates::str::contains;
use serde_json::Value;

/// Overrides with which a preset trains in about a second.
const SMALL: &str = r#""model.denoiser.trunk.width=16", "model.denoiser.trunk.layers=1", "model.denoiser.trunk.heads=2",
"train.batch_size=16", "train.validate_every=20", "train.validation_examples=32", "train.checkpoint_every=10",
"evaluate.nfe=[1,2]""#;

fn arm(name: &str, preset: &str, rest: &str, set: &str) -> String {
    format!(
        "[[arm]]\nname = \"{name}\"\nsection = \"ablation\"\npreset = \"{preset}\"\nlabel = \"the {name}\"\n{rest}\n\
         set = [{SMALL}{set}]\n"
    )
}

/// A folder that contains `tiny.toml`, a study of two arms with two seeds of `steps` steps.
fn workplace(steps: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let steps = format!(", \"train.steps={steps}\"");
    let small = ", \"model.latent.posterior.trunk.width=16\", \"model.latent.posterior.trunk.heads=2\"";
    let text = [
        arm("plain", "pairs-uniform-mdm", "seeds = [1, 2]", &steps),
        arm("latent", "pairs-uniform", "seeds = [1, 2]\nbaseline = \"plain\"", &(steps.clone() + small)),
    ];
    fs::write(folder.path().join("tiny.toml"), text.concat()).unwrap();
    folder
}

fn study(at: &Path) -> assert_cmd::Command {
    let mut command = lab(at);
    command.args(["study", "--file", "tiny.toml", "--jobs", "2"]);
    command
}

fn records(at: &Path) -> Vec<Value> {
    let text = fs::read_to_string(at.join("studies/tiny/records.jsonl")).unwrap();
    let record = |line| {
        let mut record: Value = serde_json::from_str(line).unwrap();
        // The revision of the source tree, which may be edited during the test.
        record.as_object_mut().unwrap().remove("revision").unwrap();
        record
    };
    text.lines().map(record).collect()
}

/// The cell in the row of `arm` and the column with the heading `column`.
fn cell(report: &str, arm: &str, column: &str) -> String {
    let cells = |line: &str| line.split('|').map(|cell| cell.trim().to_string()).collect::<Vec<_>>();
    let lines: Vec<&str> = report.lines().collect();
    let head = lines.iter().position(|line| cells(line).iter().any(|head| head == column)).unwrap();
    let place = cells(lines[head]).iter().position(|head| head == column).unwrap();
    let row = lines[head..].iter().find(|line| line.contains(&format!("(`{arm}`)"))).unwrap();
    cells(row)[place].clone()
}

#[test]
fn a_study_trains_reports_and_repeats_only_what_is_missing() {
    let folder = workplace(40);
    let at = folder.path();
    study(at).args(["--seeds", "1", "--only", "plain"]).assert().success().stdout("");
    assert_eq!(records(at).len(), 4, "accuracy and KL at two numbers of steps");
    study(at).assert().success().stderr(contains("1 of 4 runs are done"));
    let first = records(at);
    assert_eq!(first.len(), 16);
    for (key, value) in [("arm", "latent"), ("section", "ablation"), ("label", "the latent")] {
        assert_eq!(
            first.iter().filter(|record| record[key] == value).count(),
            if key == "section" { 16 } else { 8 }
        );
    }

    let report = fs::read_to_string(at.join("studies/tiny/report.md")).unwrap();
    for (arm, nfe) in [("plain", 1), ("plain", 2), ("latent", 1), ("latent", 2)] {
        let of = |r: &&Value| r["arm"] == arm && r["nfe"] == nfe && r["metric"] == "accuracy";
        let values: Vec<f64> =
            first.iter().filter(of).map(|record| 100.0 * record["value"].as_f64().unwrap()).collect();
        let [a, b] = values[..] else { panic!("{values:?}") };
        // The standard deviation of two values is their distance over √2.
        let expected = format!("{:.2} ± {:.2} (2)", (a + b) / 2.0, (a - b).abs() / 2f64.sqrt());
        assert_eq!(cell(&report, arm, &format!("accuracy (%), NFE {nfe}")), expected);
    }
    assert!(cell(&report, "latent", "latent savings, T = 1").ends_with("(2)"));
    assert_eq!(cell(&report, "plain", "latent savings, T = 1"), "–");
    // The baseline is the first arm in the file and is printed below its arm.
    assert!(report.find("(`latent`)") < report.find("(`plain`)"));
    for figure in ["ablation.svg", "ablation-bars.svg"] {
        let svg = fs::read_to_string(at.join("studies/tiny/figures").join(figure)).unwrap();
        assert!(report.contains(figure) && svg.contains("the latent") && svg.contains("the plain"));
    }

    // A run without records is evaluated again, with the same result.
    fs::remove_file(at.join("studies/tiny/latent/seed-2/records.jsonl")).unwrap();
    study(at).assert().success().stderr(contains("3 of 4 runs are done"));
    assert_eq!(records(at), first);

    // A run with another configuration is trained again, and the old run is kept.
    let text = fs::read_to_string(at.join("tiny.toml")).unwrap();
    fs::write(at.join("tiny.toml"), text.replacen("train.steps=40", "train.steps=30", 1)).unwrap();
    study(at).assert().success().stderr(contains("2 of 4 runs are done")).stderr(contains("seed-1-old-001"));
    assert!(at.join("studies/tiny/plain/seed-1-old-001/config.toml").is_file());
    assert_ne!(records(at), first);
}

/// Starts the study and waits until both runs of `arm` are running.
#[cfg(target_os = "linux")]
fn start(at: &Path, arm: &str, middle: usize) -> std::process::Child {
    let child = Command::new(assert_cmd::cargo::cargo_bin("vmd-lab"))
        .current_dir(at)
        .args(["study", "--file", "tiny.toml", "--jobs", "2"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = |run: &str| {
        let metrics = at.join("studies/tiny").join(arm).join(run).join("metrics.jsonl");
        fs::read_to_string(metrics).map_or(0, |text| text.lines().count())
    };
    while lines("seed-1") < middle || lines("seed-2") < middle {
        std::thread::sleep(Duration::from_millis(1));
    }
    child
}

#[cfg(target_os = "linux")]
fn signal(name: &str, process: &str) {
    assert!(Command::new("kill").args([name, process]).status().unwrap().success());
}

#[cfg(target_os = "linux")]
#[test]
fn stopped_and_killed_runs_go_on_where_they_were() {
    let folder = workplace(400);
    let at = folder.path();
    let study_process = start(at, "plain", 5);
    signal("-INT", &study_process.id().to_string());
    let output = study_process.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{text}");
    assert!(text.contains("Go on with: cargo xtask lab study --file tiny.toml --jobs 2"), "{text}");
    for run in ["plain/seed-1", "plain/seed-2"] {
        let folder = at.join("studies/tiny").join(run);
        assert!(fs::read_dir(folder.join("checkpoints")).unwrap().count() > 0, "{run} has no checkpoint");
        assert!(!folder.join("records.jsonl").exists(), "{run} ended before it was stopped");
    }

    // Kill one of the second arm's runs; the other one continues.
    let study_process = start(at, "latent", 50);
    let threads = fs::read_dir(format!("/proc/{}/task", study_process.id())).unwrap();
    let children: String =
        threads.map(|thread| fs::read_to_string(thread.unwrap().path().join("children")).unwrap()).collect();
    signal("-KILL", children.split_whitespace().next().unwrap());
    let output = study_process.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("failed: signal: 9") && text.contains("1 of 4 runs failed"), "{text}");

    study(at).assert().success().stderr(contains("3 of 4 runs are done"));
    let whole = workplace(400);
    study(whole.path()).assert().success();
    assert_eq!(records(at), records(whole.path()));
}

#[test]
fn a_run_that_fails_is_named_and_the_others_go_on() {
    let folder = workplace(20);
    let at = folder.path();
    let text = fs::read_to_string(at.join("tiny.toml")).unwrap();
    fs::write(
        at.join("tiny.toml"),
        text.replacen("train.steps=20\"", "train.steps=20\", \"train.learning_rate=1e30\"", 1),
    )
    .unwrap();
    let failed = study(at).assert().code(1).stdout("");
    failed
        .stderr(contains("plain seed 1: failed: step"))
        .stderr(contains("plain seed 2: failed: step"))
        .stderr(contains("latent seed 2: done"))
        .stderr(contains("error: 2 of 4 runs failed"));
    assert!(records(at).iter().all(|record| record["arm"] == "latent"));
}

#[test]
fn bad_requests_are_usage_errors() {
    let folder = workplace(20);
    let at = folder.path();
    let fails = |arguments: &[&str], part: &str| {
        let assert = lab(at).arg("study").args(arguments).assert().code(2).stdout("");
        assert.stderr(contains("error: ")).stderr(contains(part));
    };
    fails(&["nothing"], "no study `nothing`");
    fails(&[], "STUDY.toml");
    fails(&["synthetic", "--only", "litmus,nothing"], "--only nothing");
    fails(&["synthetic", "--jobs", "0"], "1 or more");
    fails(&["--file", "absent.toml"], "cannot read --file absent.toml");
    let text = fs::read_to_string(at.join("tiny.toml")).unwrap();
    for (old, new, part) in [
        ("\"ablation\"", "\"ablations\"", "unknown variant `ablations`"),
        ("train.steps=20", "train.stepz=20", "train.stepz: unknown field"),
        ("train.steps=20", "train.steps", "write it as KEY=VALUE"),
        ("pairs-uniform-mdm", "pears", "no preset `pears`"),
        ("seeds", "seed", "unknown field `seed`"),
    ] {
        fs::write(at.join("bad.toml"), text.replacen(old, new, 1)).unwrap();
        fails(&["--file", "bad.toml"], part);
    }
    assert!(!at.join("studies").exists(), "nothing was begun");
    lab(at)
        .args(["study", "synthetic", "--list", "--only", "litmus"])
        .assert()
        .success()
        .stdout(contains("grids-mdm"));
}

#[test]
fn a_study_may_train_fewer_seeds_than_it_lists() {
    let folder = workplace(2);
    let at = folder.path();
    let text = fs::read_to_string(at.join("tiny.toml")).unwrap();
    fs::write(at.join("tiny.toml"), text.replace("seeds = [1, 2]", "seeds = [1, 2]\ndefault_seeds = 1"))
        .unwrap();
    study(at).args(["--only", "plain"]).assert().success().stderr(contains("0 of 1 runs are done"));
    study(at)
        .args(["--only", "plain", "--seeds", "2"])
        .assert()
        .success()
        .stderr(contains("1 of 2 runs are done"));
}

#[test]
fn an_arm_waits_for_the_run_that_it_needs() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let steps = ", \"train.steps=4\"";
    let frozen = "needs = \"plain\"\nseeds = [1]";
    let from = ", 'train.pretrained={ model = \"{needs}\", frozen = true }'";
    let small = ", \"model.latent.posterior.trunk.width=16\", \"model.latent.posterior.trunk.heads=2\"";
    let text = [
        arm("plain", "pairs-uniform-mdm", "seeds = [1]", steps),
        arm("frozen", "pairs-uniform", frozen, &format!("{steps}{small}{from}")),
    ];
    fs::write(at.join("tiny.toml"), text.concat()).unwrap();
    study(at)
        .assert()
        .success()
        .stderr(contains("0 of 1 runs are done"))
        .stderr(contains("1 of 2 runs are done"));
    let config = fs::read_to_string(at.join("studies/tiny/frozen/seed-1/config.toml")).unwrap();
    assert!(config.contains("studies/tiny/plain/seed-1"), "{config}");
    study(at).assert().success().stderr(contains("2 of 2 runs are done"));
}
