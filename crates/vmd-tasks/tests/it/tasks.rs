//! The registry of tasks, and invalid options.

use std::fs;

use burn::tensor::Device;
use vmd_core::{Purpose, keyed_rng};
use vmd_data::text::Split;
use vmd_model::{ModelConfig, VmdModel};
use vmd_sampler::ValueRule;
use vmd_tasks::{Evaluation, Options, Subject, TaskConfig, TaskError};

fn config(text: &str) -> TaskConfig {
    toml::from_str(text).expect("a valid configuration")
}

fn model(vocab: usize, seq_len: usize) -> VmdModel {
    let text = format!(
        "vocab = {vocab}\nseq_len = {seq_len}\n[denoiser.trunk]\nwidth = 8\nlayers = 1\nheads = 2\nposition = \"rotary\""
    );
    let config: ModelConfig = toml::from_str(&text).expect("a valid configuration");
    VmdModel::new(&config, keyed_rng(1, 0, Purpose::Init), &Device::flex()).expect("a valid configuration")
}

#[test]
fn data_tables_are_strict_and_come_back_as_they_were() {
    for text in [
        "kind = \"synthetic\"\nset = \"d1\"\nhold_out = 2\n",
        "kind = \"sudoku\"\nbox_rows = 2\nbox_cols = 3\nexclude = []\npuzzles = 0.5\npuzzle_digs = 4\n",
        "kind = \"text\"\npath = \"a.txt\"\nsymbols = \"chars\"\nseq_len = 8\n",
        "kind = \"text8\"\nseq_len = 8\n",
        "kind = \"lines\"\npath = \"a.csv\"\ncolumn = \"x\"\nsymbols = \"bytes\"\nseq_len = 8\nsyntax = \"json\"\n",
        "kind = \"table\"\npath = \"a.csv\"\n",
    ] {
        assert_eq!(toml::to_string(&config(text)).unwrap(), text);
        let wrong = toml::from_str::<TaskConfig>(&format!("{text}colour = 3\n")).unwrap_err().to_string();
        assert!(wrong.contains("unknown field `colour`"), "{wrong}");
    }
    assert!(toml::from_str::<TaskConfig>("kind = \"chess\"").is_err());
}

#[test]
fn settings_out_of_range_are_named() {
    let of = |text: &str| config(text).open().err().unwrap();
    for (text, key) in [
        ("kind = \"synthetic\"\nset = \"d1\"\nhold_out = 10", "data.hold_out"),
        ("kind = \"sudoku\"\npuzzle_digs = 0", "data.puzzle_digs"),
        ("kind = \"sudoku\"\npuzzles = 2.0", "data.puzzles"),
        ("kind = \"sudoku\"\nbox_rows = 9", "data.box_rows"),
        ("kind = \"text\"\npath = \"none\"\nseq_len = 0", "data.seq_len"),
    ] {
        let error = of(text);
        assert!(error.is_usage() && error.to_string().starts_with(key), "{error}");
    }
    let missing = of("kind = \"table\"\npath = \"no-such-file.csv\"");
    assert!(!missing.is_usage() && missing.to_string().matches("no-such-file.csv").count() == 1, "{missing}");
}

#[test]
fn options_of_other_tasks_are_refused_by_name() {
    let task = config("kind = \"synthetic\"\nset = \"d1\"").open().unwrap();
    let model = model(10, 4);
    let subject = Subject::new(&model);
    let check = |options: Options| task.check(&subject, &Evaluation { options, ..Evaluation::default() });
    assert!(check(Options::default()).is_ok());
    let span = check(Options { span: Some(2), ..Options::default() }).unwrap_err();
    assert_eq!(span.option(), Some("span"));
    assert_eq!(span.to_string(), "span is for text, and this model was trained on synthetic; leave it out");
    let test = check(Options { test: true, ..Options::default() }).unwrap_err().to_string();
    assert!(test.starts_with("test is for text, lines, molecules, table,"), "{test}");
    let zero = check(Options { iwae: Some(0), ..Options::default() }).unwrap_err();
    assert!(matches!(zero, TaskError::Value { option: "iwae", .. }), "{zero}");
    let search = check(Options { search: Some(0.9), ..Options::default() }).unwrap_err().to_string();
    assert!(search.starts_with("search is for sudoku,"), "{search}");
}

#[test]
fn grids_have_rules_for_search_and_defaults_of_their_own() {
    let task = config("kind = \"sudoku\"\nbox_rows = 2\nbox_cols = 2").open().unwrap();
    let rules = task.checker().unwrap();
    let mut tokens = vec![4; 16];
    assert!(rules.accepts(0, &tokens));
    (tokens[0], tokens[1]) = (1, 1);
    assert!(!rules.accepts(0, &tokens));
    assert_eq!(task.render(&tokens), "22..............");
    assert_eq!(task.defaults().value, ValueRule::Argmax);

    // Without puzzles of this size, grids are drawn, and not with argmax values.
    let model = model(4, 16);
    let options = Options { samples: Some(20), ..Options::default() };
    let evaluation = Evaluation { nfe: Some(vec![4]), options, ..Evaluation::default() };
    let records = task.evaluate(&Subject::new(&model), &evaluation, &mut ()).unwrap();
    let metrics: Vec<&str> = records.iter().map(|record| record.metric.as_str()).collect();
    let of_rule = ["valid_unconditional", "distinct", "mean_nfe_unconditional"];
    assert_eq!(metrics, [of_rule, of_rule].concat());
    assert!(records.iter().all(|record| record.value_rule == "categorical"));
}

#[test]
fn a_file_is_opened_once_and_serves_everything() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("molecules.txt");
    fs::write(&path, "CCO\nCC(=O)C\nC1CC1\nCC#N\n".repeat(40)).unwrap();
    let data = format!(
        "kind = \"lines\"\npath = {:?}\nseq_len = 8\nsyntax = \"smiles\"",
        path.display().to_string()
    );
    let task = config(&data).open().unwrap();
    fs::remove_file(&path).unwrap();
    assert_eq!((task.name(), task.dataset().as_str()), ("molecules", "molecules.txt"));
    let sizes = task.sizes();
    assert_eq!((sizes.seq_len, sizes.examples), (8, Some(144)));
    let sources = task.sources(1).unwrap();
    let mut tokens = vec![0; 8];
    sources.validation.fill(0, &mut tokens);
    assert!(["CCO", "CC(=O)C", "C1CC1", "CC#N"].contains(&task.render(&tokens).as_str()));
    let encoding = task.encoding().unwrap();
    let model = model(encoding.n_values(), 8);
    let subject = Subject { encoding: Some(&encoding), ..Subject::new(&model) };
    let options = Options { samples: Some(10), texts: Some(4), test: true, ..Options::default() };
    let evaluation = Evaluation { nfe: Some(vec![1]), options, ..Evaluation::default() };
    let records = task.evaluate(&subject, &evaluation, &mut ()).unwrap();
    assert!(records.iter().all(|record| record.value.is_finite() && record.task == "molecules"));
    for (metric, split) in [("bits_per_token", Split::Test.to_string()), ("valid", "samples".into())] {
        assert!(records.iter().any(|record| record.metric == metric && record.split == split), "{metric}");
    }
}
