//! Tables and plots of `docs/`, generated from the records in `lab/results`.
//!
//! A page holds the lines `<!-- table: NAME -->` and `<!-- end table -->`; what stands between them is written by
//! `cargo xtask results` and compared by `cargo xtask tidy`. `lab/results/tables.toml` defines tables and plots.

mod caption;
mod definitions;
mod pages;
mod plot;
mod records;
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use definitions::Definitions;
use records::Record;

use crate::failure::Failure;
use crate::tidy::Problem;
use crate::workspace::Workspace;

/// Folder of records and definitions.
const RECORDS: &str = "lab/results/";

/// The file that defines tables and plots.
const DEFINITIONS: &str = "lab/results/tables.toml";

/// Folder of generated plots.
const PLOTS: &str = "docs/results/";

/// The command that repairs a page that differs.
const REMEDY: &str = "run `cargo xtask results`";

/// A file and its content, in the repository or generated.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Document {
    path: String,
    text: String,
}

/// What tables and plots are made from.
#[derive(Debug, Default)]
struct Sources {
    definitions: String,
    records: Vec<Document>,
    pages: Vec<Document>,
}

/// Writes all tables and plots, and prints the files that changed.
pub(crate) fn run() -> Result<(), Failure> {
    let workspace = Workspace::load()?;
    let sources = read(&workspace.root, &workspace.files()?)?;
    let documents = generate(&sources).map_err(|problems| {
        problems.iter().for_each(|problem| println!("{problem}"));
        Failure::Wrong(format!("{} problem(s) in the records or pages; nothing was written", problems.len()))
    })?;
    for Document { path, text } in documents {
        let file = workspace.root.join(&path);
        if std::fs::read_to_string(&file).is_ok_and(|old| old == text) {
            continue;
        }
        std::fs::write(&file, text).map_err(|error| Failure::of(&format!("write {path}"), error))?;
        println!("{path}");
    }
    Ok(())
}

/// Finds pages and plots that differ from what the records give.
pub(crate) fn check(root: &Path, files: &[String]) -> Result<Vec<Problem>, Failure> {
    let sources = read(root, files)?;
    let documents = match generate(&sources) {
        Ok(documents) => documents,
        Err(problems) => return Ok(problems),
    };
    let current = |path: &str| std::fs::read_to_string(root.join(path)).unwrap_or_default();
    Ok(documents.iter().filter_map(|document| difference(document, &current(&document.path))).collect())
}

fn read(root: &Path, files: &[String]) -> Result<Sources, Failure> {
    let text = |path: &str| {
        std::fs::read_to_string(root.join(path)).map_err(|error| Failure::of(&format!("read {path}"), error))
    };
    let documents = |folder: &str, ending: &str| {
        let found = files.iter().filter(|path| path.starts_with(folder) && path.ends_with(ending));
        found.map(|path| Ok(Document { path: path.clone(), text: text(path)? })).collect::<Result<_, _>>()
    };
    Ok(Sources {
        definitions: text(DEFINITIONS)?,
        records: documents(RECORDS, ".jsonl")?,
        pages: documents("docs/", ".md")?,
    })
}

/// Pages with their tables filled in, and plots.
fn generate(sources: &Sources) -> Result<Vec<Document>, Vec<Problem>> {
    let definitions = Definitions::parse(&sources.definitions).map_err(|problem| vec![problem])?;
    let (records, mut problems) = records::parse(&sources.records, &definitions);
    let mut tables = BTreeMap::new();
    for table in &definitions.table {
        let of_table: Vec<&Record> = records.iter().filter(|record| record.table == table.name).collect();
        match table::render(table, &definitions, &of_table) {
            Ok(text) => drop(tables.insert(table.name.as_str(), text)),
            Err(found) => problems.extend(found),
        }
    }
    let mut documents = Vec::new();
    // A table that failed is missing from `tables`: pages would only repeat its problems.
    if problems.is_empty() {
        match filled(&sources.pages, &tables, &definitions) {
            Ok(pages) => documents = pages,
            Err(found) => problems = found,
        }
    }
    for plot in &definitions.plot {
        match plot::draw(plot, &definitions, &records) {
            Ok(text) => documents.push(Document { path: format!("{PLOTS}{}.svg", plot.name), text }),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() { Ok(documents) } else { Err(problems) }
}

/// The pages with their tables; every table must stand on one.
fn filled(
    pages: &[Document],
    tables: &BTreeMap<&str, String>,
    definitions: &Definitions,
) -> Result<Vec<Document>, Vec<Problem>> {
    let (mut documents, mut problems, mut shown) = (Vec::new(), Vec::new(), BTreeSet::new());
    for page in pages {
        match pages::fill(page, tables, &mut shown) {
            Ok(text) => documents.push(Document { path: page.path.clone(), text }),
            Err(problem) => problems.push(problem),
        }
    }
    let hidden = definitions.table.iter().filter(|table| !shown.contains(&table.name));
    problems.extend(hidden.map(|table| {
        definitions.problem(
            &table.name,
            "no page shows this table",
            "add its markers to a page, or remove it",
        )
    }));
    if problems.is_empty() { Ok(documents) } else { Err(problems) }
}

/// The first line where `current` is not the generated text.
fn difference(generated: &Document, current: &str) -> Option<Problem> {
    if generated.text == current {
        return None;
    }
    let same = generated.text.lines().zip(current.lines()).take_while(|(new, old)| new == old).count();
    Some(Problem::new(&generated.path, same + 1, "differs from the records in lab/results", REMEDY))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(page: &str) -> Sources {
        let document = |path: &str, text: &str| Document { path: path.into(), text: text.into() };
        Sources {
            definitions: records::tests::DEFINITIONS.into(),
            records: vec![document("lab/results/a.jsonl", records::tests::RECORDS)],
            pages: vec![document("docs/results/a.md", page)],
        }
    }

    #[test]
    fn a_page_is_filled_and_a_second_time_unchanged() {
        let first = generate(&sources("Text.\n<!-- table: grids -->\nold\n<!-- end table -->\n")).unwrap();
        assert!(first[0].text.starts_with("Text.\n<!-- table: grids -->\n| model |"), "{}", first[0].text);
        assert!(!first[0].text.contains("old"));
        assert_eq!(generate(&sources(&first[0].text)).unwrap(), first);
    }

    #[test]
    fn a_page_that_differs_is_found() {
        let new = generate(&sources("<!-- table: grids -->\n<!-- end table -->\n")).unwrap().remove(0);
        assert_eq!(difference(&new, &new.text), None);
        let problem = difference(&new, &new.text.replace("99.18", "99.99")).unwrap();
        assert_eq!((problem.path.as_str(), problem.line), ("docs/results/a.md", 4));
        assert!(problem.remedy.contains("cargo xtask results"));
        assert_eq!(difference(&new, "").map(|problem| problem.line), Some(1));
    }

    #[test]
    fn a_table_without_a_page_is_found() {
        let problems = generate(&sources("No table.\n")).unwrap_err();
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].path, DEFINITIONS);
        assert!(problems[0].message.contains("no page shows"));
    }
}
