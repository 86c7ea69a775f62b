//! Errors of puzzles and puzzle files.

use std::path::PathBuf;

use thiserror::Error;

/// A puzzle, a grid size or a puzzle file that cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SudokuError {
    /// The box size is not supported.
    #[error("boxes of {box_rows}×{box_cols} do not give a grid of side 2 to 25; choose other box sides")]
    Layout {
        /// Rows of a box.
        box_rows: usize,
        /// Columns of a box.
        box_cols: usize,
    },
    /// The number of cells fits no grid.
    #[error("a puzzle of {cells} cells; write 16, 36, 81, 256 or 625 cells, with `.` or `0` for a blank one")]
    CellCount {
        /// Cells found.
        cells: usize,
    },
    /// A character is not a cell.
    #[error(
        "`{character}` at position {position} is no cell of a {size}×{size} grid; use its digits, and `.` or `0` for a blank cell"
    )]
    Character {
        /// The character.
        character: char,
        /// Its position, from 1.
        position: usize,
        /// Side of the grid.
        size: usize,
    },
    /// The number of tokens differs from the number of cells.
    #[error("{found} tokens for a grid of {expected} cells; pass one for each cell")]
    TokenCount {
        /// Cells of the grid.
        expected: usize,
        /// Tokens passed.
        found: usize,
    },
    /// A token is neither a digit nor blank.
    #[error("token {token} is not a cell of a {size}×{size} grid; digits are 0..{size}, blank is {size}")]
    Token {
        /// The token.
        token: u32,
        /// Side of the grid.
        size: usize,
    },
    /// The range of clues is empty or exceeds the cells.
    #[error(
        "{min_clues} to {max_clues} clues for a grid of {cells} cells; the first must not exceed the second, nor that the cells"
    )]
    ClueRange {
        /// Fewest clues asked for.
        min_clues: usize,
        /// Most clues asked for.
        max_clues: usize,
        /// Cells of the grid.
        cells: usize,
    },
    /// No puzzle with so few clues was found.
    #[error("no puzzle of at most {clues} clues after {tries} grids; ask for more clues")]
    TooFewClues {
        /// Most clues asked for.
        clues: usize,
        /// Grids tried.
        tries: usize,
    },
    /// Every grid is excluded.
    #[error("every {size}×{size} grid is excluded; exclude fewer")]
    AllExcluded {
        /// Rows of a grid.
        size: usize,
    },
    /// A line of a puzzle file is invalid.
    #[error("{}, line {line}, column {column}: {reason}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Character in the line, from 1.
        column: usize,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// The file contains no puzzle.
    #[error("{} holds no puzzles; put one on each line, or a CSV with the columns puzzle,solution", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The file is too large to hold in memory.
    #[error("{} is larger than {limit} bytes; split it into several files", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Most bytes.
        limit: u64,
    },
    /// The file cannot be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// The failed action.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The I/O error.
        source: std::io::Error,
    },
}
