//! Writing files of puzzles.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use super::{GeneratedPuzzle, SudokuError};

/// Writes puzzles as CSV with the columns `puzzle,solution`; the file appears whole or not at all.
///
/// # Errors
///
/// [`SudokuError::Io`].
pub fn write_puzzles(path: &Path, puzzles: &[GeneratedPuzzle]) -> Result<(), SudokuError> {
    let failed =
        |source: std::io::Error| SudokuError::Io { action: "write", path: path.to_path_buf(), source };
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let mut builder = tempfile::Builder::new();
    // Temporary files are private by default; this one becomes an ordinary file, as the umask has it.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder).map_err(failed)?;
    let mut text = String::from("puzzle,solution\n");
    for puzzle in puzzles {
        text += &format!("{},{}\n", puzzle.puzzle.to_string().replace('.', "0"), puzzle.solution);
    }
    file.write_all(text.as_bytes()).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    // The new name is durable once its folder is; folders can be synced on Unix only.
    if cfg!(unix) {
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
    }
    Ok(())
}
