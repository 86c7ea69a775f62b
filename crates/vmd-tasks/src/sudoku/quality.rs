//! Quality of full grids: uniformity of digits, and puzzles made of the grids.

use vmd_core::{Purpose, keyed_rng};
use vmd_eval::{Figure, wilson_interval};

use super::{Grid, Layout, grade, random_grid, solve_within};

/// Maximum number of search nodes for a second solution; takes seconds in large grids.
const NODES: u64 = 1_000_000;

/// Number of reference sets of random grids.
const REFERENCES: usize = 99;

/// Test of digits in cells against random grids.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DigitTest {
    /// `χ² = Σ (count − n/size)² / (n/size)` over all cells and digits.
    pub chi_square: f64,
    /// Mean of `χ²` over reference sets of the same size.
    pub expected: f64,
    /// Share of sets, this one included, whose `χ²` is at least as large. Estimated by simulation,
    /// because counts of different cells are dependent.
    pub p_value: f64,
}

/// Tests whether every digit is equally likely in every cell of `grids`. The reference are
/// [`random_grid`]s drawn from `seed`, for which this holds. `None` without grids.
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

/// Quality of puzzles made of full grids.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PuzzleQuality {
    /// Share with one solution. Puzzles whose search was cut short count as not unique.
    pub unique: Figure,
    /// Share solved by the grader's techniques.
    pub human: Figure,
}

/// Keeps the cells of each grid that are clues in one of `patterns`, cycling through them, and
/// measures the puzzles.
///
/// # Panics
///
/// If there is no pattern, or a pattern of another size.
pub fn make_puzzles(grids: &[Grid], patterns: &[Grid]) -> PuzzleQuality {
    let puzzle = |(grid, pattern): (&Grid, &Grid)| {
        assert_eq!(grid.layout(), pattern.layout(), "patterns have the size of the grids");
        let blank = grid.layout().size() as u32;
        let cells = grid.to_tokens().into_iter().zip(pattern.to_tokens());
        let cells: Vec<u32> = cells.map(|(digit, clue)| if clue == blank { blank } else { digit }).collect();
        Grid::from_tokens(grid.layout(), &cells).expect("the cells are valid")
    };
    let puzzles: Vec<Grid> = grids.iter().zip(patterns.iter().cycle()).map(puzzle).collect();
    let has_one =
        |puzzle: &Grid| solve_within(puzzle, 2, NODES).is_some_and(|solutions| solutions.count == 1);
    let unique = puzzles.iter().filter(|puzzle| has_one(puzzle)).count();
    let human = puzzles.iter().filter(|puzzle| grade(puzzle).solved).count();
    PuzzleQuality { unique: wilson_interval(unique, grids.len()), human: wilson_interval(human, grids.len()) }
}
