//! Temporary folders.

use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// A temporary folder of this process, removed when dropped.
#[derive(Debug)]
pub(crate) struct Temporary(PathBuf);

impl Temporary {
    /// Creates the folder; `name` is part of its name.
    pub(crate) fn new(name: &str) -> Result<Self, Failure> {
        let path = std::env::temp_dir().join(format!("vmd-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).map_err(|error| Failure::of("make a temporary folder", error))?;
        Ok(Self(path))
    }

    /// Path of the folder.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // A leftover temporary folder is no reason to fail.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
