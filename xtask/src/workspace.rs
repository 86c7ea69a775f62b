//! The workspace according to cargo and git.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use crate::failure::Failure;

/// The workspace; loading it needs no download.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// Folder of the workspace's manifest.
    pub(crate) root: PathBuf,
    /// Cargo's target folder.
    target: PathBuf,
    /// Its crates.
    pub(crate) crates: Vec<Crate>,
}

/// Properties of one crate that the checks use.
#[derive(Debug, Clone, Default)]
pub(crate) struct Crate {
    /// Its name.
    pub(crate) name: String,
    /// Its folder, relative to the root, with `/` between parts.
    pub(crate) folder: String,
    /// Dependencies in its manifest.
    pub(crate) dependencies: Vec<Dependency>,
    /// Its own features.
    pub(crate) features: BTreeMap<String, Vec<String>>,
}

/// One entry of a manifest's dependency tables.
#[derive(Debug, Clone, Default)]
pub(crate) struct Dependency {
    /// Name of the package, even if it is renamed.
    pub(crate) package: String,
    /// Name that the crate uses for it.
    pub(crate) alias: String,
    /// Enabled features.
    pub(crate) features: Vec<String>,
    /// Whether it is a dev-dependency.
    pub(crate) dev: bool,
}

impl Workspace {
    /// Loads the workspace with `cargo metadata`.
    pub(crate) fn load() -> Result<Self, Failure> {
        let output = cargo()
            .args(["metadata", "--no-deps", "--format-version", "1"])
            .output()
            .map_err(|error| Failure::of("run cargo metadata", error))?;
        if !output.status.success() {
            return Err(Failure::of("read the workspace", String::from_utf8_lossy(&output.stderr).trim()));
        }
        let metadata: Metadata = serde_json::from_slice(&output.stdout)
            .map_err(|error| Failure::of("read the output of cargo metadata", error))?;
        let root = metadata.workspace_root;
        let crates = metadata.packages.into_iter().map(|package| describe(package, &root)).collect();
        Ok(Self { root, target: metadata.target_directory, crates })
    }

    /// The folder `name` in cargo's target folder.
    pub(crate) fn in_target(&self, name: &str) -> PathBuf {
        self.target.join(name)
    }

    /// Path of the program `name` in a release build.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.target.join("release").join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
    }

    /// Target folder for packages outside the workspace.
    pub(crate) fn consumers(&self) -> PathBuf {
        self.target.join("consumers")
    }

    /// Files that git tracks or would track, relative to the root, sorted; deleted files are
    /// omitted.
    pub(crate) fn files(&self) -> Result<Vec<String>, Failure> {
        let output = Command::new("git")
            .args(["ls-files", "-co", "--exclude-standard", "-z"])
            .current_dir(&self.root)
            .output()
            .map_err(|error| Failure::of("run git ls-files", error))?;
        if !output.status.success() {
            return Err(Failure::of("list files", String::from_utf8_lossy(&output.stderr).trim()));
        }
        let mut files: Vec<String> = String::from_utf8_lossy(&output.stdout)
            .split_terminator('\0')
            .filter(|file| self.root.join(file).is_file())
            .map(str::to_string)
            .collect();
        files.sort();
        files.dedup();
        Ok(files)
    }
}

/// The cargo that runs this program, or the one on the path.
pub(crate) fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// The used part of the output of `cargo metadata`.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_root: PathBuf,
    target_directory: PathBuf,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: PathBuf,
    dependencies: Vec<PackageDependency>,
    features: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
struct PackageDependency {
    name: String,
    rename: Option<String>,
    features: Vec<String>,
    /// `dev`, `build`, or absent for a normal dependency.
    kind: Option<String>,
}

fn describe(package: Package, root: &Path) -> Crate {
    let folder = package.manifest_path.parent().unwrap_or(root);
    let parts = folder.strip_prefix(root).unwrap_or(folder).iter().map(|part| part.to_string_lossy());
    let folder = parts.collect::<Vec<_>>().join("/");
    let dependencies = package.dependencies.into_iter().map(|dependency| Dependency {
        alias: dependency.rename.unwrap_or_else(|| dependency.name.clone()),
        package: dependency.name,
        features: dependency.features,
        dev: dependency.kind.as_deref() == Some("dev"),
    });
    Crate { name: package.name, folder, dependencies: dependencies.collect(), features: package.features }
}
