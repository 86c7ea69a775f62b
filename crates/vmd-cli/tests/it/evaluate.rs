//! `evaluate` and its aliases, and configurations with only data.

use std::fs;
use std::path::Path;

use crate::common::{vmd, workplace};
use predicates::str::contains;
use serde_json::Value;

fn records(at: &Path, arguments: &[&str]) -> Vec<Value> {
    let output = vmd(at).args(arguments).arg("--json").output().expect("the program runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("output is text");
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

#[test]
fn the_task_of_the_model_is_asked_whatever_the_command_is_called() {
    let folder = workplace();
    let at = folder.path();
    vmd(at).args(["train", "--config", "tiny.toml", "--run", "runs/a"]).assert().success();
    let of = |command: &str| records(at, &[command, "--model", "runs/a", "--nfe", "1,2"]);
    assert_eq!(of("evaluate"), of("evaluate-synthetic"));
    // The newest run is the default.
    assert_eq!(records(at, &["evaluate", "--nfe", "1"]), records(at, &["evaluate-synthetic", "--nfe", "1"]));
    // One row for each metric and rule, one column for each number of evaluations.
    let table = vmd(at).args(["evaluate", "--nfe", "1,2"]).output().unwrap();
    let table = String::from_utf8(table.stdout).unwrap();
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[0].starts_with("synthetic, pairs-uniform: model runs/a"), "{table}");
    assert_eq!(lines[1].split_whitespace().collect::<Vec<_>>(), ["metric", "rule", "NFE", "1", "NFE", "2"]);
    assert!(lines[3].starts_with("accuracy") && lines[3].matches('%').count() == 2, "{table}");
    assert!(lines[4].starts_with("kl_exact"), "{table}");

    for (options, part) in [
        (["--puzzles", "p.csv"], "--puzzles is for sudoku, and this model was trained on synthetic"),
        (["--span", "4"], "--span is for text"),
        (["--texts", "4"], "--texts is for text, lines, molecules, table"),
        (["--set", "d1"], "d1 has 4 tokens of 10 values, the model has 2 of 10"),
    ] {
        vmd(at).arg("evaluate").args(options).assert().code(2).stdout("").stderr(contains(part));
    }
    let shipped = ["evaluate", "--model", "shipped", "--limit", "2", "--nfe", "1", "--reveal", "margin"];
    let solved = records(at, &shipped);
    assert!(solved.iter().any(|record| record["metric"] == "solved" && record["task"] == "sudoku"));
    let given = ["evaluate", "--model", "shipped", "--given", "half"];
    vmd(at).args(given).assert().code(2).stderr(contains("--given is for synthetic"));
}

#[test]
fn data_alone_are_enough_to_train() {
    let folder = workplace();
    let at = folder.path();
    let data = "[data]\nkind = \"synthetic\"\nset = \"pairs-uniform\"\n";
    let short = ["train.steps=3", "train.batch_size=4", "train.validation_examples=4", "evaluate.nfe=[1]"];
    let train = |text: &str, run: &str| {
        fs::write(at.join("data.toml"), text).unwrap();
        let mut command = vmd(at);
        command.args(["train", "--config", "data.toml", "--run", run]);
        short.iter().for_each(|setting| {
            command.args(["--set", setting]);
        });
        command.assert()
    };
    train(data, "a").success().stdout(contains("accuracy"));
    let resolved = fs::read_to_string(at.join("a/config.toml")).unwrap();
    let resolved: toml::Table = resolved.parse().unwrap();
    assert_eq!(resolved["name"].as_str(), Some("pairs-uniform"));
    assert_eq!(resolved["train"]["steps"].as_integer(), Some(3));
    assert!(resolved["model"].get("latent").is_some());
    // Keys of the file override the recipe; a complete configuration must request the recipe.
    let plain = format!(
        "{data}[model]\nlatent = false\n[model.denoiser.trunk]\nwidth = 16\n[objective]\nlatent_free_share = 0.0\n"
    );
    train(&plain, "b").success();
    let resolved: toml::Table = fs::read_to_string(at.join("b/config.toml")).unwrap().parse().unwrap();
    assert!(resolved["model"].get("latent").is_none());
    assert_eq!(resolved["model"]["denoiser"]["trunk"]["width"].as_integer(), Some(16));
    train(&format!("recipe = true\n{plain}[train]\nlearning_rate = 0.01\n"), "c").success();
    train(&format!("{plain}[train]\nlearning_rate = 0.01\n"), "d").code(2).stderr(contains("missing field"));
    train(&format!("recipe = 3\n{data}"), "e").code(2).stderr(contains("true or false"));
    train("[data]\nkind = \"chess\"\n", "f").code(2).stderr(contains("unknown variant `chess`"));
    vmd(at).args(["train", "--run", "a", "--resume"]).assert().success();
}
