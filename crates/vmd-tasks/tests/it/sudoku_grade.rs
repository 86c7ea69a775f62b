//! The grader on puzzles whose grades agree with an independent program.

use std::path::PathBuf;

use vmd_tasks::sudoku::{Grade, Grid, Layout, Technique, grade, read_puzzles};

fn graded(text: &str) -> Grade {
    grade(&text.parse::<Grid>().expect("a grid"))
}

#[test]
fn each_technique_is_the_hardest_of_some_puzzle() {
    use Technique::*;
    for (puzzle, technique) in [
        ("3.542.81.4879.15.6.29.5637485.793.416132.8957.74.6528.2413.9.655.867.192.965124.8", NakedSingle),
        ("..2.3...8.....8....31.2.....6..5.27..1.....5.2.4.6..31....8.6.5.......13..531.4..", HiddenSingle),
        (
            "4.....938.32.941...953..24.37.6.9..4529..16736.47.3.9.957..83....39..4..24..3.7.9",
            LockedCandidates,
        ),
        (".................1.....2.3......3.2...1.4......5....6..3......4.7..8...962...7...", NakedPair),
        (".................1..2..3.4........2..1..5.....67..83......1........6...5..4...83.", HiddenPair),
        (".....1.3.231.9.....65..31..6789243..1.3.5...6...1367....936.57...6.198433........", NakedTriple),
        (".8..1......5....3.......4.....6.5.7.89....2.....3.....2.....1.9..67........4.....", HiddenTriple),
    ] {
        assert_eq!(graded(puzzle), Grade { solved: true, hardest: Some(technique) }, "{technique}");
    }
}

#[test]
fn some_puzzles_are_beyond_the_techniques() {
    let stuck = "4..6..3...1..2..6...8..7..19..8..5...4..5..1......2..75.....6...3..8..4......9..5";
    assert_eq!(graded(stuck), Grade { solved: false, hardest: None });
    let far = ".179.36......8....9.....5.7.72.1.43....4.2.7..6437.25.7.1....65....3......56.172.";
    assert_eq!(graded(far), Grade { solved: false, hardest: Some(Technique::HiddenPair) });
}

#[test]
fn only_puzzles_with_one_solution_are_solved() {
    let nothing = Grade { solved: false, hardest: None };
    assert_eq!(grade(&Grid::blank(Layout::new(3, 3).unwrap())), nothing);
    // Contradictory clues, even without blank cells.
    assert_eq!(graded("1..1............"), nothing);
    assert_eq!(graded("3142243142131342"), nothing);
    // No digit for the last cell of the first row.
    assert!(!graded("123....4........").solved);
    assert_eq!(graded("3142243142131324"), Grade { solved: true, hardest: None });
}

#[test]
fn techniques_are_ordered_and_named() {
    assert!(Technique::ALL.is_sorted());
    assert_eq!(Technique::LockedCandidates.to_string(), "locked candidates");
    assert!(Technique::NakedSingle < Technique::HiddenTriple);
}

/// Counts of the hardest technique, in the order of [`Technique::ALL`], and of unsolved puzzles.
fn distribution(file: &str) -> Option<[usize; 8]> {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/sudoku")).join(file);
    if !path.exists() {
        println!("skipped: {} is absent", path.display());
        return None;
    }
    let mut counts = [0; 8];
    for record in read_puzzles(&path).expect("a valid public set") {
        match grade(&record.puzzle) {
            Grade { solved: true, hardest: Some(technique) } => counts[technique as usize] += 1,
            _ => counts[7] += 1,
        }
    }
    Some(counts)
}

#[test]
fn public_sets_have_the_grades_of_the_second_program() {
    for (file, expected) in [
        ("easy_500.csv", [500, 0, 0, 0, 0, 0, 0, 0]),
        ("17clue_1000.csv", [0, 498, 292, 58, 38, 1, 0, 113]),
        ("top1465.csv", [0, 0, 60, 50, 164, 17, 17, 1157]),
    ] {
        let found = distribution(file);
        assert_eq!(found.unwrap_or(expected), expected, "{file}");
    }
}
