//! Full grids as training data.

use std::collections::HashSet;

use vmd_core::{DataSource, Purpose, keyed_rng, uniform};

use super::dig::blank_out;
use super::{Grid, Layout, SudokuError, guesses, random_grid};

/// Maximum number of consecutive excluded draws. With one grid of 288 left, the chance of reaching
/// it is below 1e-15.
const DRAWS: usize = 10_000;

/// An endless stream of random full grids, without excluded ones.
#[derive(Debug, Clone)]
pub struct SudokuGrids {
    layout: Layout,
    seed: u64,
    excluded: HashSet<Vec<u8>>,
    puzzles: f64,
    digs: usize,
}

impl SudokuGrids {
    /// Grids of `layout`, keyed by `seed`. Skips grids whose cells
    /// ([`Grid::cells`](super::Grid::cells)) are in `excluded`.
    ///
    /// # Errors
    ///
    /// [`SudokuError::AllExcluded`] if nothing is left to draw. This is possible only for the 288
    /// 4×4 grids.
    pub fn new(layout: Layout, seed: u64, excluded: HashSet<Vec<u8>>) -> Result<Self, SudokuError> {
        let source = Self { layout, seed, excluded, puzzles: 0.0, digs: 1 };
        source.draw(0).map(|_| source).ok_or(SudokuError::AllExcluded { size: layout.size() })
    }

    /// Adds clues of minimal puzzles to a share of the grids. Such a puzzle has one solution and no
    /// redundant clue. It is the hardest by [`guesses`] of `digs` puzzles, each made by removing
    /// clues of the grid in its own order. Few clues are harder than a randomly masked grid. A
    /// puzzle takes about a millisecond on 9×9, and minutes on 16×16, where some redundant clues
    /// may remain.
    ///
    /// # Panics
    ///
    /// If `digs` is 0.
    #[must_use]
    pub fn with_puzzles(self, share: f64, digs: usize) -> Self {
        assert!(digs > 0, "at least one puzzle per grid");
        Self { puzzles: share, digs, ..self }
    }

    fn draw(&self, index: u64) -> Option<Grid> {
        let mut rng = keyed_rng(self.seed, index, Purpose::Data);
        let mut draws = (0..DRAWS).map(|_| random_grid(self.layout, &mut rng));
        draws.find(|grid| !self.excluded.contains(grid.cells()))
    }
}

impl DataSource for SudokuGrids {
    fn seq_len(&self) -> usize {
        self.layout.cells()
    }

    fn vocab(&self) -> usize {
        self.layout.size()
    }

    fn fill(&self, index: u64, tokens: &mut [u32]) {
        assert_eq!(tokens.len(), self.layout.cells(), "one token for each cell");
        let grid = self.draw(index).expect("not all grids are excluded");
        tokens.iter_mut().zip(grid.cells()).for_each(|(token, &cell)| *token = u32::from(cell));
    }

    fn mark_clues(&self, index: u64, clues: &mut [bool]) {
        let mut rng = keyed_rng(self.seed, index, Purpose::Clues);
        if self.puzzles == 0.0 || uniform(&mut rng) >= self.puzzles {
            return;
        }
        assert_eq!(clues.len(), self.layout.cells(), "one clue or none for each cell");
        let grid = self.draw(index).expect("not all grids are excluded");
        let dug: Vec<Grid> = (0..self.digs).map(|_| blank_out(&grid, 0, &mut rng)).collect();
        let hardness = |puzzle: &&Grid| if dug.len() > 1 { guesses(puzzle) } else { 0 };
        let puzzle = dug.iter().max_by_key(hardness).expect("at least one puzzle per grid");
        let blank = self.layout.size() as u8;
        clues.iter_mut().zip(puzzle.cells()).for_each(|(clue, &cell)| *clue = cell != blank);
    }
}
