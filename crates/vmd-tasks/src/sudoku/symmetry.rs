//! Grids up to the symmetries of Sudoku.

use super::Grid;

/// An invariant of a grid under relabelling digits, permuting bands, stacks, rows of a band and
/// columns of a stack, and transposition if boxes are square.
///
/// Grids with different fingerprints are inequivalent. Equal fingerprints are strong evidence of
/// equivalence, but no proof.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(Vec<u8>);

/// Computes the fingerprint of a complete, valid grid. Two rows define a permutation that maps each
/// digit of the first to the one below it in the second. Relabelling and permuting columns preserve
/// its cycle lengths. The lengths are sorted by the bands of the rows, and likewise for columns.
///
/// # Panics
///
/// If a row or column does not contain every digit once.
pub fn fingerprint(grid: &Grid) -> Fingerprint {
    let layout = grid.layout();
    let size = layout.size();
    let cell = |line: usize, place: usize, rows: bool| {
        let index = if rows { line * size + place } else { place * size + line };
        usize::from(grid.cells()[index])
    };
    let half = |rows: bool| {
        let lines = if rows { layout.box_rows() } else { layout.box_cols() };
        let mut of_bands: Vec<Vec<Vec<u8>>> = Vec::new();
        for (first, second) in (0..size / lines).flat_map(|a| (0..=a).map(move |b| (a, b))) {
            let mut cycles = Vec::new();
            for a in first * lines..(first + 1) * lines {
                for b in second * lines..(second + 1) * lines {
                    // Each pair within a band only once.
                    if first != second || b < a {
                        cycles
                            .push(cycle_lengths(size, |place| (cell(a, place, rows), cell(b, place, rows))));
                    }
                }
            }
            cycles.sort_unstable();
            // Keep pairs within a band apart from pairs across bands.
            cycles.push(vec![u8::from(first == second)]);
            of_bands.push(cycles);
        }
        of_bands.sort_unstable();
        of_bands.concat().concat()
    };
    let mut halves = [half(true), half(false)];
    if layout.box_rows() == layout.box_cols() {
        halves.sort_unstable();
    }
    Fingerprint(halves.concat())
}

/// Sorted cycle lengths, terminated by a 0, of the permutation that `pair` lists.
fn cycle_lengths(size: usize, pair: impl Fn(usize) -> (usize, usize)) -> Vec<u8> {
    let mut next = vec![usize::MAX; size];
    (0..size).map(pair).for_each(|(from, to)| next[from] = to);
    let mut lengths = Vec::new();
    for start in 0..size {
        let (mut at, mut length) = (start, 0);
        while next[at] != usize::MAX {
            at = std::mem::replace(&mut next[at], usize::MAX);
            length += 1;
        }
        if length > 0 {
            lengths.push(length);
        }
    }
    assert_eq!(
        lengths.iter().map(|&length| usize::from(length)).sum::<usize>(),
        size,
        "a complete, valid grid"
    );
    lengths.sort_unstable();
    lengths.push(0);
    lengths
}
