//! Public puzzle sets, and files of every supported format.

use std::fs;
use std::path::{Path, PathBuf};

use vmd_tasks::sudoku::{
    GeneratedPuzzle, Grid, PuzzleRecord, SudokuError, is_valid_solution, parse_puzzles, read_puzzles, solve,
    write_puzzles,
};

const PUZZLE: &str = "3102200002100320";
const SOLUTION: &str = "3142243142131324";
/// The solution with its last two digits swapped.
const BROKEN: &str = "3142243142131342";

/// A public set, if available.
fn public(file: &str) -> Option<Vec<PuzzleRecord>> {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/sudoku")).join(file);
    if !path.exists() {
        println!("skipped: {} is absent", path.display());
        return None;
    }
    Some(read_puzzles(&path).expect("a valid public set"))
}

fn assert_unique(file: &str, n: usize) {
    let Some(records) = public(file) else { return };
    assert_eq!(records.len(), n);
    for record in records {
        let found = solve(&record.puzzle, 2);
        assert_eq!((found.count, found.first), (1, record.solution), "{file}, line {}", record.line);
    }
}

#[test]
fn easy_puzzles_have_the_solution_of_the_file() {
    assert_unique("easy_500.csv", 500);
}

#[test]
fn puzzles_of_17_clues_have_the_solution_of_the_file() {
    assert_unique("17clue_1000.csv", 1000);
    for record in public("17clue_1000.csv").unwrap_or_default() {
        assert_eq!(record.puzzle.n_clues(), 17);
    }
}

#[test]
fn hard_puzzles_have_the_solution_of_the_file() {
    assert_unique("top1465.csv", 1465);
}

#[test]
fn ambiguous_puzzles_have_several_solutions() {
    let Some(records) = public("not_unique_2000.txt") else { return };
    // 2000 lines, of which the first two are comments.
    assert_eq!((records.len(), records[0].line), (1998, 3));
    for record in records {
        let found = solve(&record.puzzle, 2);
        assert_eq!((found.count, &record.solution), (2, &None), "line {}", record.line);
        let first = found.first.unwrap();
        assert!(is_valid_solution(&first) && first.extends(&record.puzzle));
    }
}

#[test]
fn small_puzzles_are_unique_only_in_part() {
    let Some(records) = public("sudoku4x4_500.csv") else { return };
    assert_eq!(records.len(), 500);
    let unique = records.iter().filter(|record| solve(&record.puzzle, 2).count == 1);
    assert_eq!(unique.count(), 376);
}

fn parse(text: &str) -> Result<Vec<PuzzleRecord>, SudokuError> {
    parse_puzzles(text, Path::new("p.csv"))
}

#[test]
fn every_kind_of_file_is_read() {
    let puzzle: Grid = PUZZLE.parse().unwrap();
    let dotted = PUZZLE.replace('0', ".");
    for (text, line, solved, rating) in [
        (format!("puzzle,solution\n{PUZZLE},{SOLUTION}\n"), 2, true, None),
        (format!("quizzes,solutions\r\n{PUZZLE},{SOLUTION}\r\n"), 2, true, None),
        (format!("Puzzle,Solution\n{PUZZLE},{SOLUTION}"), 2, true, None),
        (format!("source,question,answer,rating\n\"a, b\",{dotted},{SOLUTION},3\n"), 2, true, Some(3.0)),
        (format!("source,question,answer,rating\ntext8,{dotted},{SOLUTION},\n"), 2, true, None),
        (format!("\u{feff}{PUZZLE},{SOLUTION}\n"), 1, true, None),
        (format!("\"{PUZZLE}\" ; \"{SOLUTION}\"\n"), 1, true, None),
        (format!("# a comment\n\n  {dotted}  \n\n"), 3, false, None),
        (format!("{PUZZLE}\n"), 1, false, None),
    ] {
        let solution = solved.then(|| SOLUTION.parse().unwrap());
        let expected = PuzzleRecord { puzzle: puzzle.clone(), solution, line, rating };
        assert_eq!(parse(&text).unwrap(), [expected], "{text}");
    }
}

#[test]
fn errors_say_where_and_what() {
    let short = &PUZZLE[1..];
    for (text, expected) in [
        (format!("{PUZZLE}\n{short}\n"), "p.csv, line 2, column 1: the puzzle: a puzzle of 15 cells"),
        (format!("{PUZZLE},{SOLUTION}1"), "p.csv, line 1, column 18: the solution: a puzzle of 17 cells"),
        (format!(" 31x2{short}"), "a puzzle of 19 cells"),
        (
            "31023000021003x0".into(),
            "p.csv, line 1, column 15: the puzzle: `x` at position 15 is no cell of a 4×4",
        ),
        (
            format!("{PUZZLE}, {}7", &SOLUTION[..15]),
            "p.csv, line 1, column 34: the solution: `7` at position 16",
        ),
        ("3302200002100320".into(), "contradict each other: row 1 has two 3s (columns 1 and 2)"),
        (format!("{PUZZLE},1{}", &SOLUTION[1..]), "column 18: the solution changes a clue"),
        (format!("{PUZZLE},{}1", &SOLUTION[..15]), "column 18: the solution is none: row 4 has two 1s"),
        (format!("{},{BROKEN}", "0".repeat(16)), "the solution is none: column 3 has two 4s (rows 1 and 4)"),
        (format!("{PUZZLE},{PUZZLE}"), "a cell is blank"),
        (format!("puzzle,rating\n{PUZZLE},hard"), "line 2, column 18: `hard` is no rating"),
        (format!("puzzle,rating\n{PUZZLE},NaN"), "`NaN` is no rating"),
        ("solution,puzzle\n,".into(), "the puzzle is missing"),
        (
            format!("{PUZZLE}\n{}", ".".repeat(81)),
            "line 2, column 1: this puzzle has 81 cells, those before it 16",
        ),
        ("# nothing\n\n".into(), "p.csv holds no puzzles"),
        ("puzzle,solution\n".into(), "p.csv holds no puzzles"),
        (String::new(), "p.csv holds no puzzles"),
    ] {
        let message = parse(&text).unwrap_err().to_string();
        assert!(message.contains(expected), "{text}\n{message}");
    }
}

#[test]
fn files_that_are_no_text_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.csv");
    fs::write(&path, [PUZZLE.as_bytes(), b"\n12\xff"].concat()).unwrap();
    let message = read_puzzles(&path).unwrap_err().to_string();
    assert!(message.contains("line 2, column 3: this is not text"), "{message}");
    assert!(matches!(read_puzzles(folder.path()), Err(SudokuError::Io { action: "read", .. })));
    assert!(matches!(
        read_puzzles(&folder.path().join("absent")),
        Err(SudokuError::Io { action: "read", .. })
    ));
}

#[test]
fn what_is_written_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.csv");
    let puzzles: [GeneratedPuzzle; 2] = [SOLUTION, PUZZLE].map(|puzzle| GeneratedPuzzle {
        puzzle: puzzle.parse().unwrap(),
        solution: SOLUTION.parse().unwrap(),
    });
    write_puzzles(&path, &puzzles).unwrap();
    let text = format!("puzzle,solution\n{SOLUTION},{SOLUTION}\n{PUZZLE},{SOLUTION}\n");
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
    let read: Vec<_> =
        read_puzzles(&path).unwrap().into_iter().map(|r| (r.puzzle, r.solution.unwrap())).collect();
    assert_eq!(read, puzzles.clone().map(|p| (p.puzzle, p.solution)));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file is left");
    let nowhere = folder.path().join("absent/p.csv");
    assert!(matches!(write_puzzles(&nowhere, &puzzles), Err(SudokuError::Io { action: "write", .. })));
}
