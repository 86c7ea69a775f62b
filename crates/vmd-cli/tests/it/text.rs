//! Text, lines and tables: training, sampling, evaluation, and invalid input.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use std::fs;
use std::path::Path;

use crate::common::vmd;
use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;
use tempfile::TempDir;

/// Trains in seconds; `{data}` and `{model}` are filled in.
const CONFIG: &str = r#"
name = "tiny"
seed = 3
[data]
{data}
[model]
{model}
[model.denoiser]
sees_budget = true
[model.denoiser.trunk]
width = 16
layers = 1
heads = 2
position = "rotary"
[model.latent]
family = { kind = "categorical", n_groups = 1, n_classes = 8 }
structure = "per_token"
prior = { kind = "autoregressive", hidden = 8 }
{latent}
[model.latent.posterior.trunk]
width = 16
layers = 1
heads = 2
[objective]
steps = [1, 2]
latent_free_share = 0.2
[train]
steps = 30
batch_size = 8
learning_rate = 0.01
warmup_steps = 5
validate_every = 15
validation_examples = 8
checkpoint_every = 10
[evaluate]
samples = 8
texts = 8
nfe = [1, 2]
"#;

/// With `causal`, which earlier versions needed and this one accepts.
const BLOCKS: [(&str, &str); 2] =
    [("{model}", "blocks = 4\ncausal = true\nscope = \"block\""), ("{latent}", "sees_past = true")];

fn config(data: &str, rest: [(&str, &str); 2]) -> String {
    rest.iter().fold(CONFIG.replace("{data}", data), |text, (key, value)| text.replace(key, value))
}

/// A folder with a text, lines, a table, and configurations for each.
fn workplace() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("sea.txt", &"the sea is wide and the ship is small ".repeat(300));
    let smiles = ["CCO", "CC(=O)C", "C1CC1", "CC#N", "OCCN", "FC=C", "CC", "COC"];
    write("molecules.csv", &format!("smiles\n{}", format!("{}\n", smiles.join("\n")).repeat(30)));
    let rows = ["bern,ch,chf", "lyon,fr,eur", "nice,fr,eur", "genf,ch,chf"];
    write("towns.csv", &format!("town,country,currency\n{}", format!("{}\n", rows.join("\n")).repeat(60)));
    let text = "kind = \"text\"\npath = \"sea.txt\"\nsymbols = \"text27\"\nseq_len = 16";
    let lines =
        "kind = \"lines\"\npath = \"molecules.csv\"\ncolumn = \"smiles\"\nseq_len = 8\nsyntax = \"smiles\"";
    write("text.toml", &config(text, BLOCKS));
    write("lines.toml", &config(lines, BLOCKS));
    write(
        "table.toml",
        &config("kind = \"table\"\npath = \"towns.csv\"", [("{model}", ""), ("{latent}", "")]),
    );
    folder
}

fn train(folder: &Path, what: &str) {
    let config = format!("{what}.toml");
    vmd(folder)
        .env("VMD_CACHE", folder.join("cache"))
        .args(["train", "--config", &config, "--run", what])
        .assert()
        .success();
}

fn run(folder: &Path, arguments: &[&str]) -> assert_cmd::assert::Assert {
    vmd(folder).env("VMD_CACHE", folder.join("cache")).args(arguments).assert()
}

fn stdout(assert: assert_cmd::assert::Assert) -> String {
    String::from_utf8(assert.success().get_output().stdout.clone()).unwrap()
}

fn records(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}")))
        .collect()
}

fn metrics(records: &[Value]) -> Vec<&str> {
    records.iter().map(|record| record["metric"].as_str().unwrap()).collect()
}

#[test]
fn a_model_of_text_writes_completes_and_is_judged() {
    let folder = workplace();
    let at = folder.path();
    train(at, "text");
    assert!(at.join("text/model/vocabulary.json").is_file());

    // Longer than in training; the output starts with the prompt.
    let whole = stdout(run(
        at,
        &["sample", "--model", "text", "--count", "1", "--prompt", "the ship ", "--length", "50"],
    ));
    assert!(
        whole.starts_with("the ship ") && whole.trim_end_matches('\n').chars().count() == 50,
        "{whole:?}"
    );
    assert!(whole.chars().all(|c| c == '\n' || c == ' ' || c.is_ascii_lowercase()));
    // A single text is streamed, several texts are printed at the end; the first one is the same.
    let three = stdout(run(
        at,
        &["sample", "--model", "text", "--count", "3", "--prompt", "the ship ", "--length", "50"],
    ));
    assert_eq!(three.lines().next(), whole.lines().next());
    assert_eq!(three.lines().count(), 3);

    // A prompt longer than a sequence is continued.
    let long = "the sea is wide and the ship ";
    let whole = stdout(run(at, &["sample", "--model", "text", "--count", "1", "--prompt", long]));
    assert!(whole.starts_with(long), "{whole:?}");
    assert_eq!(whole.trim_end_matches('\n').chars().count(), long.len() + 16);

    let filled =
        stdout(run(at, &["sample", "--model", "text", "--count", "2", "--prompt", "the ▁▁▁ is wide"]));
    for line in filled.lines() {
        assert!(line.starts_with("the ") && line.ends_with(" is wide") && line.len() == 15, "{line:?}");
    }
    let json = records(&stdout(run(
        at,
        &["sample", "--model", "text", "--count", "2", "--nfe-per-block", "1", "--json"],
    )));
    assert_eq!(json.len(), 2);
    assert_eq!((json[0]["nfe"].as_u64(), json[0]["text"].as_str().unwrap().len()), (Some(4), 16));

    let said = records(&stdout(run(
        at,
        &[
            "evaluate-text",
            "--model",
            "text",
            "--samples",
            "4",
            "--span",
            "4",
            "--iwae",
            "2",
            "--nfe",
            "1",
            "--texts",
            "4",
            "--json",
        ],
    )));
    let names = metrics(&said);
    for name in [
        "bits_per_token",
        "perplexity",
        "kl_nats_per_token",
        "latent_gain_nats_per_token",
        "bits_per_token_iwae",
        "ngram_bits_per_token",
        "self_bleu",
        "word_share",
        "span_exact",
        "characters_per_second",
        "real_word_share",
    ] {
        assert!(names.contains(&name), "{name} is missing in {names:?}");
    }
    let value =
        |name: &str| said.iter().find(|record| record["metric"] == name).unwrap()["value"].as_f64().unwrap();
    // A uniform guess is log2 27 = 4.75 bits; every word of the text is in the training split.
    assert!(value("bits_per_token") < 5.0 && value("real_word_share") == 1.0);
    assert!((value("bits_per_token") - value("nats_per_token") / std::f64::consts::LN_2).abs() < 1e-9);
    // Texts of another length, compared with held-out texts of that length and number, and one
    // bound for all reveal rules.
    let many =
        ["--samples", "4", "--length", "24", "--reveal", "ancestral,top-prob", "--texts", "4", "--json"];
    let said = records(&stdout(run(
        at,
        &[&["evaluate-text", "--model", "text", "--nfe", "2,1"], &many[..]].concat(),
    )));
    let n_of = |name: &str| -> Vec<&Value> {
        said.iter().filter(|record| record["metric"] == name).map(|record| &record["n"]).collect()
    };
    assert_eq!(n_of("bits_per_token").len(), 2);
    assert_eq!((n_of("real_ngram_bits_per_token"), n_of("ngram_bits_per_token").len()), (vec![&4.into()], 4));
    // A second model as the judge.
    let judged = run(
        at,
        &[
            "evaluate-text",
            "--model",
            "text",
            "--judge",
            "text",
            "--samples",
            "4",
            "--texts",
            "4",
            "--nfe",
            "1",
            "--json",
        ],
    );
    assert!(metrics(&records(&stdout(judged))).contains(&"judge_bits_per_token"));
}

#[test]
fn molecules_and_rows_are_judged_by_their_rules() {
    let folder = workplace();
    for (what, name) in [("lines", "valid_unique_novel"), ("table", "consistent")] {
        train(folder.path(), what);
        let arguments =
            ["evaluate-text", "--model", what, "--samples", "20", "--nfe", "1,2", "--texts", "8", "--json"];
        let said = records(&stdout(run(folder.path(), &arguments)));
        let names = metrics(&said);
        assert!(names.contains(&"valid") && names.contains(&name), "{names:?}");
        assert!(said.iter().all(|record| record["value"].is_number()), "{said:?}");
        assert!(!names.contains(&"ngram_bits_per_token"));
        // All rows that satisfy the rules are in the training split, so no valid row is novel.
        let value = |name: &str| {
            said.iter().find(|record| record["metric"] == name).and_then(|record| record["value"].as_f64())
        };
        if what == "table" {
            assert!(value("valid") > value("consistent"), "{said:?}");
            assert_eq!(value("valid_unique_novel"), Some(0.0), "{said:?}");
        }
    }
    let lines = stdout(run(folder.path(), &["sample", "--model", "lines", "--count", "5", "--prompt", "CC"]));
    assert!(
        lines.lines().count() == 5 && lines.lines().all(|line| line.starts_with("CC") && line.len() <= 8),
        "{lines}"
    );
    // A single text that ends before the others would.
    let one = stdout(run(folder.path(), &["sample", "--model", "lines", "--count", "1", "--seed", "4"]));
    assert_eq!(one.lines().count(), 1);
    run(folder.path(), &["evaluate-text", "--model", "lines", "--span", "2"])
        .code(2)
        .stderr(contains("--span is for text"));
    let prompt = run(folder.path(), &["sample", "--model", "table", "--prompt", "bern"]);
    prompt.code(2).stderr(contains("rows of a table"));
}

#[test]
fn an_interrupted_training_on_text_ends_with_the_same_bits() {
    let folder = workplace();
    let at = folder.path();
    train(at, "text");
    let weights = |run: &str| fs::read(at.join(run).join("model/model.safetensors")).unwrap();
    // Back to the second checkpoint, as after a power failure.
    fs::create_dir_all(at.join("cut/checkpoints")).unwrap();
    fs::create_dir_all(at.join("cut/plots")).unwrap();
    for file in ["config.toml", "meta.json", "metrics.jsonl"] {
        fs::copy(at.join("text").join(file), at.join("cut").join(file)).unwrap();
    }
    let from = at.join("text/checkpoints/step-00000020");
    let to = at.join("cut/checkpoints/step-00000020");
    fs::create_dir_all(&to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
    run(at, &["train", "--run", "cut", "--resume"]).success();
    assert_eq!(weights("text"), weights("cut"));
}

#[test]
fn bad_requests_are_told_what_to_do() {
    let folder = workplace();
    let at = folder.path();
    train(at, "text");
    let fails = |arguments: &[&str], code: i32, parts: &[&str]| {
        let mut assert = run(at, arguments).code(code).stdout("").stderr(contains("error: "));
        for part in parts {
            assert = assert.stderr(contains(*part));
        }
        assert.stderr(contains("panicked").not());
    };
    let sample = |rest: &[&str], code, parts: &[&str]| {
        fails(&[&["sample", "--model", "text"], rest].concat(), code, parts);
    };
    sample(&["--prompt", "To be"], 2, &["'T' at position 1", "text27"]);
    sample(&["--prompt", "the ship", "--length", "3"], 2, &["--length 3", "8 tokens"]);
    sample(&["--best-of", "2"], 2, &["best_of"]);
    sample(&["--temperature", "0"], 2, &["temperature must be above 0"]);
    sample(&["--top-p", "0.9", "--value", "argmax"], 2, &["cannot be used with"]);
    fails(&["evaluate-text", "--model", "text", "--nfe", "0"], 2, &["--nfe"]);
    fails(&["evaluate-text", "--model", "text", "--span", "16"], 2, &["--span must be below 15"]);

    // The vocabulary of another model.
    let vocabulary = at.join("text/model/vocabulary.json");
    let good = fs::read_to_string(&vocabulary).unwrap();
    fs::write(&vocabulary, good.replace("text27", "bytes")).unwrap();
    sample(&[], 1, &["vocabulary.json has 256 values, but the model 27", "restore"]);
    fs::write(&vocabulary, &good[..good.len() / 2]).unwrap();
    sample(&[], 1, &["vocabulary.json", "restore the file"]);
    fs::write(&vocabulary, good).unwrap();

    let early =
        |set: &str, parts: &[&str]| fails(&["train", "--config", "text.toml", "--set", set], 2, parts);
    early("evaluate.texts=0", &["evaluate.texts: must be 1 or more, not 0"]);
    early("train.recurrence={tracked=1}", &["causal"]);

    // The training file is missing, too short, or not text.
    fs::remove_file(at.join("sea.txt")).unwrap();
    fails(&["evaluate-text", "--model", "text"], 1, &["sea.txt"]);
    fails(&["train", "--config", "text.toml"], 1, &["sea.txt"]);
    fs::write(at.join("sea.txt"), "a short text").unwrap();
    fails(&["train", "--config", "text.toml"], 1, &["sea.txt"]);
    fails(&["train", "--config", "text.toml", "--set", "data.seq_len=0"], 2, &["seq_len: must be 1 or more"]);
    fails(&["train", "--config", "lines.toml", "--set", "data.seq_len=4"], 1, &["set seq_len to 8"]);
    fails(&["train", "--config", "lines.toml", "--set", "data.column=formula"], 1, &["formula"]);
    fails(&["train", "--config", "lines.toml", "--set", "data.syntax=latin"], 2, &["latin", "smiles"]);
    assert!(!at.join("runs").exists(), "a training that cannot start leaves no run");
}

#[test]
fn records_are_made() {
    let folder = workplace();
    let at = folder.path();
    for what in ["orders", "shipments"] {
        run(at, &["data", what, "--count", "40", "--out", "made", "--seed", "2"]).success();
        assert!(fs::read_to_string(at.join("made")).unwrap().lines().count() >= 40);
        run(at, &["data", what, "--count", "0", "--out", "none"]).code(2).stderr(contains("--count"));
    }
}

#[test]
fn a_causal_model_of_a_synthetic_set_is_measured_exactly() {
    let folder = crate::common::workplace();
    let set = |assignment: &'static str| ["--set", assignment];
    let causal = [
        set("model.blocks=2"),
        set("model.denoiser.trunk.position=rotary"),
        set("model.latent.sees_past=true"),
        set("evaluate.nfe=[2]"),
    ]
    .concat();
    let train = [&["train", "--config", "tiny.toml", "--run", "run", "--json"], &causal[..]].concat();
    let said = records(&stdout(run(folder.path(), &train)));
    assert_eq!(metrics(&said), ["accuracy", "kl_exact"]);
    assert!(said.iter().all(|record| record["n"] == 0 && record["value"].as_f64().unwrap().is_finite()));
    assert_eq!(
        stdout(run(folder.path(), &["sample", "--model", "run", "--nfe", "2", "--count", "3"]))
            .lines()
            .count(),
        3
    );
    run(folder.path(), &["sample", "--model", "run", "--nfe", "1"]).code(2).stderr(contains("multiple of 2"));
    let prompted = run(folder.path(), &["sample", "--model", "run", "--nfe", "2", "--prompt", "1"]);
    prompted.code(2).stderr(contains("for models of text"));
}
