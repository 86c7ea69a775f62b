//! Files that are either whole or absent.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use thiserror::Error;

/// A file or folder cannot be read or written.
#[derive(Debug, Error)]
#[error("cannot {action} {}: {reason}", path.display())]
pub struct FileError {
    /// What was tried.
    pub action: &'static str,
    /// Where.
    pub path: PathBuf,
    /// The system's reason.
    pub reason: io::Error,
}

impl FileError {
    /// Names what was tried, and where.
    pub fn when(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |reason| Self { action, path, reason }
    }
}

/// Writes `bytes` beside `path`, syncs them to disk and renames: a reader sees the old file or the new one.
///
/// # Errors
///
/// [`FileError`]; the old file is then untouched.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let failed = || FileError::when("write", path);
    let mut file = readable_by_all().tempfile_in(folder).map_err(failed())?;
    file.write_all(bytes).map_err(failed())?;
    file.as_file().sync_all().map_err(failed())?;
    file.persist(path).map_err(|error| failed()(error.error))?;
    sync_folder(folder)
}

/// Makes renames inside `folder` durable.
///
/// # Errors
///
/// [`FileError`] when the folder cannot be opened or synced.
pub fn sync_folder(folder: &Path) -> Result<(), FileError> {
    // Folders can be opened and synced on Unix only; elsewhere renames are durable on their own.
    if cfg!(unix) {
        File::open(folder).and_then(|f| f.sync_all()).map_err(FileError::when("sync", folder))?;
    }
    Ok(())
}

/// The bytes of a file.
///
/// # Errors
///
/// [`FileError`] when it cannot be read.
pub fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    fs::read(path).map_err(FileError::when("read", path))
}

/// Creates a folder and those that it lies in.
///
/// # Errors
///
/// [`FileError`] when one of them cannot be created.
pub fn create_folder(path: &Path) -> Result<(), FileError> {
    fs::create_dir_all(path).map_err(FileError::when("create folder", path))
}

/// Temporary files are private by default; what they become is an ordinary file, as the umask has it.
fn readable_by_all() -> tempfile::Builder<'static, 'static> {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "permissions are a matter of Unix"))]
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder
}
