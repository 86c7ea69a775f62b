//! Complete and partial grids.

use std::fmt;
use std::str::FromStr;

use super::{Layout, SudokuError};

/// Characters of the digits, in order.
const DIGITS: &[u8] = b"123456789ABCDEFGHIJKLMNOP";

/// A grid whose cells hold digits `0..size` or are blank (`size`, the mask token of a model).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Grid {
    layout: Layout,
    cells: Vec<u8>,
}

impl Grid {
    /// A grid of blank cells.
    pub fn blank(layout: Layout) -> Self {
        Self { layout, cells: vec![layout.size() as u8; layout.cells()] }
    }

    /// Creates a grid without checks. `cells` must contain `layout.cells()` values of at most
    /// `layout.size()`.
    pub(crate) fn from_cells(layout: Layout, cells: Vec<u8>) -> Self {
        debug_assert_eq!(cells.len(), layout.cells());
        Self { layout, cells }
    }

    /// Creates a grid from model tokens.
    ///
    /// # Errors
    ///
    /// [`SudokuError`] for a wrong number of tokens or a token above `size`.
    pub fn from_tokens(layout: Layout, tokens: &[u32]) -> Result<Self, SudokuError> {
        if tokens.len() != layout.cells() {
            return Err(SudokuError::TokenCount { expected: layout.cells(), found: tokens.len() });
        }
        let size = layout.size();
        let cell = |&token: &u32| match u8::try_from(token) {
            Ok(cell) if usize::from(cell) <= size => Ok(cell),
            _ => Err(SudokuError::Token { token, size }),
        };
        Ok(Self { layout, cells: tokens.iter().map(cell).collect::<Result<_, _>>()? })
    }

    /// The grid as model tokens; a blank cell is the mask token `size`.
    pub fn to_tokens(&self) -> Vec<u32> {
        self.cells.iter().map(|&cell| u32::from(cell)).collect()
    }

    /// Layout of the grid.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// Cells in row-major order.
    pub fn cells(&self) -> &[u8] {
        &self.cells
    }

    /// Number of cells that are not blank.
    pub fn n_clues(&self) -> usize {
        self.cells.iter().filter(|&&cell| !self.is_blank(cell)).count()
    }

    /// Whether no cell is blank.
    pub fn is_complete(&self) -> bool {
        self.n_clues() == self.cells.len()
    }

    /// Whether the grid agrees with every clue of `puzzle`.
    pub fn extends(&self, puzzle: &Self) -> bool {
        self.layout == puzzle.layout
            && self
                .cells
                .iter()
                .zip(&puzzle.cells)
                .all(|(&cell, &clue)| puzzle.is_blank(clue) || cell == clue)
    }

    /// Multi-line text with separators between boxes.
    pub fn pretty(&self) -> String {
        let (layout, size) = (self.layout, self.layout.size());
        let mut text = String::new();
        let box_line = "-".repeat(2 * layout.box_cols() + 1);
        let line = vec![box_line; layout.box_rows()].join("+");
        for (row, cells) in self.cells.chunks(size).enumerate() {
            if row > 0 && row % layout.box_rows() == 0 {
                text += &format!("{line}\n");
            }
            let boxes: Vec<String> = cells
                .chunks(layout.box_cols())
                .map(|part| {
                    part.iter().map(|&cell| format!(" {}", self.character(cell))).collect::<String>() + " "
                })
                .collect();
            text += &format!("{}\n", boxes.join("|").trim_end());
        }
        text
    }

    pub(crate) fn is_blank(&self, cell: u8) -> bool {
        usize::from(cell) == self.layout.size()
    }

    fn character(&self, cell: u8) -> char {
        if self.is_blank(cell) { '.' } else { char::from(DIGITS[usize::from(cell)]) }
    }
}

/// The character of a digit.
pub(crate) fn digit_name(digit: usize) -> char {
    char::from(DIGITS[digit])
}

impl FromStr for Grid {
    type Err = SudokuError;

    /// Parses digits `1`–`9`, then `A`, `B`, …; `.`, `0` or `_` for a blank cell. White space is
    /// ignored. The number of cells determines the layout.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let characters =
            || text.chars().enumerate().filter(|(_, character)| !character.is_ascii_whitespace());
        // Count before allocating: the text may be of any length.
        let layout = Layout::from_cells(characters().count())?;
        let size = layout.size();
        let cell = |(position, character): (usize, char)| {
            if matches!(character, '.' | '0' | '_') {
                return Ok(size as u8);
            }
            let upper = character.to_ascii_uppercase();
            DIGITS[..size]
                .iter()
                .position(|&digit| char::from(digit) == upper)
                .map(|digit| digit as u8)
                .ok_or(SudokuError::Character { character, position: position + 1, size })
        };
        Ok(Self { layout, cells: characters().map(cell).collect::<Result<_, _>>()? })
    }
}

impl fmt::Display for Grid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cells.iter().try_for_each(|&cell| write!(f, "{}", self.character(cell)))
    }
}
