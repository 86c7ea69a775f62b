//! What cargo and git know about this workspace.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use crate::failure::Failure;

/// The workspace, without anything that has to be downloaded.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// Folder of the workspace's manifest.
    pub(crate) root: PathBuf,
    /// Where cargo puts what it builds.
    target: PathBuf,
    /// Its crates.
    pub(crate) crates: Vec<Crate>,
}

/// What the checks need to know of one crate.
#[derive(Debug, Clone, Default)]
pub(crate) struct Crate {
    /// Its name.
    pub(crate) name: String,
    /// Its folder, relative to the root, with `/` between parts.
    pub(crate) folder: String,
    /// What its manifest asks for.
    pub(crate) dependencies: Vec<Dependency>,
    /// Its own features.
    pub(crate) features: BTreeMap<String, Vec<String>>,
}

/// One entry of a manifest's dependency tables.
#[derive(Debug, Clone, Default)]
pub(crate) struct Dependency {
    /// Name of the package, whatever it is renamed to.
    pub(crate) package: String,
    /// Name that the crate uses for it.
    pub(crate) alias: String,
    /// Features asked for.
    pub(crate) features: Vec<String>,
    /// Whether only tests see it.
    pub(crate) dev: bool,
}

impl Workspace {
    /// Asks cargo.
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

    /// Where a release build leaves the program `name`.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.target.join("release").join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
    }

    /// Where packages outside the workspace are checked.
    pub(crate) fn consumers(&self) -> PathBuf {
        self.target.join("consumers")
    }

    /// Files that git tracks or would track, relative to the root, in order; deleted ones are left out.
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

/// The part of `cargo metadata` that is read here.
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
    /// `dev`, `build`, or nothing for a normal dependency.
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
