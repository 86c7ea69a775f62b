//! Layouts, grids and rules.

use proptest::prelude::*;
use vmd_tasks::sudoku::{
    Grid, Layout, SudokuError, broken_rule, grade, imbalance, is_consistent, is_valid_solution,
    parse_puzzles, solve,
};

fn layout(box_rows: usize, box_cols: usize) -> Layout {
    Layout::new(box_rows, box_cols).expect("a supported size")
}

#[test]
fn layouts_are_bounded() {
    for (rows, columns) in [(0, 3), (3, 0), (1, 1), (2, 13), (26, 1), (usize::MAX, 2), (1 << 32, 1 << 32)] {
        assert!(matches!(Layout::new(rows, columns), Err(SudokuError::Layout { .. })), "{rows}x{columns}");
    }
    assert_eq!((layout(2, 3).size(), layout(2, 3).cells(), layout(5, 5).cells()), (6, 36, 625));
    for (cells, rows, columns) in [(16, 2, 2), (36, 2, 3), (81, 3, 3), (256, 4, 4), (625, 5, 5)] {
        assert_eq!(Layout::from_cells(cells).unwrap(), layout(rows, columns));
    }
    for cells in [0, 1, 80, 82, 144, usize::MAX] {
        assert!(matches!(Layout::from_cells(cells), Err(SudokuError::CellCount { .. })), "{cells}");
    }
}

#[test]
fn tokens_are_checked() {
    let small = layout(2, 2);
    let tokens: Vec<u32> = (0..16).map(|cell| cell % 5).collect();
    let grid = Grid::from_tokens(small, &tokens).unwrap();
    assert_eq!(grid.to_tokens(), tokens);
    assert_eq!((grid.to_string(), grid.n_clues()), ("1234.1234.1234.1".into(), 13));
    let wrong = Grid::from_tokens(small, &tokens[1..]);
    assert!(matches!(wrong, Err(SudokuError::TokenCount { expected: 16, found: 15 })));
    for token in [5, 256, u32::MAX] {
        assert!(matches!(Grid::from_tokens(small, &[token; 16]), Err(SudokuError::Token { size: 4, .. })));
    }
}

#[test]
fn text_may_be_spread_over_lines() {
    let grid: Grid = "12 34\n3_ 0.\n\t....\r\n....".parse().unwrap();
    assert_eq!(grid.to_string(), "12343...........");
    let [large, lower] = ["G", "g"].map(|digit| digit.repeat(256).parse::<Grid>().unwrap());
    assert_eq!(large, lower);
    assert!(matches!(
        "H".repeat(256).parse::<Grid>(),
        Err(SudokuError::Character { position: 1, size: 16, .. })
    ));
}

#[test]
fn pretty_keeps_boxes_apart() {
    let small: Grid = "3102200002100320".parse().unwrap();
    assert_eq!(small.pretty(), " 3 1 | . 2\n 2 . | . .\n-----+-----\n . 2 | 1 .\n . 3 | 2 .\n");
    let six = Grid::blank(layout(2, 3)).pretty();
    assert_eq!(six.lines().nth(2), Some("-------+-------"));
    assert_eq!(six.lines().count(), 6 + 2);
}

#[test]
fn broken_rules_are_named() {
    let nine = |row: usize, text: &str| -> Grid {
        format!("{}{text}{}", ".".repeat(9 * row), ".".repeat(81 - 9 * row - text.len())).parse().unwrap()
    };
    let broken = |grid: &Grid| broken_rule(grid).map(|rule| rule.to_string());
    assert_eq!(broken(&nine(2, ".7..7....")).as_deref(), Some("row 3 has two 7s (columns 2 and 5)"));
    assert_eq!(broken(&nine(0, "7..7....7")).as_deref(), Some("row 1 has three 7s (columns 1, 4 and 9)"));
    assert_eq!(broken(&nine(1, ".4................4")).as_deref(), None);
    assert_eq!(broken(&nine(1, ".4.......................4")).as_deref(), None);
    assert_eq!(broken(&nine(1, ".4..................4")).as_deref(), None);
    assert_eq!(
        broken(&nine(1, ".4.................4")).as_deref(),
        Some("column 2 has two 4s (rows 2 and 4)")
    );
    assert_eq!(broken(&nine(0, ".4.......4")).as_deref(), Some("box 1 has two 4s (cells (1, 2) and (2, 1))"));
    assert_eq!(broken(&Grid::blank(layout(3, 3))), None);
}

#[test]
fn boxes_of_two_by_three_are_two_rows_high() {
    let clues = |second: usize| {
        let mut tokens = vec![6; 36];
        tokens[0] = 0;
        tokens[second] = 0;
        broken_rule(&Grid::from_tokens(layout(2, 3), &tokens).unwrap()).map(|rule| rule.kind)
    };
    assert_eq!([8, 9, 13].map(clues), [Some("box"), None, None]);
}

#[test]
fn solutions_are_complete_and_keep_the_rules() {
    let solution: Grid = "3142243142131324".parse().unwrap();
    let puzzle: Grid = "3102200002100320".parse().unwrap();
    assert!(is_valid_solution(&solution) && !is_valid_solution(&puzzle));
    assert!(solution.extends(&puzzle) && !puzzle.extends(&solution));
    assert!(!is_valid_solution(&"3142243142131342".parse().unwrap()));
    assert!(!solution.extends(&Grid::blank(layout(3, 3))));
}

#[test]
fn cells_without_a_digit_and_digits_without_a_cell_are_contradictions() {
    // The last cell of the first row has 1 and 2 in its row, 3 and 4 in its column.
    let dead: Grid = "1200000300040000".parse().unwrap();
    assert!(broken_rule(&dead).is_none() && !is_consistent(&dead));
    // The first row has no cell for 3.
    let dead: Grid = "1200000300000000".parse().unwrap();
    assert!(broken_rule(&dead).is_none() && !is_consistent(&dead));
    let open: Grid = "1200000000040000".parse().unwrap();
    assert!(is_consistent(&open));
}

#[test]
fn probabilities_of_grids_are_balanced() {
    let shape = layout(2, 2);
    let certain = |grid: &str| -> Vec<f64> {
        let digits = grid.bytes().map(|digit| usize::from(digit - b'1'));
        digits.flat_map(|digit| (0..4).map(move |d| if d == digit { 1.0 } else { 0.0 })).collect()
    };
    let (one, other) = (certain("3142243142131324"), certain("1234341221434321"));
    let mixed: Vec<f64> = one.iter().zip(&other).map(|(a, b)| 0.25 * a + 0.75 * b).collect();
    for balanced in [&one, &other, &mixed, &vec![0.25; 64]] {
        assert_eq!(imbalance(shape, balanced), 0.0);
    }
    // Swaps of two cells: one extra and one missing digit in each of two columns, of two rows, and
    // of two boxes and two columns.
    for (swapped, broken) in [("3142243142131342", 4.0), ("2142343142131324", 4.0), ("3412243142131324", 8.0)]
    {
        assert_eq!(imbalance(shape, &certain(swapped)), broken);
    }
    let doubtful: Vec<f64> =
        one.iter().zip(certain("3142243142131342")).map(|(a, b)| 0.5 * (a + b)).collect();
    assert_eq!(imbalance(shape, &doubtful), 1.0);
}

proptest! {
    #[test]
    fn text_round_trip((layout, tokens) in grids()) {
        let grid = Grid::from_tokens(layout, &tokens).unwrap();
        prop_assert_eq!(grid.to_tokens(), tokens);
        prop_assert_eq!(&grid.to_string().parse::<Grid>().unwrap(), &grid);
        prop_assert_eq!(&grid.to_string().to_lowercase().replace('.', " 0\n").parse::<Grid>().unwrap(), &grid);
        let drawn = grid.pretty().replace(['|', '-', '+'], "");
        prop_assert_eq!(drawn.parse::<Grid>().unwrap(), grid);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,100}", cells in "[0-9A-Qa-q.,_ \r\n#\"]{0,300}") {
        for text in [text, cells] {
            let _ = text.parse::<Grid>();
            let _ = parse_puzzles(&text, "p".as_ref());
            let _ = parse_puzzles(&format!("puzzle,solution,rating\n{text}"), "p".as_ref());
        }
    }

    #[test]
    fn any_small_grid_is_solved_graded_and_checked(tokens in prop::collection::vec(0_u32..=4, 16)) {
        let puzzle = Grid::from_tokens(layout(2, 2), &tokens).unwrap();
        let found = solve(&puzzle, 300);
        prop_assert!(!grade(&puzzle).solved || found.count == 1);
        prop_assert!(broken_rule(&puzzle).is_none() || found.count == 0);
        prop_assert!(is_consistent(&puzzle) || found.count == 0);
        prop_assert!(!is_consistent(&puzzle) || broken_rule(&puzzle).is_none());
        prop_assert!(!puzzle.is_complete() || is_consistent(&puzzle) == is_valid_solution(&puzzle));
        prop_assert!(found.first.is_none_or(|first| is_valid_solution(&first) && first.extends(&puzzle)));
    }
}

fn grids() -> impl Strategy<Value = (Layout, Vec<u32>)> {
    prop::sample::select(vec![(2, 2), (2, 3), (3, 3), (4, 4), (5, 5)]).prop_flat_map(|(rows, columns)| {
        let layout = layout(rows, columns);
        let size = layout.size() as u32;
        prop::collection::vec(0..=size, layout.cells()).prop_map(move |tokens| (layout, tokens))
    })
}
