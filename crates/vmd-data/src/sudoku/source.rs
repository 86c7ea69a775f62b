//! Full grids as training data.

use std::collections::HashSet;

use vmd_process::{Purpose, keyed_rng};

use super::{Layout, random_grid};
use crate::source::DataSource;

/// Draws in a row that may all be excluded: with one grid of 288 left, the chance of that is below 1e-15.
const DRAWS: usize = 10_000;

/// An endless stream of random full grids, none of which is in a set of excluded ones.
#[derive(Debug, Clone)]
pub struct SudokuGrids {
    layout: Layout,
    seed: u64,
    excluded: HashSet<Vec<u8>>,
}

impl SudokuGrids {
    /// Grids of `layout`, keyed by `seed`; those whose cells ([`Grid::cells`](super::Grid::cells)) are in `excluded`
    /// are passed over.
    ///
    /// `excluded` must leave some grids: [`DataSource::fill`] panics if it finds none, which takes all 288 of the
    /// 4×4 grids, and is out of reach for larger ones.
    pub fn new(layout: Layout, seed: u64, excluded: HashSet<Vec<u8>>) -> Self {
        Self { layout, seed, excluded }
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
        let mut rng = keyed_rng(self.seed, index, Purpose::Data);
        assert_eq!(tokens.len(), self.layout.cells(), "one token for each cell");
        let grid = (0..DRAWS)
            .map(|_| random_grid(self.layout, &mut rng))
            .find(|grid| !self.excluded.contains(grid.cells()))
            .expect("some grid is not excluded");
        tokens.iter_mut().zip(grid.cells()).for_each(|(token, &cell)| *token = u32::from(cell));
    }
}
