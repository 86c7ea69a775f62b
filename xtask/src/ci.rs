//! All checks that a change must pass, fastest first.

use std::process::{Command, Stdio};
use std::time::Instant;

use crate::failure::Failure;
use crate::workspace::{Workspace, cargo};
use crate::{consumers, smoke, tidy};

/// A named check. `slow` checks are skipped with `--fast`.
struct Step {
    name: &'static str,
    slow: bool,
    check: Check,
}

enum Check {
    Cargo { arguments: Vec<&'static str>, rustdoc_warnings_fail: bool },
    Tidy,
    Consumers,
    Smoke,
}

/// Packages every published crate without building it, because other steps build them.
const PACKAGES: &str =
    "package --workspace --exclude vmd-lab --exclude xtask --locked --no-verify --allow-dirty --quiet";

/// Runs the steps up to the first failure.
pub(crate) fn run(fast: bool) -> Result<(), Failure> {
    let workspace = Workspace::load()?;
    let steps: Vec<Step> = steps(has_nextest()).into_iter().filter(|step| !(fast && step.slow)).collect();
    let start = Instant::now();
    for (passed, step) in steps.iter().enumerate() {
        println!("\n==> {} ({} of {}, {:.0} s so far)", step.name, passed + 1, steps.len(), seconds(start));
        let began = Instant::now();
        let result = check(&step.check, &workspace);
        println!("    {} took {:.1} s", step.name, seconds(began));
        if let Err(failure) = result {
            eprintln!("error: the step `{}` failed", step.name);
            if let Failure::Wrong(message) = failure {
                eprintln!("{message}");
            }
            println!("\n{passed} passed, 1 failed");
            return Err(Failure::Reported);
        }
    }
    println!("\n{} passed, 0 failed", steps.len());
    Ok(())
}

fn steps(nextest: bool) -> Vec<Step> {
    let cargo = |name, slow, line: &'static str| Step {
        name,
        slow,
        check: Check::Cargo {
            arguments: line.split_whitespace().collect(),
            rustdoc_warnings_fail: line.starts_with("doc "),
        },
    };
    // Release mode, so that clippy, the tests and the smoke run share one build.
    let tests = if nextest {
        "nextest run --workspace --release --locked --no-fail-fast"
    } else {
        "test --workspace --release --locked --no-fail-fast --lib --bins --tests"
    };
    vec![
        cargo("format", false, "fmt --all --check"),
        Step { name: "tidy", slow: false, check: Check::Tidy },
        cargo("clippy", false, "clippy --workspace --all-targets --release --locked -- -D warnings"),
        cargo("tests", false, tests),
        // Only this step enables the feature `bpe`, so that other builds do not need tokenizers.
        cargo("byte pairs", true, "test -p vmd-data --release --locked --features bpe --test it byte_pairs"),
        cargo("examples in docs", true, "test --workspace --release --doc --locked"),
        // The program `vmd` and the library `vmd` write the same pages. The library comes last, so
        // that its pages remain.
        cargo("docs of programs", true, "doc --workspace --release --no-deps --locked --bins"),
        cargo("docs of libraries", true, "doc --workspace --release --no-deps --locked --lib"),
        cargo("packages", true, PACKAGES),
        Step { name: "consumers", slow: true, check: Check::Consumers },
        Step { name: "smoke", slow: true, check: Check::Smoke },
    ]
}

fn check(check: &Check, workspace: &Workspace) -> Result<(), Failure> {
    match check {
        Check::Tidy => tidy::run(),
        Check::Consumers => consumers::run(workspace),
        Check::Smoke => smoke::run(workspace),
        Check::Cargo { arguments, rustdoc_warnings_fail } => {
            println!("    cargo {}", arguments.join(" "));
            let mut command = cargo();
            command.args(arguments).current_dir(&workspace.root);
            if *rustdoc_warnings_fail {
                command.env("RUSTDOCFLAGS", "-Dwarnings");
            }
            succeed(&mut command)
        }
    }
}

pub(crate) fn succeed(command: &mut Command) -> Result<(), Failure> {
    let status = command.status().map_err(|error| Failure::of("run cargo", error))?;
    if status.success() { Ok(()) } else { Err(Failure::Reported) }
}

fn has_nextest() -> bool {
    let quiet = cargo().args(["nextest", "--version"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    quiet.is_ok_and(|status| status.success())
}

fn seconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fast_leaves_out_docs_and_smoke_only() {
        let left: Vec<&str> = steps(true).iter().filter(|step| !step.slow).map(|step| step.name).collect();
        assert_eq!(left, ["format", "tidy", "clippy", "tests"]);
    }

    #[test]
    fn documentation_must_be_free_of_warnings() {
        let strict = |step: &Step| matches!(step.check, Check::Cargo { rustdoc_warnings_fail: true, .. });
        let names: Vec<&str> = steps(true).iter().filter(|step| strict(step)).map(|step| step.name).collect();
        assert_eq!(names, ["docs of programs", "docs of libraries"]);
    }
}
