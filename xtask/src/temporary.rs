//! Temporary folders.

use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// A folder of this process alone, removed at the end.
#[derive(Debug)]
pub(crate) struct Temporary(PathBuf);

impl Temporary {
    /// Makes it; `name` is a part of its name.
    pub(crate) fn new(name: &str) -> Result<Self, Failure> {
        let path = std::env::temp_dir().join(format!("vmd-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).map_err(|error| Failure::of("make a temporary folder", error))?;
        Ok(Self(path))
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // A left-over in the temporary folder is no reason to fail.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
