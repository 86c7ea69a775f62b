//! Quality of full Sudoku grids: whether digits are distributed as in random grids, and which puzzles the grids make.

use vmd_core::{Purpose, keyed_rng};
use vmd_eval::{Figure, wilson_interval};

use super::{Grid, Layout, grade, random_grid, solve_within};

/// Partly filled grids that are looked at for a second solution: seconds, in grids so large that they need a bound.
const NODES: u64 = 1_000_000;

/// Sets of random grids that a set is compared with.
const REFERENCES: usize = 99;

/// Digits in cells, compared with random grids.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DigitTest {
    /// `χ² = Σ (count − n/size)² / (n/size)` over all cells and digits.
    pub chi_square: f64,
    /// Its mean over sets of as many random grids.
    pub expected: f64,
    /// Share of the sets, this one among them, whose `χ²` is as large; counts of different cells depend on each other, so that
    /// no table has it.
    pub p_value: f64,
}

/// Tests whether every digit is equally likely in every cell of `grids`, against [`random_grid`]s drawn from `seed`, in which it is.
/// `None` without grids.
pub fn test_digits(grids: &[Grid], seed: u64) -> Option<DigitTest> {
    let layout = grids.first()?.layout();
    let chi_square = chi_square(layout, grids.iter());
    let references: Vec<f64> = (0..REFERENCES as u64)
        .map(|set| {
            let mut rng = keyed_rng(seed, set, Purpose::Bootstrap);
            let random: Vec<Grid> = grids.iter().map(|_| random_grid(layout, &mut rng)).collect();
            self::chi_square(layout, random.iter())
        })
        .collect();
    let as_large = references.iter().filter(|&&reference| reference >= chi_square).count();
    Some(DigitTest {
        chi_square,
        expected: references.iter().sum::<f64>() / REFERENCES as f64,
        p_value: (1 + as_large) as f64 / (1 + REFERENCES) as f64,
    })
}

fn chi_square<'a>(layout: Layout, grids: impl Iterator<Item = &'a Grid>) -> f64 {
    let size = layout.size();
    let (mut counts, mut n) = (vec![0_usize; layout.cells() * size], 0.0);
    for grid in grids {
        n += 1.0;
        grid.cells()
            .iter()
            .enumerate()
            .for_each(|(cell, &digit)| counts[cell * size + usize::from(digit)] += 1);
    }
    let expected = n / size as f64;
    counts.into_iter().map(|count| (count as f64 - expected).powi(2) / expected).sum()
}

/// Puzzles made of full grids.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PuzzleQuality {
    /// Share with one solution, of which puzzles too open to tell are none.
    pub unique: Figure,
    /// Share that the grader's techniques solve.
    pub human: Figure,
}

/// Leaves of every grid the cells that are clues in one of `patterns`, in turn, and looks at what is left.
///
/// # Panics
///
/// If there is no pattern, or one of another size.
pub fn make_puzzles(grids: &[Grid], patterns: &[Grid]) -> PuzzleQuality {
    let puzzle = |(grid, pattern): (&Grid, &Grid)| {
        assert_eq!(grid.layout(), pattern.layout(), "patterns have the size of the grids");
        let blank = grid.layout().size() as u32;
        let cells = grid.to_tokens().into_iter().zip(pattern.to_tokens());
        let cells: Vec<u32> = cells.map(|(digit, clue)| if clue == blank { blank } else { digit }).collect();
        Grid::from_tokens(grid.layout(), &cells).expect("cells of a grid are cells of a puzzle")
    };
    let puzzles: Vec<Grid> = grids.iter().zip(patterns.iter().cycle()).map(puzzle).collect();
    let has_one =
        |puzzle: &Grid| solve_within(puzzle, 2, NODES).is_some_and(|solutions| solutions.count == 1);
    let unique = puzzles.iter().filter(|puzzle| has_one(puzzle)).count();
    let human = puzzles.iter().filter(|puzzle| grade(puzzle).solved).count();
    PuzzleQuality { unique: wilson_interval(unique, grids.len()), human: wilson_interval(human, grids.len()) }
}
