//! Dependencies between crates.

use super::{Problem, manifest_path};
use crate::layers::LAYERS;
use crate::workspace::Crate;

const TABLE: &str = "xtask/src/layers.rs";

/// The page that contains the table.
pub(super) const EXPLANATION: &str = "docs/architecture.md";

/// Compares the workspace's own dependencies, except those of tests, with the table of layers.
pub(super) fn check(crates: &[Crate]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for member in crates {
        let manifest = manifest_path(&member.folder);
        let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == member.name) else {
            let message = format!("the crate `{}` has no layer", member.name);
            problems.push(Problem::new(
                &manifest,
                1,
                message,
                format!("add it to {TABLE} and docs/architecture.md"),
            ));
            continue;
        };
        let is_ours = |name: &str| crates.iter().any(|other| other.name == name);
        for used in member.dependencies.iter().filter(|d| !d.dev && is_ours(&d.package)) {
            if !allowed.contains(&used.package.as_str()) {
                let message = format!("`{}` must not depend on `{}`", member.name, used.package);
                let remedy = format!("move the code to a crate that may; the layers are in {TABLE}");
                problems.push(Problem::new(&manifest, 1, message, remedy));
            }
        }
    }
    for (name, _) in LAYERS.iter().filter(|(name, _)| !crates.iter().any(|member| member.name == *name)) {
        let message = format!("the table of layers has a crate `{name}` that does not exist");
        problems.push(Problem::new(TABLE, 1, message, "remove the row, here and in docs/architecture.md"));
    }
    problems
}

/// Checks that the page contains the same table.
pub(super) fn check_explanation(text: &str) -> Vec<Problem> {
    let shown = |row: &String| text.lines().any(|line| line == row);
    let missing = LAYERS.iter().map(|(name, allowed)| row(name, allowed)).filter(|row| !shown(row));
    missing
        .map(|row| Problem::new(EXPLANATION, 1, format!("no row `{row}`"), format!("copy {TABLE}")))
        .collect()
}

/// A row of the table in Markdown.
fn row(name: &str, allowed: &[&str]) -> String {
    let allowed: Vec<String> = allowed.iter().map(|used| format!("`{used}`")).collect();
    format!("| `{name}` | {} |", if allowed.is_empty() { "–".into() } else { allowed.join(", ") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Dependency;

    /// The workspace of the table, with one additional dependency of one of its crates.
    fn workspace(name: &str, uses: &str, dev: bool) -> Vec<Crate> {
        let mut crates: Vec<Crate> = LAYERS
            .iter()
            .map(|(name, _)| Crate { name: (*name).into(), folder: (*name).into(), ..Crate::default() })
            .collect();
        let dependency =
            Dependency { package: uses.into(), alias: uses.into(), dev, ..Dependency::default() };
        let member = crates.iter_mut().find(|member| member.name == name);
        member.expect("the table has it").dependencies.push(dependency);
        crates
    }

    #[test]
    fn edges_of_the_table_and_foreign_crates_pass() {
        for (name, uses) in [
            ("vmd-nn", "vmd-graph"),
            ("vmd-diffusion", "vmd-train"),
            ("vmd-cli", "vmd-diffusion"),
            ("xtask", "toml"),
        ] {
            assert_eq!(check(&workspace(name, uses, false)), [], "{name} uses {uses}");
        }
    }

    #[test]
    fn every_other_edge_fails_unless_only_tests_use_it() {
        for (name, uses) in [("vmd-graph", "vmd-nn"), ("vmd-latent", "vmd-process"), ("xtask", "vmd-graph")] {
            assert_eq!(check(&workspace(name, uses, false)).len(), 1, "{name} uses {uses}");
            assert_eq!(check(&workspace(name, uses, true)), [], "tests of {name} use {uses}");
        }
    }

    #[test]
    fn crates_and_rows_must_match() {
        let mut crates = workspace("vmd-diffusion", "vmd-nn", false);
        crates[0].name = "vmd-novel".into();
        let messages: Vec<String> = check(&crates).into_iter().map(|problem| problem.message).collect();
        assert!(messages.iter().any(|message| message.contains("`vmd-novel` has no layer")), "{messages:?}");
        assert!(
            messages.iter().any(|message| message.contains("`vmd-core` that does not exist")),
            "{messages:?}"
        );
    }

    #[test]
    fn the_explanation_must_show_every_row() {
        let rows: Vec<String> = LAYERS.iter().map(|(name, allowed)| row(name, allowed)).collect();
        assert_eq!(check_explanation(&rows.join("\n")), []);
        assert_eq!(check_explanation(&rows[1..].join("\n")).len(), 1);
        assert_eq!(check_explanation(&rows.join("\n").replace("`vmd-nn`, `vmd-graph`", "`vmd-nn`")).len(), 2);
    }
}
