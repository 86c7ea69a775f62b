//! Random grids and puzzles.

use std::sync::OnceLock;

use rand::Rng;
use vmd_process::index_below;

use super::solve::Search;
use super::{Grid, Layout, SudokuError, solve};

/// Grids that are tried for a puzzle of the wanted number of clues.
const TRIES: usize = 100;

/// How many clues a puzzle has.
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

/// A random full grid.
///
/// 4×4: exactly uniform over the 288 grids. Larger: the boxes on the diagonal are filled at random, the rest by
/// a randomised search over the most constrained cell; then digits, and rows and columns within their bands,
/// and bands and stacks are permuted at random. By these symmetries every digit is equally likely in every
/// cell and every pair of cells that can differ does so uniformly; what is not uniform is the weight of the
/// grids' equivalence classes, because the search prefers some completions to others.
pub fn random_grid(layout: Layout, rng: &mut impl Rng) -> Grid {
    if (layout.box_rows(), layout.box_cols()) == (2, 2) {
        let all = all_small_grids();
        return all[index_below(rng, all.len())].clone();
    }
    loop {
        let mut start = Grid::blank(layout).cells().to_vec();
        fill_diagonal(layout, &mut start, rng);
        let Some(mut search) = Search::new(&Grid::from_cells(layout, start)) else { continue };
        let mut found = None;
        search.run(
            &mut |cells| {
                found = Some(cells.to_vec());
                false
            },
            &mut |candidates| nth_bit(candidates, index_below(rng, candidates.count_ones() as usize)),
        );
        if let Some(cells) = found {
            return shuffled(layout, &cells, rng);
        }
    }
}

/// A puzzle with one solution: cells of a random grid are blanked in random order as long as the solution
/// stays the only one, down to a number of clues drawn from the range.
///
/// # Errors
///
/// [`SudokuError::TooFewClues`] if 100 grids give no puzzle with so few clues.
pub fn generate_puzzle(
    layout: Layout,
    config: &PuzzleConfig,
    rng: &mut impl Rng,
) -> Result<GeneratedPuzzle, SudokuError> {
    let spread = config.max_clues.saturating_sub(config.min_clues);
    let clues = config.min_clues + index_below(rng, spread + 1);
    for _ in 0..TRIES {
        let solution = random_grid(layout, rng);
        if let Some(puzzle) = blank_out(&solution, clues, rng) {
            return Ok(GeneratedPuzzle { puzzle, solution });
        }
    }
    Err(SudokuError::TooFewClues { clues, tries: TRIES })
}

fn blank_out(solution: &Grid, clues: usize, rng: &mut impl Rng) -> Option<Grid> {
    let layout = solution.layout();
    let mut cells = solution.cells().to_vec();
    let mut left = layout.cells();
    for cell in permutation(layout.cells(), rng) {
        if left <= clues {
            break;
        }
        let digit = std::mem::replace(&mut cells[cell], layout.size() as u8);
        if solve(&Grid::from_cells(layout, cells.clone()), 2).count == 1 {
            left -= 1;
        } else {
            cells[cell] = digit;
        }
    }
    (left <= clues).then(|| Grid::from_cells(layout, cells))
}

/// Every 4×4 grid.
fn all_small_grids() -> &'static [Grid] {
    static GRIDS: OnceLock<Vec<Grid>> = OnceLock::new();
    GRIDS.get_or_init(|| {
        let layout = Layout::new(2, 2).expect("4×4 is a layout");
        let mut grids = Vec::new();
        if let Some(mut search) = Search::new(&Grid::blank(layout)) {
            search.run(
                &mut |cells| {
                    grids.push(Grid::from_cells(layout, cells.to_vec()));
                    true
                },
                &mut |candidates: u32| candidates.trailing_zeros(),
            );
        }
        grids
    })
}

/// Fills boxes that share no row or column.
fn fill_diagonal(layout: Layout, cells: &mut [u8], rng: &mut impl Rng) {
    let size = layout.size();
    for i in 0..layout.box_rows().min(layout.box_cols()) {
        let (top, left) = (i * layout.box_rows(), i * layout.box_cols());
        for (k, digit) in permutation(size, rng).into_iter().enumerate() {
            cells[(top + k / layout.box_cols()) * size + left + k % layout.box_cols()] = digit as u8;
        }
    }
}

/// `cells` after a random symmetry of the rules.
fn shuffled(layout: Layout, cells: &[u8], rng: &mut impl Rng) -> Grid {
    let size = layout.size();
    let digits = permutation(size, rng);
    let rows = permuted_lines(layout.box_rows(), layout.box_cols(), rng);
    let columns = permuted_lines(layout.box_cols(), layout.box_rows(), rng);
    // Only square boxes stay boxes when rows and columns change places.
    let transpose = layout.box_rows() == layout.box_cols() && index_below(rng, 2) == 1;
    let source = |cell: usize| {
        let (row, column) = (rows[cell / size], columns[cell % size]);
        if transpose { column * size + row } else { row * size + column }
    };
    let shuffled = (0..layout.cells()).map(|cell| digits[usize::from(cells[source(cell)])] as u8).collect();
    Grid::from_cells(layout, shuffled)
}

/// A random order of `n_bands` bands of `lines` lines, and of the lines in each.
fn permuted_lines(lines: usize, n_bands: usize, rng: &mut impl Rng) -> Vec<usize> {
    let bands = permutation(n_bands, rng);
    bands
        .into_iter()
        .flat_map(|band| permutation(lines, rng).into_iter().map(move |line| band * lines + line))
        .collect()
}

/// A random order of `0..n`, every one equally likely.
fn permutation(n: usize, rng: &mut impl Rng) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    for i in (1..n).rev() {
        order.swap(i, index_below(rng, i + 1));
    }
    order
}

/// Position of the `n`-th bit that is set.
fn nth_bit(mut bits: u32, n: usize) -> u32 {
    for _ in 0..n {
        bits &= bits - 1;
    }
    bits.trailing_zeros()
}
