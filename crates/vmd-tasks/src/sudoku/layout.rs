//! Grid layouts.

use super::SudokuError;

/// Largest side: the digits are 1 to 9, then A to P.
const MAX_SIZE: usize = 25;

/// Box size of a grid; the side is `box_rows · box_cols`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Layout {
    box_rows: usize,
    box_cols: usize,
}

impl Layout {
    /// Creates the layout with boxes of `box_rows` rows and `box_cols` columns.
    ///
    /// # Errors
    ///
    /// [`SudokuError::Layout`] unless the side is in `2..=25`.
    pub fn new(box_rows: usize, box_cols: usize) -> Result<Self, SudokuError> {
        match box_rows.checked_mul(box_cols) {
            Some(2..=MAX_SIZE) => Ok(Self { box_rows, box_cols }),
            _ => Err(SudokuError::Layout { box_rows, box_cols }),
        }
    }

    /// The usual layout of a grid with `cells` cells: 4×4, 6×6 (boxes of 2×3), 9×9, 16×16 or 25×25.
    ///
    /// # Errors
    ///
    /// [`SudokuError::CellCount`] for any other number.
    pub fn from_cells(cells: usize) -> Result<Self, SudokuError> {
        let (box_rows, box_cols) = match cells {
            16 => (2, 2),
            36 => (2, 3),
            81 => (3, 3),
            256 => (4, 4),
            625 => (5, 5),
            _ => return Err(SudokuError::CellCount { cells }),
        };
        Ok(Self { box_rows, box_cols })
    }

    /// Rows of a box.
    pub fn box_rows(self) -> usize {
        self.box_rows
    }

    /// Columns of a box.
    pub fn box_cols(self) -> usize {
        self.box_cols
    }

    /// Side of the grid, and number of digits.
    pub fn size(self) -> usize {
        self.box_rows * self.box_cols
    }

    /// Number of cells.
    pub fn cells(self) -> usize {
        self.size() * self.size()
    }

    /// Row of a cell.
    pub(crate) fn row(self, cell: usize) -> usize {
        cell / self.size()
    }

    /// Column of a cell.
    pub(crate) fn column(self, cell: usize) -> usize {
        cell % self.size()
    }

    /// Box of a cell.
    pub(crate) fn box_of(self, cell: usize) -> usize {
        self.row(cell) / self.box_rows * self.box_rows + self.column(cell) / self.box_cols
    }

    /// Cells of every row, column and box, in this order.
    pub(crate) fn units(self) -> Vec<Vec<usize>> {
        let size = self.size();
        let collect = |unit_of: &dyn Fn(usize) -> usize, unit: usize| -> Vec<usize> {
            (0..self.cells()).filter(|&cell| unit_of(cell) == unit).collect()
        };
        let rows = (0..size).map(|unit| collect(&|cell| self.row(cell), unit));
        let columns = (0..size).map(|unit| collect(&|cell| self.column(cell), unit));
        let boxes = (0..size).map(|unit| collect(&|cell| self.box_of(cell), unit));
        rows.chain(columns).chain(boxes).collect()
    }
}
