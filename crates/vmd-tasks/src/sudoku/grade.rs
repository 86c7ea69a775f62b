//! Grading of puzzles by human techniques.

use super::{Grid, Layout, Technique, broken_rule};

/// Result of grading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grade {
    /// Whether the techniques solve the puzzle.
    pub solved: bool,
    /// The hardest technique used; `None` if none applied.
    pub hardest: Option<Technique>,
}

/// Solves `puzzle` with human techniques, always using the easiest one that makes progress.
///
/// The techniques preserve all solutions, so a puzzle with several solutions, or with none, is
/// never solved.
pub fn grade(puzzle: &Grid) -> Grade {
    // The candidates only detect conflicts with blank cells, so check the clues first.
    if broken_rule(puzzle).is_some() {
        return Grade { solved: false, hardest: None };
    }
    let mut state = State::new(puzzle);
    let mut hardest = None;
    while !state.is_solved() {
        match Technique::ALL.into_iter().find(|&technique| state.apply(technique)) {
            Some(technique) => hardest = hardest.max(Some(technique)),
            None => break,
        }
    }
    Grade { solved: state.is_solved(), hardest }
}

/// State of the grader. Filled cells have no candidates.
struct State {
    layout: Layout,
    units: Vec<Vec<usize>>,
    peers: Vec<Vec<usize>>,
    candidates: Vec<u32>,
    filled: usize,
}

impl State {
    fn new(puzzle: &Grid) -> Self {
        let layout = puzzle.layout();
        let units = layout.units();
        let peers = (0..layout.cells())
            .map(|cell| {
                let shared = units.iter().filter(|unit| unit.contains(&cell)).flatten();
                shared.copied().filter(|&other| other != cell).collect()
            })
            .collect();
        let all = (1_u32 << layout.size()) - 1;
        let mut state = Self { layout, units, peers, candidates: vec![all; layout.cells()], filled: 0 };
        for (cell, &digit) in puzzle.cells().iter().enumerate() {
            if !puzzle.is_blank(digit) {
                state.fill(cell, 1 << digit);
            }
        }
        state
    }

    fn is_solved(&self) -> bool {
        self.filled == self.layout.cells()
    }

    fn fill(&mut self, cell: usize, bit: u32) {
        self.candidates[cell] = 0;
        self.filled += 1;
        for i in 0..self.peers[cell].len() {
            self.candidates[self.peers[cell][i]] &= !bit;
        }
    }

    /// Applies a technique once; returns whether it made progress.
    fn apply(&mut self, technique: Technique) -> bool {
        match technique {
            Technique::NakedSingle => self.naked_single(),
            Technique::HiddenSingle => self.hidden_single(),
            Technique::LockedCandidates => self.locked_candidates(),
            Technique::NakedPair => self.naked(2),
            Technique::HiddenPair => self.hidden(2),
            Technique::NakedTriple => self.naked(3),
            Technique::HiddenTriple => self.hidden(3),
        }
    }

    fn naked_single(&mut self) -> bool {
        let Some(cell) = self.candidates.iter().position(|set| set.count_ones() == 1) else { return false };
        self.fill(cell, self.candidates[cell]);
        true
    }

    fn hidden_single(&mut self) -> bool {
        for unit in 0..self.units.len() {
            for digit in 0..self.layout.size() {
                if let [cell] = self.places(unit, digit)[..] {
                    self.fill(cell, 1 << digit);
                    return true;
                }
            }
        }
        false
    }

    fn locked_candidates(&mut self) -> bool {
        for first in 0..self.units.len() {
            for digit in 0..self.layout.size() {
                let places = self.places(first, digit);
                if places.len() < 2 {
                    continue;
                }
                for second in (0..self.units.len()).filter(|&second| second != first) {
                    if places.iter().all(|cell| self.units[second].contains(cell)) {
                        let others = self.without(second, &places);
                        if self.remove(&others, 1 << digit) {
                            return true;
                        }
                    }
                }
            }
        }
        false
    }

    /// `n` cells of a unit with `n` candidates in total: removes these from the other cells of the
    /// unit.
    fn naked(&mut self, n: usize) -> bool {
        for unit in 0..self.units.len() {
            let open: Vec<usize> =
                self.units[unit].iter().copied().filter(|&cell| self.candidates[cell] != 0).collect();
            for subset in subsets(&open, n) {
                let union = subset.iter().fold(0, |union, &cell| union | self.candidates[cell]);
                if union.count_ones() as usize == n {
                    let others = self.without(unit, &subset);
                    if self.remove(&others, union) {
                        return true;
                    }
                }
            }
        }
        false
    }

    /// `n` digits with `n` places in total in a unit: removes other candidates from these cells.
    fn hidden(&mut self, n: usize) -> bool {
        for unit in 0..self.units.len() {
            let open: Vec<usize> =
                (0..self.layout.size()).filter(|&digit| !self.places(unit, digit).is_empty()).collect();
            for subset in subsets(&open, n) {
                let bits = subset.iter().fold(0_u32, |bits, &digit| bits | 1 << digit);
                let cells: Vec<usize> = self.units[unit]
                    .iter()
                    .copied()
                    .filter(|&cell| self.candidates[cell] & bits != 0)
                    .collect();
                if cells.len() == n && self.remove(&cells, !bits) {
                    return true;
                }
            }
        }
        false
    }

    /// Open cells of a unit that admit a digit.
    fn places(&self, unit: usize, digit: usize) -> Vec<usize> {
        self.units[unit].iter().copied().filter(|&cell| self.candidates[cell] & (1 << digit) != 0).collect()
    }

    fn without(&self, unit: usize, cells: &[usize]) -> Vec<usize> {
        self.units[unit].iter().copied().filter(|cell| !cells.contains(cell)).collect()
    }

    /// Removes candidates; returns whether any were present.
    fn remove(&mut self, cells: &[usize], bits: u32) -> bool {
        let mut changed = false;
        for &cell in cells {
            changed |= self.candidates[cell] & bits != 0;
            self.candidates[cell] &= !bits;
        }
        changed
    }
}

/// Every subset of `n` items.
fn subsets(items: &[usize], n: usize) -> Vec<Vec<usize>> {
    match (n, items.split_first()) {
        (0, _) => vec![Vec::new()],
        (_, None) => Vec::new(),
        (_, Some((&first, rest))) => {
            let mut with_first = subsets(rest, n - 1);
            with_first.iter_mut().for_each(|subset| subset.push(first));
            with_first.extend(subsets(rest, n));
            with_first
        }
    }
}
