//! A run that is killed and resumed ends with the same bits as an uninterrupted one.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::common::{vmd, workplace};

fn start(at: &Path, arguments: &[&str]) -> Child {
    Command::new(assert_cmd::cargo::cargo_bin("vmd"))
        .current_dir(at)
        .arg("train")
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the test's own files and processes work")
}

fn lines(path: &Path) -> usize {
    fs::read_to_string(path).map_or(0, |text| text.lines().count())
}

/// Waits until the run has written `n` lines of metrics, or has ended.
fn wait_for_lines(child: &mut Child, metrics: &Path, n: usize) {
    while lines(metrics) < n && child.try_wait().expect("the test's own files and processes work").is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn five_kills_change_nothing() {
    let folder = workplace();
    let at = folder.path();
    vmd(at).args(["train", "--config", "tiny.toml", "--run", "whole"]).assert().success();
    let metrics = at.join("killed/metrics.jsonl");
    // Kill in all parts of the run, some just after a checkpoint, some long after one.
    for (attempt, moment) in [3, 12, 23, 34, 51].into_iter().enumerate() {
        let arguments: &[&str] = match attempt {
            0 => &["--config", "tiny.toml", "--run", "killed"],
            _ => &["--run", "killed", "--resume"],
        };
        let mut child = start(at, arguments);
        wait_for_lines(&mut child, &metrics, moment);
        // SIGKILL on Unix: the program cannot react.
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!at.join("killed/model").exists(), "the run ended before it was killed; make it longer");
    }
    vmd(at).args(["train", "--run", "killed", "--resume"]).assert().success();
    for file in [
        "model/model.safetensors",
        "checkpoints/step-00000060/ema.safetensors",
        "checkpoints/step-00000060/optimizer.safetensors",
    ] {
        assert_eq!(
            fs::read(at.join("whole").join(file)).unwrap(),
            fs::read(at.join("killed").join(file)).unwrap(),
            "{file}"
        );
    }
    let without_time = |run: &str| -> Vec<serde_json::Value> {
        let text = fs::read_to_string(at.join(run).join("metrics.jsonl")).unwrap();
        let parse = |line: &str| {
            let mut value: serde_json::Value = serde_json::from_str(line).unwrap();
            value.as_object_mut().unwrap().remove("seconds");
            value
        };
        text.lines().map(parse).collect()
    };
    assert_eq!(without_time("whole"), without_time("killed"));
}

#[cfg(unix)]
#[test]
fn ctrl_c_saves_a_checkpoint_and_says_how_to_go_on() {
    let folder = workplace();
    let at = folder.path();
    let long = [
        "--config",
        "tiny.toml",
        "--run",
        "run",
        "--set",
        "train.steps=100000",
        "--set",
        "train.checkpoint_every=100000",
    ];
    let mut child = Command::new(assert_cmd::cargo::cargo_bin("vmd"))
        .current_dir(at)
        .arg("train")
        .args(long)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_for_lines(&mut child, &at.join("run/metrics.jsonl"), 5);
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{text}");
    assert!(text.contains("nothing is lost") && text.contains("--resume"), "{text}");
    assert_eq!(fs::read_dir(at.join("run/checkpoints")).unwrap().count(), 1);
}
