//! Writing puzzle files.

use std::path::Path;

use vmd_data::files::write_whole;

use super::{GeneratedPuzzle, SudokuError};

/// Writes puzzles as CSV with the columns `puzzle,solution`. The file is replaced atomically.
///
/// # Errors
///
/// [`SudokuError::Io`].
pub fn write_puzzles(path: &Path, puzzles: &[GeneratedPuzzle]) -> Result<(), SudokuError> {
    let failed =
        |source: std::io::Error| SudokuError::Io { action: "write", path: path.to_path_buf(), source };
    let mut text = String::from("puzzle,solution\n");
    for puzzle in puzzles {
        text += &format!("{},{}\n", puzzle.puzzle.to_string().replace('.', "0"), puzzle.solution);
    }
    write_whole(path, failed, |file| file.write_all(text.as_bytes()).map_err(failed))
}
