//! The help text.

/// The file that declares the commands of `vmd`; their doc comments are the help.
const COMMANDS: &str = include_str!("../../crates/vmd-cli/src/args/mod.rs");

/// The file that declares the commands of `vmd-lab`.
const LAB_COMMANDS: &str = include_str!("../../crates/vmd-lab/src/args.rs");

/// Commands of this program.
const OWN: [(&str, &str); 2] = [
    (
        "ci",
        "Run every check that a change must pass; --fast skips docs and the smoke run, --devices checks the other backends instead",
    ),
    ("tidy", "Check layers, manifests, file lengths and other rules"),
];

/// Width of the column of names.
const NAMES: usize = 22;

/// Width of a line.
const WIDTH: usize = 110;

/// Text of `cargo xtask help`.
pub(crate) fn text() -> String {
    let mut text = String::from("Usage: cargo xtask [--features LIST] <command> [arguments]\n");
    let sections = [
        ("Commands of the program `vmd`", "", declared(COMMANDS)),
        ("Commands of the program `vmd-lab`", "lab ", declared(LAB_COMMANDS)),
        ("Commands of the project", "", OWN.map(|(name, purpose)| (name.into(), purpose.into())).to_vec()),
    ];
    for (title, prefix, commands) in sections {
        text.push_str(&format!("\n{title}:\n"));
        commands
            .iter()
            .for_each(|(name, purpose)| text.push_str(&entry(&format!("{prefix}{name}"), purpose)));
    }
    text.push_str(
        "\n`cargo xtask <command> --help` lists a command's arguments. The programs are built in release mode first (minutes\n\
         the first time, seconds later); `cargo install --path crates/vmd-cli` installs `vmd`. --features adds\n\
         backends: wgpu, vulkan, metal, cuda.\n",
    );
    text
}

/// Names and descriptions of the variants of `enum Command` in a source file.
fn declared(source: &str) -> Vec<(String, String)> {
    let body = source.split_once("enum Command {").map_or("", |(_, rest)| rest);
    let (mut commands, mut docs) = (Vec::new(), Vec::new());
    for line in body.lines().map(str::trim).take_while(|line| *line != "}") {
        if let Some(doc) = line.strip_prefix("///") {
            docs.push(doc.trim());
        } else if line.starts_with(char::is_uppercase) {
            let variant = line.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
            commands.push((kebab(variant), docs.join(" ").trim_end_matches('.').to_string()));
            docs.clear();
        }
    }
    commands
}

/// Converts `EvaluateText` to `evaluate-text`.
fn kebab(variant: &str) -> String {
    let mut name = String::new();
    for (place, c) in variant.char_indices() {
        if c.is_uppercase() && place > 0 {
            name.push('-');
        }
        name.extend(c.to_lowercase());
    }
    name
}

/// One command, its description broken into lines.
fn entry(name: &str, purpose: &str) -> String {
    let mut lines = vec![String::new()];
    for word in purpose.split_whitespace() {
        if lines.last().is_some_and(|line| line.len() + 1 + word.len() > WIDTH - NAMES - 2) {
            lines.push(String::new());
        }
        let line = lines.last_mut().expect("there is a line");
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    let first = format!("  {name:<NAMES$}{}\n", lines[0]);
    lines[1..].iter().fold(first, |text, line| text + &format!("  {:<NAMES$}{line}\n", ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_one_entry_with_its_purpose() {
        let text = text();
        let expected =
            ["train", "sample", "evaluate-text", "generate-sudoku", "lab study", "lab bench", "ci", "tidy"];
        for name in expected {
            let starts = |line: &&str| line.starts_with(&format!("  {name} "));
            assert_eq!(text.lines().filter(starts).count(), 1, "{name}: {text}");
        }
        for (name, purpose) in declared(COMMANDS).into_iter().chain(declared(LAB_COMMANDS)) {
            assert!(!purpose.is_empty() && name.len() < NAMES, "{name}: {purpose}");
        }
        assert!(text.lines().all(|line| line.chars().count() <= 120), "{text}");
    }

    #[test]
    fn variants_become_commands() {
        let source = "/// x\nenum Command {\n    /// Do\n    /// this.\n    DoThis(Args),\n    /// Have parts.\n    #[command(subcommand)]\n    Parts(P),\n}\n/// y\nenum Other {}";
        let expected = [("do-this", "Do this"), ("parts", "Have parts")];
        assert_eq!(declared(source), expected.map(|(name, purpose)| (name.to_string(), purpose.to_string())));
    }
}
