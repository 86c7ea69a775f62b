//! Project automation: `cargo xtask <command>`.
//!
//! `tidy`, `ci` and `results` run in this program. `lab` starts the program `vmd-lab`, and every
//! other command starts the program `vmd`. Both are built in release mode and replace this process.
//!
//! Invariant: nothing here depends on Burn or on a crate of this workspace, so that it compiles in
//! seconds.

mod ci;
mod consumers;
mod devices;
mod failure;
mod help;
mod layers;
mod program;
mod results;
mod smoke;
mod temporary;
mod tidy;
mod workspace;

use std::process::ExitCode;

use failure::Failure;
use program::Program;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run(arguments: &[String]) -> Result<(), Failure> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] | ["--help" | "-h" | "help"] => {
            print!("{}", help::text());
            Ok(())
        }
        ["tidy", flags @ ..] => {
            own_flags("tidy", flags, &[])?;
            tidy::run()
        }
        ["results", flags @ ..] => {
            own_flags("results", flags, &[])?;
            results::run()
        }
        ["ci", flags @ ..] => {
            own_flags("ci", flags, &["--fast", "--devices"])?;
            if flags.contains(&"--devices") { devices::run() } else { ci::run(flags.contains(&"--fast")) }
        }
        ["lab", "bench", "--micro", rest @ ..] => bench_kernels(rest),
        ["--features", features, _, ..] => start(Some(features), &arguments[2..]),
        ["--features", ..] => Err(Failure::Usage("--features needs a list of features and a command".into())),
        _ => start(None, arguments),
    }
}

/// Builds the program that `arguments` select, and runs it in place of this process.
fn start(features: Option<&str>, arguments: &[String]) -> Result<(), Failure> {
    match arguments {
        [word, rest @ ..] if word == "lab" => Program::Lab.run(features, rest),
        [word, ..] if ["study", "bench"].contains(&word.as_str()) => Err(Failure::Usage(format!(
            "`{word}` is a command of the lab: cargo xtask lab {}",
            arguments.join(" ")
        ))),
        _ => Program::Vmd.run(features, arguments),
    }
}

/// Times each kernel; `arguments` are passed to the benchmark.
fn bench_kernels(arguments: &[&str]) -> Result<(), Failure> {
    let root = workspace::Workspace::load()?.root;
    let mut command = workspace::cargo();
    // Build the whole workspace, so that dependencies are built with the same features as in other
    // builds.
    command.args(["bench", "--workspace", "--locked", "--bench", "kernels", "--"]).args(arguments);
    ci::succeed(command.current_dir(root))
}

/// Refuses flags that `command` does not have.
fn own_flags(command: &str, flags: &[&str], known: &[&str]) -> Result<(), Failure> {
    match flags.iter().find(|flag| !known.contains(flag)) {
        None => Ok(()),
        Some(flag) if known.is_empty() => {
            Err(Failure::Usage(format!("`{command}` has no flags; leave `{flag}` out")))
        }
        Some(flag) => {
            Err(Failure::Usage(format!("`{command}` has no flag `{flag}`; use {}", known.join(", "))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn studies_and_benchmarks_name_the_lab() {
        for words in [&["study", "text"][..], &["bench", "--micro"]] {
            let arguments: Vec<String> = words.iter().map(|word| (*word).to_string()).collect();
            let Err(Failure::Usage(message)) = run(&arguments) else { panic!("{words:?} is not refused") };
            assert!(message.contains(&format!("cargo xtask lab {}", words.join(" "))), "{message}");
        }
    }

    #[test]
    fn unknown_flags_are_refused() {
        assert!(own_flags("ci", &["--fast"], &["--fast"]).is_ok());
        assert!(matches!(own_flags("ci", &["--quick"], &["--fast"]), Err(Failure::Usage(_))));
        assert!(matches!(own_flags("tidy", &["--fast"], &[]), Err(Failure::Usage(_))));
    }
}
