//! The rules of Sudoku.

use std::fmt;

use super::grid::digit_name;
use super::{Grid, Layout};

/// A digit that occurs more than once in a row, column or box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokenRule {
    /// `row`, `column` or `box`.
    pub kind: &'static str,
    /// Number of the row, column or box, from 1.
    pub number: usize,
    /// The digit as written.
    pub digit: char,
    /// Row and column, from 1, of every cell with that digit.
    pub cells: Vec<(usize, usize)>,
}

impl fmt::Display for BrokenRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = match self.cells.len() {
            2 => "two".to_string(),
            3 => "three".to_string(),
            n => n.to_string(),
        };
        let place = match self.kind {
            "row" => format!("columns {}", listed(self.cells.iter().map(|c| c.1.to_string()).collect())),
            "column" => format!("rows {}", listed(self.cells.iter().map(|c| c.0.to_string()).collect())),
            _ => format!(
                "cells {}",
                listed(self.cells.iter().map(|c| format!("({}, {})", c.0, c.1)).collect())
            ),
        };
        write!(f, "{} {} has {count} {}s ({place})", self.kind, self.number, self.digit)
    }
}

/// `2, 5 and 7`.
fn listed(mut items: Vec<String>) -> String {
    let last = items.pop().unwrap_or_default();
    if items.is_empty() { last } else { format!("{} and {last}", items.join(", ")) }
}

/// The first digit that occurs twice in a row, column or box. Blank cells break no rule.
pub fn broken_rule(grid: &Grid) -> Option<BrokenRule> {
    let layout = grid.layout();
    let size = layout.size();
    for (index, unit) in layout.units().into_iter().enumerate() {
        for digit in 0..size {
            let cells: Vec<usize> =
                unit.iter().copied().filter(|&cell| usize::from(grid.cells()[cell]) == digit).collect();
            if cells.len() > 1 {
                return Some(BrokenRule {
                    kind: ["row", "column", "box"][index / size],
                    number: index % size + 1,
                    digit: digit_name(digit),
                    cells: cells.iter().map(|&c| (layout.row(c) + 1, layout.column(c) + 1)).collect(),
                });
            }
        }
    }
    None
}

/// Whether the grid is complete and every row, column and box contains every digit.
pub fn is_valid_solution(grid: &Grid) -> bool {
    grid.is_complete() && broken_rule(grid).is_none()
}

/// Whether no unit contains a digit twice, every blank cell has a candidate, and every missing
/// digit of a unit has a cell there. For a complete grid this equals [`is_valid_solution`].
pub fn is_consistent(grid: &Grid) -> bool {
    let layout = grid.layout();
    let blank = layout.size();
    let mut held = vec![[0_u32; 3]; blank];
    for (cell, &digit) in grid.cells().iter().enumerate() {
        let units = [layout.row(cell), layout.column(cell), layout.box_of(cell)];
        if usize::from(digit) == blank {
            continue;
        }
        for (kind, unit) in units.into_iter().enumerate() {
            let bit = 1 << digit;
            if held[unit][kind] & bit != 0 {
                return false;
            }
            held[unit][kind] |= bit;
        }
    }
    let all = u32::MAX >> (u32::BITS as usize - blank);
    let mut placed = held.clone();
    for cell in (0..layout.cells()).filter(|&cell| usize::from(grid.cells()[cell]) == blank) {
        let units = [layout.row(cell), layout.column(cell), layout.box_of(cell)];
        let taken = units.iter().enumerate().fold(0, |taken, (kind, &unit)| taken | held[unit][kind]);
        if taken == all {
            return false;
        }
        units.iter().enumerate().for_each(|(kind, &unit)| placed[unit][kind] |= all & !taken);
    }
    placed.iter().flatten().all(|&digits| digits == all)
}

/// Squared error of the expected digit counts per unit. `probabilities` is `[cells, size]`. In a
/// grid, and so in a mixture of grids, each unit contains each digit once in expectation. The
/// result is the sum of the squared differences from 1 over all digits of all rows, columns and
/// boxes; 0 for a solution.
///
/// # Panics
///
/// If `probabilities` has another length.
pub fn imbalance(layout: Layout, probabilities: &[f64]) -> f64 {
    let size = layout.size();
    assert_eq!(probabilities.len(), layout.cells() * size, "a probability for every digit in every cell");
    let expected =
        |unit: &[usize], digit| unit.iter().map(|cell| probabilities[cell * size + digit]).sum::<f64>();
    let of_unit =
        |unit: Vec<usize>| (0..size).map(|digit| (expected(&unit, digit) - 1.0).powi(2)).sum::<f64>();
    layout.units().into_iter().map(of_unit).sum()
}
