//! Counting solutions.

use super::{Grid, Layout};

/// Result of the solver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Solutions {
    /// Number of solutions, at most the limit.
    pub count: usize,
    /// One of them.
    pub first: Option<Grid>,
}

/// Counts the solutions of `puzzle` up to `limit`. Backtracks over the most constrained cell, with
/// naked and hidden singles.
///
/// Puzzles of 4×4 to 9×9 take microseconds to milliseconds. The time is unbounded: a 16×16 or 25×25
/// grid with few clues, or a very large `limit`, may not terminate in practice; see
/// [`solve_within`].
pub fn solve(puzzle: &Grid, limit: usize) -> Solutions {
    solve_within(puzzle, limit, u64::MAX).expect("the search cannot reach 2^64 nodes")
}

/// Like [`solve`], with a limit of `nodes` search nodes, a few hundred thousand per second. `None`
/// if the limit was reached.
pub fn solve_within(puzzle: &Grid, limit: usize, nodes: u64) -> Option<Solutions> {
    let mut solutions = Solutions { count: 0, first: None };
    if limit == 0 {
        return Some(solutions);
    }
    let Some(search) = Search::new(puzzle) else { return Some(solutions) };
    let ended = search.limited_to(nodes).run(
        &mut |cells| {
            solutions.count += 1;
            solutions.first.get_or_insert_with(|| Grid::from_cells(puzzle.layout(), cells.to_vec()));
            solutions.count < limit
        },
        &mut |candidates| candidates.trailing_zeros(),
    );
    (ended || solutions.count == limit).then_some(solutions)
}

/// Number of guesses that a search needs, with naked and hidden singles alone, to prove that it has
/// found all solutions. A measure of difficulty: 0 for puzzles that singles solve, dozens to
/// hundreds for the hardest known.
pub fn guesses(puzzle: &Grid) -> u64 {
    let Some(mut search) = Search::new(puzzle) else { return 0 };
    search.run(&mut |_| true, &mut |candidates| candidates.trailing_zeros());
    search.guesses
}

/// A partial grid with the digits that its rows, columns and boxes contain.
#[derive(Debug)]
pub(super) struct Search {
    layout: Layout,
    pub(super) cells: Vec<u8>,
    pub(super) blank: Vec<usize>,
    rows: Vec<u32>,
    columns: Vec<u32>,
    boxes: Vec<u32>,
    /// Row, column and box of every cell.
    units_of: Vec<[usize; 3]>,
    /// Remaining search nodes.
    nodes_left: u64,
    /// Number of choices among several candidates.
    guesses: u64,
}

/// The next step of the search.
pub(super) enum Move {
    Done,
    Dead,
    /// Position in `blank`, and the digits to try as bits.
    Try(usize, u32),
}

impl Search {
    /// Creates a search; `None` if two clues contradict each other.
    pub(super) fn new(puzzle: &Grid) -> Option<Self> {
        let layout = puzzle.layout();
        let size = layout.size();
        let mut search = Self {
            layout,
            cells: puzzle.cells().to_vec(),
            blank: Vec::new(),
            rows: vec![0; size],
            columns: vec![0; size],
            boxes: vec![0; size],
            units_of: (0..layout.cells())
                .map(|cell| [layout.row(cell), layout.column(cell), layout.box_of(cell)])
                .collect(),
            nodes_left: u64::MAX,
            guesses: 0,
        };
        for (cell, &digit) in puzzle.cells().iter().enumerate() {
            if puzzle.is_blank(digit) {
                search.blank.push(cell);
            } else if search.candidates(cell) & (1 << digit) == 0 {
                return None;
            } else {
                search.toggle(cell, 1 << digit);
            }
        }
        Some(search)
    }

    /// Limits the number of search nodes.
    pub(super) fn limited_to(mut self, nodes: u64) -> Self {
        self.nodes_left = nodes;
        self
    }

    /// Continues the search. `found` receives the cells of each solution and returns whether to
    /// continue; `choose` picks the candidate bit to try first. Returns `false` if the search
    /// stopped early.
    pub(super) fn run(
        &mut self,
        found: &mut impl FnMut(&[u8]) -> bool,
        choose: &mut impl FnMut(u32) -> u32,
    ) -> bool {
        if self.nodes_left == 0 {
            return false;
        }
        self.nodes_left -= 1;
        let (index, mut candidates) = match self.next_move() {
            Move::Done => return found(&self.cells),
            Move::Dead => return true,
            Move::Try(index, candidates) => (index, candidates),
        };
        self.guesses += u64::from(candidates.count_ones() > 1);
        let cell = self.blank.swap_remove(index);
        let mut go_on = true;
        while candidates != 0 && go_on {
            let digit = choose(candidates);
            candidates &= !(1 << digit);
            self.toggle(cell, 1 << digit);
            self.cells[cell] = digit as u8;
            go_on = self.run(found, choose);
            self.toggle(cell, 1 << digit);
        }
        self.cells[cell] = self.layout.size() as u8;
        self.blank.push(cell);
        let last = self.blank.len() - 1;
        self.blank.swap(index, last);
        go_on
    }

    fn candidates(&self, cell: usize) -> u32 {
        let [row, column, box_of] = self.units_of[cell];
        let all = (1_u32 << self.layout.size()) - 1;
        all & !(self.rows[row] | self.columns[column] | self.boxes[box_of])
    }

    pub(super) fn toggle(&mut self, cell: usize, bit: u32) {
        let [row, column, box_of] = self.units_of[cell];
        self.rows[row] ^= bit;
        self.columns[column] ^= bit;
        self.boxes[box_of] ^= bit;
    }

    /// The cell with the fewest candidates, or a digit with a single place in some unit.
    pub(super) fn next_move(&self) -> Move {
        let mut best = Move::Done;
        let mut fewest = u32::MAX;
        for (index, &cell) in self.blank.iter().enumerate() {
            let candidates = self.candidates(cell);
            let count = candidates.count_ones();
            if count < fewest {
                fewest = count;
                best = Move::Try(index, candidates);
                match count {
                    0 => return Move::Dead,
                    1 => return best,
                    _ => {}
                }
            }
        }
        if fewest == u32::MAX { best } else { self.hidden_single().unwrap_or(best) }
    }

    /// A digit with a single place in a unit; `Dead` if a digit has no place.
    fn hidden_single(&self) -> Option<Move> {
        let size = self.layout.size();
        let all = (1_u32 << size) - 1;
        // Digits that are candidates of at least one and of at least two blank cells of each unit.
        let (mut once, mut twice) = (vec![0_u32; 3 * size], vec![0_u32; 3 * size]);
        for &cell in &self.blank {
            let candidates = self.candidates(cell);
            for (kind, &unit) in self.units_of[cell].iter().enumerate() {
                let unit = kind * size + unit;
                twice[unit] |= once[unit] & candidates;
                once[unit] |= candidates;
            }
        }
        let filled = self.rows.iter().chain(&self.columns).chain(&self.boxes);
        if filled.zip(&once).any(|(filled, once)| filled | once != all) {
            return Some(Move::Dead);
        }
        self.blank.iter().enumerate().find_map(|(index, &cell)| {
            let candidates = self.candidates(cell);
            let units = self.units_of[cell].iter().enumerate().map(|(kind, &unit)| kind * size + unit);
            let single = units.map(|unit| candidates & !twice[unit]).find(|&bits| bits != 0)?;
            Some(Move::Try(index, single & single.wrapping_neg()))
        })
    }
}
