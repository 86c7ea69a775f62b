//! Rules that the compiler and clippy do not check.

mod backends;
mod edges;
mod layout;
mod text;
mod words;

use std::fmt;

use crate::failure::Failure;
use crate::results;
use crate::workspace::Workspace;

/// A violation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Problem {
    /// The file, relative to the root.
    pub(crate) path: String,
    /// The line, from 1.
    pub(crate) line: usize,
    /// What is wrong.
    pub(crate) message: String,
    /// How to fix it.
    pub(crate) remedy: String,
}

impl Problem {
    /// A problem in a line of a file.
    pub(crate) fn new(
        path: &str,
        line: usize,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { path: path.into(), line, message: message.into(), remedy: remedy.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {} ({})", self.path, self.line, self.message, self.remedy)
    }
}

/// Runs all checks, prints one line per problem, and fails if there is any.
pub(crate) fn run() -> Result<(), Failure> {
    let workspace = Workspace::load()?;
    let files = workspace.files()?;
    let read = |path: &str| {
        std::fs::read_to_string(workspace.root.join(path))
            .map_err(|error| Failure::of(&format!("read {path}"), error))
    };
    let mut problems = edges::check(&workspace.crates);
    problems.extend(edges::check_explanation(&read(edges::EXPLANATION)?));
    problems.extend(backends::check(&workspace.crates));
    problems.extend(backends::check_automation(&read("Cargo.lock")?));
    problems.extend(layout::check_data_sets(&files));
    for member in &workspace.crates {
        let manifest = manifest_path(&member.folder);
        problems.extend(layout::check_lints(&manifest, &read(&manifest)?));
        let root = ["src/lib.rs", "src/main.rs"].map(|name| join(&member.folder, name));
        match root.iter().find(|path| files.contains(path)) {
            Some(path) => problems.extend(layout::check_root(path, &read(path)?)),
            None => problems.push(Problem::new(
                &manifest,
                1,
                "no src/lib.rs or src/main.rs",
                "add one of the two",
            )),
        }
    }
    for path in &files {
        let size = std::fs::metadata(workspace.root.join(path)).map_or(0, |data| data.len());
        problems.extend(text::check_size(path, size));
        if text::is_checked(path) {
            let text = read(path)?;
            problems.extend(text::check(path, &text));
            problems.extend(words::check(path, &text));
        }
    }
    problems.extend(results::check(&workspace.root, &files)?);
    problems.sort();
    problems.dedup();
    problems.iter().for_each(|problem| println!("{problem}"));
    if problems.is_empty() {
        Ok(())
    } else {
        Err(Failure::Wrong(format!("tidy found {} problem(s)", problems.len())))
    }
}

fn manifest_path(folder: &str) -> String {
    join(folder, "Cargo.toml")
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.into() } else { format!("{folder}/{name}") }
}
