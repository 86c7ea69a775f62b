//! Recipes: every task has a recipe that builds a valid model for its data.

use std::fs;
use std::path::Path;

use tempfile::TempDir;
use vmd_core::Validate;
use vmd_tasks::{Recipe, TaskConfig};

fn config(text: &str) -> TaskConfig {
    toml::from_str(text).expect("a valid configuration")
}

/// A folder with a text, lines, molecules and a table.
fn workplace() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write =
        |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("the file can be written");
    write("sea.txt", &"the sea is wide and the ship is small ".repeat(300));
    write("lines.txt", &"{\"a\": 1}\n[1, 2]\n".repeat(60));
    write("molecules.txt", &"CCO\nCC(=O)C\nC1CC1\n".repeat(60));
    write("towns.csv", &format!("town,country\n{}", "bern,ch\nlyon,fr\n".repeat(60)));
    folder
}

fn of_file(folder: &Path, keys: &str, file: &str) -> TaskConfig {
    config(&format!("{keys}\npath = {:?}", folder.join(file).display().to_string()))
}

/// Every problem of a recipe's configuration.
fn problems(recipe: &Recipe) -> Vec<String> {
    let mut problems = recipe.model.problems_under("model", ());
    problems.extend(recipe.objective.problems_under("objective", ()));
    problems.extend(recipe.train.problems_under("train", ()));
    problems.extend(recipe.train.recurrence.iter().filter_map(|rule| rule.problem_on(&recipe.model)));
    problems.iter().map(ToString::to_string).collect()
}

#[test]
fn every_recipe_fits_its_data() {
    let folder = workplace();
    let at = folder.path();
    let mut configs: Vec<TaskConfig> = [
        "pairs-uniform",
        "pairs-skewed",
        "d1",
        "d2",
        "chain-16",
        "needle-64",
        "parity-8",
        "grids-4x4",
        "rules",
    ]
    .iter()
    .map(|set| config(&format!("kind = \"synthetic\"\nset = \"{set}\"")))
    .collect();
    for (rows, cols) in [(2, 2), (2, 3), (3, 3), (4, 4)] {
        configs.push(config(&format!("kind = \"sudoku\"\nbox_rows = {rows}\nbox_cols = {cols}")));
    }
    for seq_len in [2, 13, 16, 30] {
        let keys = format!("kind = \"text\"\nsymbols = \"text27\"\nseq_len = {seq_len}");
        configs.push(of_file(at, &keys, "sea.txt"));
    }
    for seq_len in [9, 12, 13, 32] {
        configs.push(of_file(at, &format!("kind = \"lines\"\nseq_len = {seq_len}"), "lines.txt"));
        configs.push(of_file(at, &format!("kind = \"molecules\"\nseq_len = {seq_len}"), "molecules.txt"));
    }
    configs.push(of_file(at, "kind = \"table\"", "towns.csv"));
    for config in configs {
        let task = config.open().unwrap();
        let (recipe, sizes) = (task.recipe(), task.sizes());
        assert!(problems(&recipe).is_empty(), "{config:?}: {:?}", problems(&recipe));
        assert_eq!((recipe.model.vocab, recipe.model.seq_len), (sizes.vocab, sizes.seq_len), "{config:?}");
        let set = recipe.evaluate.evaluation(1).options.set();
        assert!(set.iter().all(|option| task.options().contains(option)), "{config:?}: {set:?}");
        let source = task.sources(1).unwrap().training;
        assert_eq!((source.vocab(), source.seq_len()), (sizes.vocab, sizes.seq_len), "{config:?}");
    }
}

#[test]
fn a_table_is_merged_over_a_recipe() {
    let recipe = config("kind = \"synthetic\"\nset = \"d1\"").open().unwrap().recipe();
    let over =
        "seed = 3\n[data]\nkind = \"synthetic\"\nset = \"d1\"\n[model]\nlatent = false\n[train]\nsteps = 5";
    let merged = recipe.under(over.parse().unwrap());
    assert_eq!((merged["name"].as_str(), merged["seed"].as_integer()), (Some("d1"), Some(3)));
    let model = merged["model"].as_table().unwrap();
    assert!(!model.contains_key("latent") && model["denoiser"]["trunk"]["width"].as_integer() == Some(64));
    let train = merged["train"].as_table().unwrap();
    assert_eq!((train["steps"].as_integer(), train["batch_size"].as_integer()), (Some(5), Some(128)));
}
