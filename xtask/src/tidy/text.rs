//! Checks of single files.

use super::Problem;

/// Maximum length of a Rust file in lines.
const MAX_LINES: usize = 400;

/// Maximum size of a committed file in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// Macros that must not be committed. Concatenated, so that this file does not match itself.
const MACROS: [&str; 3] = [concat!("todo", "!("), concat!("dbg", "!("), concat!("unimplemented", "!(")];

/// Markers of unfinished work.
const MARKS: [&str; 2] = [concat!("TO", "DO"), concat!("FIX", "ME")];

/// The lint that only one crate may make exceptions from.
const UNSAFE: &str = concat!("unsafe", "_code");

/// Whether [`check`] applies to a file.
pub(super) fn is_checked(path: &str) -> bool {
    [".rs", ".md", ".toml"].iter().any(|ending| path.ends_with(ending))
}

/// Checks the size of a file.
pub(super) fn check_size(path: &str, bytes: u64) -> Option<Problem> {
    let remedy = "keep it out of git: make it with a command, or download it with a checksum";
    let message = || format!("{bytes} bytes are more than {MAX_BYTES}");
    (bytes > MAX_BYTES).then(|| Problem::new(path, 1, message(), remedy))
}

/// Checks every line of a Rust, Markdown or TOML file.
pub(super) fn check(path: &str, text: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    let is_rust = path.ends_with(".rs");
    let n_lines = text.lines().count();
    if is_rust && n_lines > MAX_LINES {
        let message = format!("{n_lines} lines are more than {MAX_LINES}");
        problems.push(Problem::new(path, MAX_LINES + 1, message, "split the file into modules"));
    }
    for (i, line) in text.lines().enumerate() {
        let mut found =
            |message: String, remedy: &str| problems.push(Problem::new(path, i + 1, message, remedy));
        if line.ends_with(char::is_whitespace) {
            found("white space at the end of the line".into(), "remove it");
        }
        if line.contains('\t') {
            found("a tab".into(), "use spaces");
        }
        let is_exception = line.contains(UNSAFE) && !path.starts_with("crates/vmd-kernels/");
        if is_rust && is_exception {
            found("an exception for unsafe code".into(), "write it without, or in vmd-kernels");
        }
        for mark in MARKS.iter().filter(|mark| has_word(line, mark)) {
            found(format!("a {mark}"), "finish it, or document what is missing");
        }
        // Comments and examples in docs are not part of the program.
        let is_code = is_rust && !line.trim_start().starts_with("//");
        for name in MACROS.iter().filter(|name| is_code && line.contains(**name)) {
            found(format!("{name}…)"), "finish the code, or return an error");
        }
    }
    problems
}

pub(super) fn has_word(line: &str, word: &str) -> bool {
    let is_boundary = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric() && c != '_');
    line.match_indices(word).any(|(start, _)| {
        is_boundary(line[..start].chars().next_back())
            && is_boundary(line[start + word.len()..].chars().next())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: [usize; 0] = [];

    #[test]
    fn exceptions_stay_where_they_belong() {
        let line = format!("#[expect({UNSAFE}, reason = \"speed\")]\n");
        assert_eq!(lines("crates/vmd-nn/src/lib.rs", &line), [1]);
        assert_eq!(lines("crates/vmd-kernels/src/lib.rs", &line), NONE);
    }

    fn lines(path: &str, text: &str) -> Vec<usize> {
        check(path, text).into_iter().map(|problem| problem.line).collect()
    }

    #[test]
    fn clean_files_pass() {
        assert_eq!(lines("a.rs", "//! Docs.\n\nfn main() {}\n"), NONE);
        assert_eq!(lines("a.md", "# Title\n\nText.\n"), NONE);
    }

    #[test]
    fn white_space_is_found_in_every_kind_of_file() {
        for path in ["a.rs", "a.md", "a.toml"] {
            assert_eq!(lines(path, "a\nb \nc\td\ne\t\n"), [2, 3, 4, 4]);
        }
    }

    #[test]
    fn unfinished_work_is_found() {
        for name in MACROS {
            assert_eq!(lines("a.rs", &format!("fn f() {{\n    {name})\n}}\n")), [2], "{name}");
            assert_eq!(
                lines("a.rs", &format!("//! # fn f() {{ {name}) }}\n")),
                NONE,
                "an example in the docs"
            );
        }
        for mark in MARKS {
            assert_eq!(lines("a.rs", &format!("// {mark}: later\n")), [1]);
            assert_eq!(lines("a.md", &format!("a\n{mark}\n")), [2]);
            assert_eq!(
                lines("a.rs", &format!("const {mark}_LIST: u8 = 1;\n")),
                NONE,
                "part of a longer name"
            );
        }
    }

    #[test]
    fn long_rust_files_are_found() {
        assert_eq!(lines("a.rs", &"x\n".repeat(MAX_LINES)), NONE);
        assert_eq!(lines("a.rs", &"x\n".repeat(MAX_LINES + 1)), [MAX_LINES + 1]);
        assert_eq!(lines("a.md", &"x\n".repeat(MAX_LINES + 1)), NONE);
    }

    #[test]
    fn large_files_are_found() {
        assert!(check_size("a.csv", MAX_BYTES).is_none());
        assert!(check_size("a.csv", MAX_BYTES + 1).is_some());
    }

    #[test]
    fn other_files_are_left_alone() {
        assert!(is_checked("docs/a.md") && is_checked("Cargo.toml"));
        assert!(!is_checked("LICENSE-MIT") && !is_checked("puzzles.csv"));
    }
}
