//! Checks packages outside the workspace that use its crates by path, as users do.

use std::fs;
use std::path::Path;

use crate::ci::succeed;
use crate::failure::Failure;
use crate::temporary::Temporary;
use crate::workspace::{Workspace, cargo};

/// The example that is checked as a separate package.
const OWN_TOKENS: &str = "crates/vmd/examples/own_tokens.rs";

/// Maximum number of lines of the example.
const MAX_LINES: usize = 40;

/// Packages that inference must not depend on.
const NOT_FOR_INFERENCE: [&str; 7] =
    ["vmd-train", "burn-autodiff", "burn-optim", "plotters", "rustls", "ring", "ureq"];

const PROCESS: &str = "fn main() {
    let schedule = vmd_process::NoiseSchedule::default();
    println!(\"{:?}\", vmd_process::corrupt(&[3, 1], 0.5, &[0.2, 0.8], None, 10, &schedule));
}
";

const INFERENCE: &str = "use vmd::sampler::SamplerConfig;

fn main() -> Result<(), vmd::Error> {
    let device = vmd::device::open(\"flex\")?.device;
    let model = vmd::VariationalMaskedDiffusion::shipped(&device)?;
    println!(\"{:?}\", model.sample(1, &SamplerConfig::new(4), 1).tokens);
    Ok(())
}
";

/// A package outside the workspace.
struct Consumer {
    name: &'static str,
    /// Its only dependency, as in a manifest; `ROOT` is replaced by the path of this checkout.
    dependency: &'static str,
    source: String,
}

/// Checks three packages: one crate alone, training on custom tokens, and inference without
/// training.
pub(crate) fn run(workspace: &Workspace) -> Result<(), Failure> {
    let own_tokens = read(&workspace.root.join(OWN_TOKENS))?;
    is_short(&own_tokens).map_err(Failure::Wrong)?;
    let process = Consumer {
        name: "process-alone",
        dependency: "vmd-process = { path = 'ROOT/crates/vmd-process' }",
        source: PROCESS.into(),
    };
    let training = Consumer {
        name: "own-tokens",
        dependency: "vmd = { package = 'vmd-diffusion', path = 'ROOT/crates/vmd' }",
        source: own_tokens,
    };
    let inference = Consumer {
        name: "inference",
        dependency: "vmd = { package = 'vmd-diffusion', path = 'ROOT/crates/vmd', default-features = false, features = ['flex'] }",
        source: INFERENCE.into(),
    };
    let folder = Temporary::new("consumers")?;
    for consumer in [process, training, inference] {
        let package = folder.path().join(consumer.name);
        consumer.write(&package, &workspace.root)?;
        if consumer.name == "inference" {
            is_small(&tree(&package)?).map_err(Failure::Wrong)?;
        }
        println!("    cargo check in {}", consumer.name);
        succeed(
            cargo()
                .args(["check", "--quiet", "--target-dir"])
                .arg(workspace.consumers())
                .current_dir(&package),
        )?;
    }
    Ok(())
}

impl Consumer {
    /// Writes the package to `folder`, with a copy of the `Cargo.lock` of this checkout.
    fn write(&self, folder: &Path, root: &Path) -> Result<(), Failure> {
        let failed = |error| Failure::of("write a package", error);
        let manifest = format!(
            "[package]\nname = \"{}\"\nedition = \"2024\"\n\n[dependencies]\n{}\n\n[workspace]\n",
            self.name,
            self.dependency.replace("ROOT", &root.display().to_string())
        );
        fs::create_dir_all(folder.join("src")).map_err(failed)?;
        fs::write(folder.join("Cargo.toml"), manifest).map_err(failed)?;
        fs::write(folder.join("src/main.rs"), &self.source).map_err(failed)?;
        fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock")).map_err(failed)?;
        Ok(())
    }
}

fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| Failure::of(&format!("read {}", path.display()), error))
}

/// Lists all normal dependencies of the package in `folder`, one per line.
fn tree(folder: &Path) -> Result<String, Failure> {
    let output = cargo()
        .args(["tree", "--edges", "normal", "--prefix", "none"])
        .current_dir(folder)
        .output()
        .map_err(|error| Failure::of("run cargo tree", error))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(Failure::of("list dependencies", String::from_utf8_lossy(&output.stderr).trim()))
}

fn is_short(source: &str) -> Result<(), String> {
    let lines = source.lines().count();
    if lines > MAX_LINES {
        return Err(format!(
            "{OWN_TOKENS} has {lines} lines, more than {MAX_LINES}; simplify the library's interface"
        ));
    }
    if source.contains("toml") {
        return Err(format!("{OWN_TOKENS} uses TOML; use builders"));
    }
    Ok(())
}

fn is_small(tree: &str) -> Result<(), String> {
    let names: Vec<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    if !names.contains(&"vmd-diffusion") {
        return Err(format!("cargo tree lists no vmd-diffusion:\n{tree}"));
    }
    let found: Vec<&str> = NOT_FOR_INFERENCE.into_iter().filter(|name| names.contains(name)).collect();
    if found.is_empty() {
        return Ok(());
    }
    Err(format!("inference depends on {}; put it behind the feature `train` or `download`", found.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trainer_below_inference_is_found() {
        assert!(is_small("inference v0.0.0\nvmd-diffusion v0.1.0 (/a)\nring-like v1.0.0\n").is_ok());
        let message =
            is_small("vmd-diffusion v0.1.0\nvmd-train v0.1.0 (/a) (*)\nring v0.17.0\n").unwrap_err();
        assert!(message.contains("vmd-train, ring;"), "{message}");
        assert!(is_small("").is_err());
    }

    #[test]
    fn the_example_is_short_and_has_no_toml() {
        assert!(is_short("fn main() {}\n").is_ok());
        assert!(is_short(&"//\n".repeat(41)).is_err());
        assert!(is_short("toml::from_str").is_err());
    }
}
