//! The 288 Sudoku grids of size 4.

use std::sync::OnceLock;

/// Rows, columns and digits of a grid.
pub(super) const SIDE: usize = 4;
/// Cells of a grid.
pub(super) const N_CELLS: usize = SIDE * SIDE;

/// Cells in row-major order, digits 0..4.
type Grid = [u32; N_CELLS];

/// All grids in lexical order, computed once.
pub(super) fn all() -> &'static [Grid] {
    static GRIDS: OnceLock<Vec<Grid>> = OnceLock::new();
    GRIDS.get_or_init(|| {
        let mut found = Vec::new();
        extend(&mut [0; N_CELLS], 0, &mut found);
        found
    })
}

/// Backtracks over the cells from `cell` on. The cells before it are filled without conflicts.
fn extend(grid: &mut Grid, cell: usize, found: &mut Vec<Grid>) {
    if cell == N_CELLS {
        found.push(*grid);
        return;
    }
    for digit in 0..SIDE as u32 {
        if (0..cell).all(|earlier| grid[earlier] != digit || !share_unit(earlier, cell)) {
            grid[cell] = digit;
            extend(grid, cell + 1, found);
        }
    }
}

fn share_unit(a: usize, b: usize) -> bool {
    let (row, column) = (|cell| cell / SIDE, |cell| cell % SIDE);
    let same_box = row(a) / 2 == row(b) / 2 && column(a) / 2 == column(b) / 2;
    row(a) == row(b) || column(a) == column(b) || same_box
}
