//! Random grids, puzzles and the stream of training grids.

use std::collections::{HashMap, HashSet};

use vmd_core::{DataSource, Purpose, index_below, keyed_rng};
use vmd_tasks::sudoku::{
    Grid, Layout, PuzzleConfig, SudokuError, SudokuGrids, fingerprint, generate_puzzle, guesses, harden,
    is_valid_solution, random_grid, solve, solve_within,
};

fn layout(box_rows: usize, box_cols: usize) -> Layout {
    Layout::new(box_rows, box_cols).expect("a supported size")
}

fn grids(layout: Layout, n: u64) -> impl Iterator<Item = Grid> {
    (0..n).map(move |index| random_grid(layout, &mut keyed_rng(5, index, Purpose::Data)))
}

/// Pearson's chi-square statistic for equal expected counts, divided by its degrees of freedom.
fn chi_square(counts: &[u64]) -> f64 {
    let mean = counts.iter().sum::<u64>() as f64 / counts.len() as f64;
    let sum: f64 = counts.iter().map(|&count| (count as f64 - mean).powi(2) / mean).sum();
    sum / (counts.len() - 1) as f64
}

#[test]
fn grids_of_every_layout_keep_the_rules() {
    for rows in 1..=25 {
        for columns in (1..=25).filter(|columns| (2..=25).contains(&(rows * columns))) {
            let found = grids(layout(rows, columns), 3);
            assert!(found.into_iter().all(|grid| is_valid_solution(&grid)), "{rows}x{columns}");
        }
    }
}

#[test]
fn small_grids_are_uniform() {
    let mut counts: HashMap<Vec<u8>, u64> = HashMap::new();
    grids(layout(2, 2), 288 * 200).for_each(|grid| *counts.entry(grid.cells().to_vec()).or_default() += 1);
    assert_eq!(counts.len(), 288);
    // 287 degrees of freedom: the standard deviation is 0.083.
    let statistic = chi_square(&counts.into_values().collect::<Vec<_>>());
    assert!((statistic - 1.0).abs() < 0.35, "{statistic}");
}

#[test]
fn digits_and_pairs_of_cells_are_uniform() {
    let n = 20_000;
    let mut cells = vec![[0_u64; 9]; 81];
    // Cells 0 and 12 share a band, cells 0 and 40 neither band nor stack.
    let (mut same_band, mut apart) = (0, 0);
    for grid in grids(layout(3, 3), n) {
        let digits = grid.cells();
        digits.iter().enumerate().for_each(|(cell, &digit)| cells[cell][usize::from(digit)] += 1);
        same_band += u64::from(digits[0] == digits[12]);
        apart += u64::from(digits[0] == digits[40]);
    }
    // 8 degrees of freedom in each of 81 tests: 4 is beyond the quantile of 1 − 1e-4.
    let worst = cells.iter().map(|counts| chi_square(counts)).fold(0.0, f64::max);
    assert!(worst < 4.5, "{worst}");
    let [same_band, apart] = [same_band, apart].map(|count| count as f64 / n as f64);
    assert!((same_band - 1.0 / 6.0).abs() < 0.012, "{same_band}");
    assert!((apart - 1.0 / 9.0).abs() < 0.01, "{apart}");
}

#[test]
fn puzzles_have_one_solution_and_clues_in_the_range() {
    for (layout, min_clues, max_clues) in
        [(layout(2, 2), 4, 8), (layout(2, 3), 10, 20), (layout(3, 3), 24, 40), (layout(4, 4), 110, 150)]
    {
        let config = PuzzleConfig { min_clues, max_clues };
        for index in 0..10 {
            let made = generate_puzzle(layout, &config, &mut keyed_rng(3, index, Purpose::Data)).unwrap();
            assert!((min_clues..=max_clues).contains(&made.puzzle.n_clues()));
            assert!(is_valid_solution(&made.solution));
            let found = solve(&made.puzzle, 2);
            assert_eq!((found.count, found.first), (1, Some(made.solution)));
        }
    }
}

#[test]
fn ranges_of_clues_are_checked() {
    let mut rng = keyed_rng(0, 0, Purpose::Data);
    let mut make = |min_clues, max_clues| {
        let config = PuzzleConfig { min_clues, max_clues };
        generate_puzzle(layout(2, 2), &config, &mut rng)
    };
    for (min_clues, max_clues) in [(9, 8), (4, 17), (0, usize::MAX)] {
        assert!(matches!(make(min_clues, max_clues), Err(SudokuError::ClueRange { cells: 16, .. })));
    }
    // No 4×4 puzzle has fewer than 4 clues.
    assert!(matches!(make(0, 3), Err(SudokuError::TooFewClues { clues: 3, .. })));
    assert!((0..20).all(|_| make(0, 6).unwrap().puzzle.n_clues() <= 6));
    assert!(make(16, 16).unwrap().puzzle.is_complete());
}

#[test]
fn large_puzzles_with_few_blanks_are_solved() {
    let mut rng = keyed_rng(4, 0, Purpose::Data);
    for _ in 0..5 {
        let solution = random_grid(layout(4, 4), &mut rng);
        let mut tokens = solution.to_tokens();
        (0..60).for_each(|_| tokens[index_below(&mut rng, 256)] = 16);
        let puzzle = Grid::from_tokens(layout(4, 4), &tokens).unwrap();
        let first = solve(&puzzle, 1).first.unwrap();
        assert!(is_valid_solution(&first) && first.extends(&puzzle));
    }
}

#[test]
fn the_limit_bounds_the_count() {
    let blank = Grid::blank(layout(2, 2));
    assert_eq!([0, 1, 10, 288, 1000].map(|limit| solve(&blank, limit).count), [0, 1, 10, 288, 288]);
    assert_eq!(solve(&blank, 0).first, None);
    let contradiction = solve(&"11..............".parse().unwrap(), 5);
    assert_eq!((contradiction.count, contradiction.first), (0, None));
    let complete: Grid = "3142243142131324".parse().unwrap();
    assert_eq!(solve(&complete, 5).first, Some(complete));
    assert_eq!(solve(&Grid::blank(layout(5, 5)), 1).count, 1);
}

fn example(source: &SudokuGrids, index: u64) -> Vec<u32> {
    let mut tokens = vec![99; source.seq_len()];
    source.fill(index, &mut tokens);
    tokens
}

#[test]
fn training_grids_are_a_function_of_seed_and_index() {
    let source = SudokuGrids::new(layout(3, 3), 1, HashSet::new()).unwrap();
    assert_eq!((source.seq_len(), source.vocab()), (81, 9));
    let forwards: Vec<_> = (0..20).map(|index| example(&source, index)).collect();
    let again = SudokuGrids::new(layout(3, 3), 1, HashSet::new()).unwrap();
    let backwards: Vec<_> = (0..20).rev().map(|index| example(&again, index)).collect();
    assert!(forwards.iter().eq(backwards.iter().rev()));
    assert_eq!(forwards.iter().collect::<HashSet<_>>().len(), 20);
    assert_ne!(forwards[0], example(&SudokuGrids::new(layout(3, 3), 2, HashSet::new()).unwrap(), 0));
    for tokens in forwards {
        assert!(is_valid_solution(&Grid::from_tokens(layout(3, 3), &tokens).unwrap()));
    }
}

#[test]
fn a_share_of_the_grids_come_with_the_clues_of_a_puzzle_that_can_spare_none() {
    let clues = |source: &SudokuGrids, index| {
        let mut clues = vec![false; 81];
        source.mark_clues(index, &mut clues);
        clues
    };
    let plain = SudokuGrids::new(layout(3, 3), 1, HashSet::new()).unwrap();
    assert!((0..20).all(|index| !clues(&plain, index).contains(&true)));
    let source = plain.clone().with_puzzles(0.5, 1);
    let mut puzzles = 0;
    for index in 0..40 {
        let (tokens, clues) = (example(&source, index), clues(&source, index));
        assert_eq!(tokens, example(&plain, index), "clues change no grid");
        if !clues.contains(&true) {
            continue;
        }
        puzzles += 1;
        let without = |cell: usize| {
            let shown = |i: usize| if clues[i] && i != cell { tokens[i] } else { 9 };
            let puzzle: Vec<u32> = (0..81).map(shown).collect();
            solve(&Grid::from_tokens(layout(3, 3), &puzzle).unwrap(), 2).count
        };
        assert_eq!(without(81), 1);
        assert!((0..81).filter(|&cell| clues[cell]).all(|cell| without(cell) == 2));
    }
    // Within four standard errors of half.
    assert!((8..=32).contains(&puzzles), "{puzzles}");
    let hardness = |digs: usize| -> u64 {
        let source = plain.clone().with_puzzles(1.0, digs);
        let of = |index| {
            let clues = clues(&source, index);
            let shown = example(&source, index)
                .into_iter()
                .zip(clues)
                .map(|(token, clue)| if clue { token } else { 9 });
            guesses(&Grid::from_tokens(layout(3, 3), &shown.collect::<Vec<_>>()).unwrap())
        };
        (0..20).map(of).sum()
    };
    assert!(hardness(6) > 2 * hardness(1), "{} and {}", hardness(6), hardness(1));
}

fn small_grids() -> HashSet<Vec<u8>> {
    let all: HashSet<_> = grids(layout(2, 2), 5_000).map(|grid| grid.cells().to_vec()).collect();
    assert_eq!(all.len(), 288);
    all
}

#[test]
fn excluded_grids_are_never_drawn() {
    let mut excluded = small_grids();
    let last = excluded.iter().next().unwrap().clone();
    excluded.remove(&last);
    let source = SudokuGrids::new(layout(2, 2), 1, excluded).unwrap();
    let last: Vec<u32> = last.into_iter().map(u32::from).collect();
    assert!((0..100).all(|index| example(&source, index) == last));
}

#[test]
fn exclusion_changes_only_the_excluded_examples() {
    let free = SudokuGrids::new(layout(3, 3), 1, HashSet::new()).unwrap();
    let gone = example(&free, 2).into_iter().map(|token| token as u8).collect();
    let source = SudokuGrids::new(layout(3, 3), 1, HashSet::from([gone])).unwrap();
    let same: Vec<bool> = (0..5).map(|index| example(&free, index) == example(&source, index)).collect();
    assert_eq!(same, [true, true, false, true, true]);
}

#[test]
fn a_stream_without_grids_is_refused() {
    let error = SudokuGrids::new(layout(2, 2), 1, small_grids()).unwrap_err();
    assert!(error.to_string().contains("every 4×4 grid is excluded"), "{error}");
}

#[test]
#[should_panic(expected = "one token for each cell")]
fn examples_of_another_length_are_refused() {
    SudokuGrids::new(layout(2, 2), 1, HashSet::new()).unwrap().fill(0, &mut [0; 15]);
}

#[test]
fn a_search_gives_up_after_its_nodes() {
    let open = Grid::blank(layout(4, 4));
    // Filling 256 cells needs more than fifty search nodes in any order.
    assert_eq!(solve_within(&open, 2, 50), None);
    assert_eq!(solve_within(&open, 0, 0).map(|solutions| solutions.count), Some(0));
    let small = solve_within(&Grid::blank(layout(2, 2)), 1000, u64::MAX).unwrap();
    assert_eq!(small.count, 288);
    // Reaching the limit of solutions is a result even if the search stops there.
    assert_eq!(solve_within(&Grid::blank(layout(2, 2)), 2, 200).unwrap().count, 2);
}

#[test]
fn a_fingerprint_is_the_same_for_all_that_is_the_same_and_hardly_for_anything_else() {
    for (rows, columns) in [(2, 3), (3, 3)] {
        let layout = layout(rows, columns);
        let size = layout.size();
        let all: Vec<Grid> = grids(layout, 300).collect();
        let prints: HashSet<_> = all.iter().map(fingerprint).collect();
        // 6×6 has 49 classes. 9×9 has five billion, so the grids drawn here are in different
        // classes.
        assert!(
            if rows == 2 { (25..=49).contains(&prints.len()) } else { prints.len() == 300 },
            "{}",
            prints.len()
        );
        for (index, grid) in all.iter().enumerate().take(20) {
            let mut rng = keyed_rng(9, index as u64, Purpose::Augment);
            let names = shuffle(size, &mut rng);
            // Permute bands, then the lines of each.
            let mut lines = |lines: usize| -> Vec<usize> {
                let bands = shuffle(size / lines, &mut rng);
                bands
                    .into_iter()
                    .flat_map(|band| shuffle(lines, &mut rng).into_iter().map(move |i| band * lines + i))
                    .collect()
            };
            let (down, across) = (lines(rows), lines(columns));
            let cell =
                |i: usize| names[usize::from(grid.cells()[down[i / size] * size + across[i % size]])] as u32;
            let other: Vec<u32> = (0..layout.cells()).map(cell).collect();
            assert_eq!(fingerprint(&Grid::from_tokens(layout, &other).unwrap()), fingerprint(grid));
            if rows == columns {
                let turned: Vec<u32> =
                    (0..layout.cells()).map(|i| other[i % size * size + i / size]).collect();
                assert_eq!(fingerprint(&Grid::from_tokens(layout, &turned).unwrap()), fingerprint(grid));
            }
        }
    }
}

fn shuffle(n: usize, rng: &mut impl rand::Rng) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    (1..n).rev().for_each(|i| order.swap(i, index_below(rng, i + 1)));
    order
}

#[test]
fn hardened_puzzles_keep_one_solution_and_need_more_guesses() {
    let nine = layout(3, 3);
    for index in 0..3 {
        let mut rng = keyed_rng(9, index, Purpose::Data);
        let config = PuzzleConfig { min_clues: 24, max_clues: 30 };
        let start = generate_puzzle(nine, &config, &mut rng).expect("few clues are enough");
        let hard = harden(start.clone(), 60, &mut rng);
        let found = solve(&hard.puzzle, 2);
        assert_eq!((found.count, found.first), (1, Some(hard.solution.clone())));
        assert!(guesses(&hard.puzzle) > 2 + guesses(&start.puzzle), "{}", guesses(&hard.puzzle));
        // No clue is redundant.
        let blank = nine.size() as u32;
        for cell in (0..81).filter(|&cell| hard.puzzle.to_tokens()[cell] != blank) {
            let mut tokens = hard.puzzle.to_tokens();
            tokens[cell] = blank;
            assert_eq!(solve(&Grid::from_tokens(nine, &tokens).expect("tokens of a grid"), 2).count, 2);
        }
    }
}

#[test]
fn guesses_are_what_singles_leave() {
    let of = |text: &str| guesses(&text.parse().expect("a puzzle"));
    // Singles solve it.
    assert_eq!(of("53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79"), 0);
    // Published as very hard.
    assert!(of("1.......2.9.4...5...6...7...5.9.3.......7.......85..4.7.....6...3...9.8...2.....1") > 20);
    // The blank grid has 288 solutions.
    assert!(of("................") > 50);
}
