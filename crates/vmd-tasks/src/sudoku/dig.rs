//! Random puzzles.

use rand::Rng;
use vmd_core::index_below;

use super::random::permutation;
use super::solve::Search;
use super::{Grid, Layout, SudokuError, random_grid};

/// Maximum number of grids to try for the target number of clues.
const TRIES: usize = 100;

/// Maximum number of search nodes for a second solution. If it is reached, the clue is kept: in
/// large grids with few clues the search has no useful bound.
const NODES: u64 = 100_000;

/// Range of the number of clues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PuzzleConfig {
    /// Fewest clues.
    pub min_clues: usize,
    /// Most clues.
    pub max_clues: usize,
}

/// A puzzle with its only solution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GeneratedPuzzle {
    /// The puzzle.
    pub puzzle: Grid,
    /// Its solution.
    pub solution: Grid,
}

/// Generates a puzzle with one solution. Cells of a random grid are blanked in random order while
/// the solution is unique, down to a number of clues drawn uniformly from the range.
///
/// Up to 100 grids are tried for that number. If none reaches it, the one with the fewest clues is
/// returned, provided that it is in the range. On 9×9 this is the usual outcome for numbers up to
/// 21.
///
/// # Errors
///
/// [`SudokuError::ClueRange`] for a range that is empty or exceeds the cells,
/// [`SudokuError::TooFewClues`] if all 100 grids keep more clues than `max_clues`.
pub fn generate_puzzle(
    layout: Layout,
    config: &PuzzleConfig,
    rng: &mut impl Rng,
) -> Result<GeneratedPuzzle, SudokuError> {
    let &PuzzleConfig { min_clues, max_clues } = config;
    if min_clues > max_clues || max_clues > layout.cells() {
        return Err(SudokuError::ClueRange { min_clues, max_clues, cells: layout.cells() });
    }
    let clues = min_clues + index_below(rng, max_clues - min_clues + 1);
    let mut best: Option<GeneratedPuzzle> = None;
    for _ in 0..TRIES {
        let solution = random_grid(layout, rng);
        let puzzle = blank_out(&solution, clues, rng);
        let left = puzzle.n_clues();
        if best.as_ref().is_none_or(|best| left < best.puzzle.n_clues()) {
            best = Some(GeneratedPuzzle { puzzle, solution });
        }
        if left == clues {
            break;
        }
    }
    best.filter(|best| best.puzzle.n_clues() <= max_clues)
        .ok_or(SudokuError::TooFewClues { clues: max_clues, tries: TRIES })
}

/// Blanks as many cells of `solution` as possible while it is the only solution, but keeps at least
/// `clues` clues.
pub(super) fn blank_out(solution: &Grid, clues: usize, rng: &mut impl Rng) -> Grid {
    let layout = solution.layout();
    let mut grid = solution.clone();
    let mut left = layout.cells();
    for cell in permutation(layout.cells(), rng) {
        if left <= clues {
            break;
        }
        let mut cells = grid.cells().to_vec();
        cells[cell] = layout.size() as u8;
        let blanked = Grid::from_cells(layout, cells);
        if has_one_solution(&blanked) {
            grid = blanked;
            left -= 1;
        }
    }
    grid
}

/// Whether the puzzle has exactly one solution; `false` if the search was cut short.
pub(super) fn has_one_solution(puzzle: &Grid) -> bool {
    let Some(search) = Search::new(puzzle) else { return false };
    let mut count = 0;
    let finished = search.limited_to(NODES).run(
        &mut |_| {
            count += 1;
            count < 2
        },
        &mut |candidates| candidates.trailing_zeros(),
    );
    finished && count == 1
}
