//! Hard puzzles by local search.

use rand::Rng;
use vmd_core::{index_below, uniform};

use super::dig::has_one_solution;
use super::random::{nth_bit, permutation};
use super::solve::Search;
use super::{GeneratedPuzzle, Grid, guesses};

/// Maximum number of clues removed in one step.
const MOST_TAKEN: usize = 3;

/// Relative loss of guesses that is accepted with probability 1/e in the middle of the walk.
const TEMPERATURE: f64 = 0.1;

/// Maximum number of search nodes for another solution of a puzzle with removed clues.
const NODES: u64 = 10_000;

/// Searches for a harder puzzle near `start` with a random walk of `steps` steps. Returns the
/// puzzle with the most [`guesses`] found. A step removes up to three clues, adds others until one
/// solution is left, and removes all redundant clues. It is accepted if the puzzle becomes harder,
/// or with a probability that falls with the loss and towards the end.
///
/// Random puzzles need a few guesses. One step takes about two milliseconds on 9×9.
pub fn harden(start: GeneratedPuzzle, steps: usize, rng: &mut impl Rng) -> GeneratedPuzzle {
    let mut here = (guesses(&start.puzzle), start);
    let mut best = here.clone();
    for step in 0..steps {
        let Some(neighbour) = neighbour(&here.1.puzzle, rng) else { continue };
        let hardness = guesses(&neighbour.puzzle);
        let loss = (here.0 as f64 + 1.0).ln() - (hardness as f64 + 1.0).ln();
        let temperature = 2.0 * TEMPERATURE * (1.0 - step as f64 / steps as f64);
        if loss <= 0.0 || uniform(rng) < (-loss / temperature).exp() {
            here = (hardness, neighbour);
        }
        if here.0 > best.0 {
            best = here.clone();
        }
    }
    best.1
}

/// A minimal puzzle that shares all but a few clues with `puzzle`; `None` if the search was too
/// long.
fn neighbour(puzzle: &Grid, rng: &mut impl Rng) -> Option<GeneratedPuzzle> {
    let (layout, blank) = (puzzle.layout(), puzzle.layout().size() as u8);
    let mut cells = puzzle.cells().to_vec();
    let is_clue = |cells: &[u8], cell: usize| cells[cell] != blank;
    let order = permutation(layout.cells(), rng);
    let taken = 1 + index_below(rng, MOST_TAKEN);
    let clues = order.iter().copied().filter(|&cell| is_clue(&cells, cell));
    for cell in clues.take(taken).collect::<Vec<_>>() {
        cells[cell] = blank;
    }
    let solution = random_solution(&Grid::from_cells(layout, cells.clone()), rng)?;
    for &cell in &order {
        if has_one_solution(&Grid::from_cells(layout, cells.clone())) {
            break;
        }
        cells[cell] = solution.cells()[cell];
    }
    for cell in permutation(layout.cells(), rng) {
        let digit = cells[cell];
        cells[cell] = blank;
        if digit != blank && !has_one_solution(&Grid::from_cells(layout, cells.clone())) {
            cells[cell] = digit;
        }
    }
    Some(GeneratedPuzzle { puzzle: Grid::from_cells(layout, cells), solution })
}

fn random_solution(puzzle: &Grid, rng: &mut impl Rng) -> Option<Grid> {
    let mut found = None;
    Search::new(puzzle)?.limited_to(NODES).run(
        &mut |cells| {
            found = Some(Grid::from_cells(puzzle.layout(), cells.to_vec()));
            false
        },
        &mut |candidates| nth_bit(candidates, index_below(rng, candidates.count_ones() as usize)),
    );
    found
}
