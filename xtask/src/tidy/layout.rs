//! Files that every crate and every data set must have.

use std::collections::BTreeSet;

use toml::{Table, Value};

use super::Problem;

/// Checks that a manifest inherits the workspace's lints.
pub(super) fn check_lints(path: &str, manifest: &str) -> Vec<Problem> {
    let table = match manifest.parse::<Table>() {
        Ok(table) => table,
        Err(error) => return vec![Problem::new(path, 1, error.message(), "repair the manifest")],
    };
    let inherited = table.get("lints").and_then(|lints| lints.get("workspace")).and_then(Value::as_bool);
    if inherited == Some(true) {
        return Vec::new();
    }
    vec![Problem::new(path, 1, "the workspace's lints do not apply", "add `[lints]` with `workspace = true`")]
}

/// Checks that the docs of a crate's root file contain an invariant.
pub(super) fn check_root(path: &str, text: &str) -> Vec<Problem> {
    let docs: Vec<&str> = text.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim).collect();
    if docs.is_empty() {
        return vec![Problem::new(path, 1, "no docs at the top", "describe the crate in `//!` lines")];
    }
    let starts_paragraph = |i: usize| i == 0 || docs[i - 1].is_empty();
    if (0..docs.len()).any(|i| docs[i].starts_with("Invariant:") && starts_paragraph(i)) {
        return Vec::new();
    }
    let remedy =
        "add a `//!` paragraph that starts with `Invariant:` and names what the crate must not depend on";
    vec![Problem::new(path, docs.len(), "the docs name no invariant", remedy)]
}

/// Checks that every folder of `datasets/` has a card and a description.
pub(super) fn check_data_sets(files: &[String]) -> Vec<Problem> {
    let folders: BTreeSet<&str> =
        files.iter().filter_map(|file| Some(file.strip_prefix("datasets/")?.split_once('/')?.0)).collect();
    let mut problems = Vec::new();
    for folder in folders {
        let needed = [
            ("README.md", "write the card: origin, licence, size, split, format"),
            ("dataset.toml", "describe the set: files, SHA-256, reader, split"),
        ];
        for (name, remedy) in needed {
            let path = format!("datasets/{folder}/{name}");
            if !files.contains(&path) {
                problems.push(Problem::new(&path, 1, "this file is missing", remedy));
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lints_must_be_inherited() {
        assert_eq!(check_lints("Cargo.toml", "[lints]\nworkspace = true\n"), []);
        for text in
            ["[package]\nname = \"a\"\n", "[lints]\nworkspace = false\n", "[lints.rust]\n", "no manifest"]
        {
            assert_eq!(check_lints("Cargo.toml", text).len(), 1, "{text}");
        }
    }

    #[test]
    fn the_invariant_must_be_a_paragraph_of_the_docs() {
        let check = |text| check_root("src/lib.rs", text).len();
        assert_eq!(check("//! A crate.\n//!\n//! Invariant: it knows\n//! nothing.\n\nmod a;\n"), 0);
        assert_eq!(check("//! A crate.\n//! Invariant: in the middle of a paragraph.\n"), 1);
        assert_eq!(check("//! A crate.\n\n// Invariant: not in the docs.\n"), 1);
        assert_eq!(check("//! A crate.\n\n//!\n//! Invariant: after the docs have ended.\n"), 1);
        assert_eq!(check("mod a;\n"), 1);
    }

    #[test]
    fn data_sets_need_card_and_description() {
        let check = |files: &[&str]| {
            check_data_sets(&files.iter().map(|file| (*file).to_string()).collect::<Vec<_>>()).len()
        };
        assert_eq!(check(&["datasets/a/README.md", "datasets/a/dataset.toml", "datasets/a/x/y.csv"]), 0);
        assert_eq!(check(&["datasets/README.md", "src/lib.rs"]), 0);
        assert_eq!(check(&["datasets/a/README.md"]), 1);
        assert_eq!(check(&["datasets/a/x.csv", "datasets/b/README.md"]), 3);
    }
}
