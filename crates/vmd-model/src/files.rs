//! Atomic file writes.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use thiserror::Error;

/// A file or folder cannot be read or written.
#[derive(Debug, Error)]
#[error("cannot {action} {}: {reason}", path.display())]
pub struct FileError {
    /// The operation that failed.
    pub action: &'static str,
    /// The file or folder.
    pub path: PathBuf,
    /// The error of the operating system.
    pub reason: io::Error,
}

impl FileError {
    /// Adds the operation and the path to an I/O error.
    pub fn when(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |reason| Self { action, path, reason }
    }
}

/// Writes `bytes` to a temporary file beside `path`, syncs it to disk and renames it. Readers find
/// either the old or the new file.
///
/// # Errors
///
/// [`FileError`]; the old file is then unchanged.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let failed = || FileError::when("write", path);
    let mut file = readable_by_all().tempfile_in(folder).map_err(failed())?;
    file.write_all(bytes).map_err(failed())?;
    file.as_file().sync_all().map_err(failed())?;
    file.persist(path).map_err(|error| failed()(error.error))?;
    sync_folder(folder)
}

/// Syncs `folder` to disk, so that renames inside it are durable.
///
/// # Errors
///
/// [`FileError`] if the folder cannot be opened or synced.
pub fn sync_folder(folder: &Path) -> Result<(), FileError> {
    // Folders can be opened and synced on Unix only; elsewhere renames are durable already.
    if cfg!(unix) {
        File::open(folder).and_then(|f| f.sync_all()).map_err(FileError::when("sync", folder))?;
    }
    Ok(())
}

/// Reads a file.
///
/// # Errors
///
/// [`FileError`] if it cannot be read.
pub fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    fs::read(path).map_err(FileError::when("read", path))
}

/// Creates a folder and its missing parents.
///
/// # Errors
///
/// [`FileError`] if one of them cannot be created.
pub fn create_folder(path: &Path) -> Result<(), FileError> {
    fs::create_dir_all(path).map_err(FileError::when("create folder", path))
}

/// Temporary files are private by default; the final file has the permissions of the umask.
fn readable_by_all() -> tempfile::Builder<'static, 'static> {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "permissions are set on Unix only"))]
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder
}
