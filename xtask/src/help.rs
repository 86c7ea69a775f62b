//! The list of commands.

/// Name and purpose of every command, in the order in which a newcomer meets them.
const COMMANDS: [(&str, &str); 14] = [
    ("train", "train a model (9×9 Sudoku unless told otherwise) and print its figures"),
    ("evaluate", "measure a model on the data that it was trained on"),
    ("evaluate-sudoku", "the same for a model of Sudoku: count puzzles that it solves"),
    ("evaluate-synthetic", "the same for a model of a synthetic set: its exact accuracy and KL"),
    ("evaluate-text", "the same for a model of text, lines, molecules or a table"),
    ("sample", "draw sequences from a model"),
    ("solve", "solve one Sudoku puzzle"),
    ("data", "make data sets"),
    ("presets", "list the presets, or print one"),
    ("devices", "list what can be written behind --device, and what is there"),
    ("study", "rerun a table of experiments with several seeds, and draw its tables and figures"),
    (
        "bench",
        "time training steps, evaluations and sampling, next to PyTorch if it is there;\n                      --micro times each kernel by itself",
    ),
    (
        "ci",
        "run every check that a change must pass; --fast leaves out docs and the smoke run,\n                      --devices checks the other backends instead",
    ),
    ("tidy", "check layers, manifests, file lengths and the small things"),
];

/// What `cargo xtask help` prints.
pub(crate) fn text() -> String {
    let mut text = String::from("Usage: cargo xtask [--features LIST] <command> [arguments]\n\nCommands:\n");
    for (name, purpose) in COMMANDS {
        text.push_str(&format!("  {name:<20}{purpose}\n"));
    }
    text.push_str(
        "\n`cargo xtask <command> --help` lists a command's arguments. All but ci and tidy are commands of the\n\
         program `vmd`, which is built first (some minutes the first time, seconds afterwards). --features adds\n\
         backends to it: wgpu, vulkan, metal, cuda.\n",
    );
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_command_has_one_line() {
        let text = super::text();
        for (name, _) in super::COMMANDS {
            assert_eq!(
                text.lines().filter(|line| line.trim_start().starts_with(&format!("{name} "))).count(),
                1
            );
        }
    }
}
