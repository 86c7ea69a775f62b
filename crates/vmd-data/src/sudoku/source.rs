//! Full grids as training data.

use std::collections::HashSet;

use vmd_process::{Purpose, keyed_rng};

use super::{Layout, random_grid};
use crate::source::DataSource;

/// An endless stream of random full grids, none of which is in a set of excluded ones.
#[derive(Debug, Clone)]
pub struct SudokuGrids {
    layout: Layout,
    seed: u64,
    excluded: HashSet<Vec<u8>>,
}

impl SudokuGrids {
    /// Grids of `layout`, keyed by `seed`; those whose cells are in `excluded` are passed over.
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
        let mut grid = random_grid(self.layout, &mut rng);
        while self.excluded.contains(grid.cells()) {
            grid = random_grid(self.layout, &mut rng);
        }
        tokens.iter_mut().zip(grid.cells()).for_each(|(token, &cell)| *token = u32::from(cell));
    }
}
