//! What can be wrong with a puzzle or a file of puzzles.

use std::path::PathBuf;

use thiserror::Error;

/// A puzzle, a grid size or a puzzle file that cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SudokuError {
    /// The box size is not supported.
    #[error("boxes of {box_rows}×{box_cols} make no grid of side 2 to 25; choose other box sides")]
    Layout {
        /// Rows of a box.
        box_rows: usize,
        /// Columns of a box.
        box_cols: usize,
    },
    /// No grid has this many cells.
    #[error("a puzzle of {cells} cells; write 16, 36, 81 or 256 cells, with `.` or `0` for a blank one")]
    CellCount {
        /// Cells found.
        cells: usize,
    },
    /// A character that is no cell.
    #[error("`{character}` at position {position} is no cell of a {size}×{size} grid; use its digits, and `.` or `0` for a blank cell")]
    Character {
        /// The character.
        character: char,
        /// Its position, from 1.
        position: usize,
        /// Side of the grid.
        size: usize,
    },
    /// A token that is neither a digit nor blank.
    #[error("token {token} is no cell of a {size}×{size} grid; digits are 0..{size}, blank is {size}")]
    Token {
        /// The token.
        token: u32,
        /// Side of the grid.
        size: usize,
    },
    /// No puzzle with so few clues was found.
    #[error("no puzzle of {clues} clues after {tries} grids; ask for more clues")]
    TooFewClues {
        /// Clues asked for.
        clues: usize,
        /// Grids tried.
        tries: usize,
    },
    /// A line of a puzzle file is wrong.
    #[error("{}, line {line}: {reason}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// The file holds no puzzle.
    #[error("{} holds no puzzles; put one on each line, or a CSV with the columns puzzle,solution", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
}
