//! What cargo and git know about this workspace.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use cargo_metadata::{DependencyKind, MetadataCommand, Package};

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
        let metadata = MetadataCommand::new()
            .no_deps()
            .exec()
            .map_err(|error| Failure::of("read the workspace", error))?;
        let root = metadata.workspace_root.clone().into_std_path_buf();
        let crates =
            metadata.workspace_packages().into_iter().map(|package| describe(package, &root)).collect();
        Ok(Self { root, target: metadata.target_directory.into_std_path_buf(), crates })
    }

    /// Where a release build leaves the program `name`.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.target.join("release").join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
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

fn describe(package: &Package, root: &Path) -> Crate {
    let folder = package.manifest_path.parent().map(|folder| folder.as_std_path()).unwrap_or(root);
    let parts = folder.strip_prefix(root).unwrap_or(folder).iter().map(|part| part.to_string_lossy());
    let dependencies = package.dependencies.iter().map(|dependency| Dependency {
        package: dependency.name.clone(),
        alias: dependency.rename.clone().unwrap_or_else(|| dependency.name.clone()),
        features: dependency.features.clone(),
        dev: dependency.kind == DependencyKind::Development,
    });
    Crate {
        name: package.name.to_string(),
        folder: parts.collect::<Vec<_>>().join("/"),
        dependencies: dependencies.collect(),
        features: package.features.clone(),
    }
}
