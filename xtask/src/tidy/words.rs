//! Words that were replaced by standard terms and must not be used.

use super::Problem;
use super::text::has_word;

/// A word, its replacement, and where it is refused. Some words are refused only in code, because
/// they have another meaning in prose.
struct Word(&'static str, &'static str, Where);

#[derive(PartialEq, Eq)]
enum Where {
    /// Code, comments and documentation.
    Everywhere,
    /// Code that is not a comment.
    Code,
}

use Where::{Code, Everywhere};

const WORDS: [Word; 17] = [
    Word("loudness", "init_scale", Everywhere),
    Word("loud", "large initial logits", Everywhere),
    Word("to_be_won", "latent_headroom", Everywhere),
    Word("to be won", "latent headroom", Everywhere),
    Word("from nothing", "unconditional", Everywhere),
    Word("from_nothing", "unconditional", Everywhere),
    Word("hears", "what the network does: receives, attends to, conditions on", Everywhere),
    Word("won", "latent_savings", Code),
    Word("say", "message_proj", Code),
    Word("hear", "out_proj", Code),
    Word("Turns", "RotaryTable", Code),
    Word("turns", "reveal_order", Code),
    Word("strain", "penalty", Code),
    Word("promise", "priority", Code),
    Word("tied", "latent_mask", Code),
    Word("Part", "Split", Code),
    Word("Backtrack", "Search", Code),
];

/// Files that quote the old words: this list, records, and texts about old versions.
const EXCEPT: [&str; 4] = ["xtask/src/tidy/words.rs", "lab/results/", "docs/what-failed.md", "CHANGELOG.md"];

/// Checks every line of a Rust, Markdown or TOML file.
pub(super) fn check(path: &str, text: &str) -> Vec<Problem> {
    if EXCEPT.iter().any(|except| path.starts_with(except)) {
        return Vec::new();
    }
    let mut problems = Vec::new();
    for (i, line) in text.lines().enumerate() {
        // Commands that were run are quoted unchanged.
        let is_quoted = path.ends_with(".md") && line.starts_with("Settings:");
        let is_code = path.ends_with(".rs") && !is_comment(line);
        for Word(word, instead, place) in &WORDS {
            let applies = *place == Everywhere && !is_quoted || *place == Code && is_code;
            if applies && has_word(line, word) {
                problems.push(Problem::new(path, i + 1, format!("`{word}`"), format!("write {instead}")));
            }
        }
    }
    problems
}

/// Whether a line is a comment, or contains a string, which may be prose.
fn is_comment(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("//") || line.contains('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> usize {
        check(path, text).len()
    }

    #[test]
    fn replaced_words_are_found_in_code_and_prose() {
        assert_eq!(found("a.rs", "let loudness = 5.0;\n"), 1);
        assert_eq!(found("a.rs", "/// A loud posterior.\n"), 1);
        assert_eq!(found("docs/a.md", "grids from nothing\n"), 1);
        assert_eq!(found("a.toml", "init_scale = 1.0\n"), 0);
    }

    #[test]
    fn words_with_a_plain_meaning_are_refused_in_code_only() {
        assert_eq!(found("a.rs", "    say: Linear,\n"), 1);
        assert_eq!(found("a.rs", "// Messages say what changed.\n"), 0);
        assert_eq!(found("docs/a.md", "The errors say what to do.\n"), 0);
        assert_eq!(found("a.rs", "    let essay = Partial::new();\n"), 0, "part of a longer word");
    }

    #[test]
    fn records_and_quoted_commands_keep_the_words_that_were_run() {
        assert_eq!(found("lab/results/tables.toml", "command = \"--from-nothing\" # from nothing\n"), 0);
        assert_eq!(found("docs/results/a.md", "Settings: 200 grids from nothing\n"), 0);
    }
}
