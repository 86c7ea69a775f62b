//! The marked sections of pages.

use std::collections::{BTreeMap, BTreeSet};

use super::Document;
use crate::tidy::Problem;

/// Start of a line that names the table below it.
const START: &str = "<!-- table:";

/// The line that ends a table.
const END: &str = "<!-- end table -->";

/// The text of `page` with its tables replaced; adds their names to `shown`.
pub(super) fn fill(
    page: &Document,
    tables: &BTreeMap<&str, String>,
    shown: &mut BTreeSet<String>,
) -> Result<String, Problem> {
    let problem = |line, message: String, remedy: &str| Problem::new(&page.path, line, message, remedy);
    let mut text = String::with_capacity(page.text.len());
    // The table being replaced, and the line of its start marker.
    let mut open: Option<(&str, usize)> = None;
    for (i, line) in page.text.lines().enumerate() {
        let start = line.strip_prefix(START).and_then(|rest| rest.strip_suffix("-->")).map(str::trim);
        match (start, open) {
            (Some(_), Some((name, at))) => return Err(without_end(page, name, at)),
            (Some(name), None) => {
                let table = tables.get(name).ok_or_else(|| {
                    let remedy = "define it in lab/results/tables.toml, or correct the name";
                    problem(i + 1, format!("no table is called `{name}`"), remedy)
                })?;
                open = Some((name, i + 1));
                shown.insert(name.to_string());
                text.push_str(&format!("{line}\n{table}{END}\n"));
            }
            (None, Some(_)) if line == END => open = None,
            (None, Some(_)) => {}
            (None, None) if line == END => {
                let remedy = "remove it, or add `<!-- table: NAME -->` above the table";
                return Err(problem(i + 1, format!("`{END}` ends no table"), remedy));
            }
            (None, None) => text.push_str(&format!("{line}\n")),
        }
    }
    match open {
        Some((name, at)) => Err(without_end(page, name, at)),
        None => Ok(text),
    }
}

fn without_end(page: &Document, name: &str, line: usize) -> Problem {
    let message = format!("table `{name}` has no end");
    Problem::new(&page.path, line, message, format!("add the line `{END}` below the table"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str) -> Result<String, Problem> {
        let page = Document { path: "docs/results/a.md".into(), text: text.into() };
        let tables = BTreeMap::from([("a", "| 1 |\n".to_string()), ("b", "| 2 |\n".to_string())]);
        fill(&page, &tables, &mut BTreeSet::new())
    }

    #[test]
    fn only_what_stands_between_markers_changes() {
        let page = |a: &str, b: &str| {
            format!("# T\n<!-- table: a -->\n{a}{END}\nx\n<!-- table: b -->\n{b}{END}\n\nend\n")
        };
        assert_eq!(filled(&page("old\n\nold\n", "")).unwrap(), page("| 1 |\n", "| 2 |\n"));
        assert_eq!(filled("`<!-- table: NAME -->` in prose\n").unwrap(), "`<!-- table: NAME -->` in prose\n");
    }

    #[test]
    fn markers_that_do_not_fit_are_named_with_file_and_line() {
        for (text, line, expected) in [
            ("x\n<!-- table: a -->\n| 1 |\n", 2, "`a` has no end"),
            ("<!-- table: a -->\n<!-- table: b -->\n<!-- end table -->\n", 1, "`a` has no end"),
            ("x\n\n<!-- end table -->\n", 3, "ends no table"),
            ("<!-- table: c -->\n<!-- end table -->\n", 1, "no table is called `c`"),
        ] {
            let problem = filled(text).unwrap_err();
            assert_eq!((problem.path.as_str(), problem.line), ("docs/results/a.md", line), "{text}");
            assert!(problem.message.contains(expected), "{}", problem.message);
            assert!(!problem.remedy.is_empty());
        }
    }
}
