//! Files of puzzles.

use std::io::Write;
use std::path::Path;

use super::{GeneratedPuzzle, Grid, SudokuError, broken_rule, is_valid_solution};

/// A puzzle from a file.
#[derive(Debug, Clone, PartialEq)]
pub struct PuzzleRecord {
    /// The puzzle.
    pub puzzle: Grid,
    /// Its solution, where the file has one.
    pub solution: Option<Grid>,
    /// Line in the file, from 1.
    pub line: usize,
    /// Difficulty, where the file has one.
    pub rating: Option<f64>,
}

/// Columns of a CSV file.
#[derive(Debug, Clone, Copy)]
struct Columns {
    puzzle: usize,
    solution: Option<usize>,
    rating: Option<usize>,
}

/// Without a header: the puzzle, then perhaps its solution.
const NO_HEADER: Columns = Columns { puzzle: 0, solution: Some(1), rating: None };

/// Reads a puzzle file. Understood are CSV with the columns `puzzle,solution`, `quizzes,solutions` (Kaggle) or
/// `source,question,answer,rating` (Sudoku-Extreme), CSV without a header, `.sdm`, and one puzzle a line; blank
/// cells are `.`, `0` or `_`; empty lines and lines that start with `#` are passed over.
///
/// # Errors
///
/// [`SudokuError`] with the line: a wrong length or character, clues that contradict each other, a solution
/// that is none, puzzles of several sizes, no puzzles at all, a file that is no text.
pub fn read_puzzles(path: &Path) -> Result<Vec<PuzzleRecord>, SudokuError> {
    let failed = |source| SudokuError::Io { action: "read", path: path.to_path_buf(), source };
    let bytes = std::fs::read(path).map_err(failed)?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = valid.iter().filter(|&&byte| byte == b'\n').count() + 1;
        at(path, line, "this is not text in UTF-8; give a text file of puzzles")
    })?;
    parse_puzzles(&text, path)
}

/// [`read_puzzles`] on text that is already in memory; `path` is named in errors.
///
/// # Errors
///
/// As [`read_puzzles`].
pub fn parse_puzzles(text: &str, path: &Path) -> Result<Vec<PuzzleRecord>, SudokuError> {
    let mut columns = NO_HEADER;
    let mut records: Vec<PuzzleRecord> = Vec::new();
    let lines = text.trim_start_matches('\u{feff}').lines().map(str::trim).enumerate();
    for (index, line) in lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
        if records.is_empty()
            && let Some(found) = header(line)
        {
            columns = found;
            continue;
        }
        let record = record(line, columns, index + 1).map_err(|reason| at(path, index + 1, &reason))?;
        if let Some(first) = records.first()
            && first.puzzle.layout() != record.puzzle.layout()
        {
            let reason = format!(
                "this puzzle has {} cells, those before it {}; keep sizes in files of their own",
                record.puzzle.cells().len(),
                first.puzzle.cells().len()
            );
            return Err(at(path, index + 1, &reason));
        }
        records.push(record);
    }
    if records.is_empty() {
        return Err(SudokuError::Empty { path: path.to_path_buf() });
    }
    Ok(records)
}

/// Writes puzzles as CSV with the columns `puzzle,solution`; the file appears whole or not at all.
///
/// # Errors
///
/// [`SudokuError::Io`].
pub fn write_puzzles(path: &Path, puzzles: &[GeneratedPuzzle]) -> Result<(), SudokuError> {
    let failed = |source| SudokuError::Io { action: "write", path: path.to_path_buf(), source };
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    let mut text = String::from("puzzle,solution\n");
    for puzzle in puzzles {
        text += &format!("{},{}\n", puzzle.puzzle.to_string().replace('.', "0"), puzzle.solution);
    }
    file.write_all(text.as_bytes()).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

fn at(path: &Path, line: usize, reason: &str) -> SudokuError {
    SudokuError::Line { path: path.to_path_buf(), line, reason: reason.to_string() }
}

/// The columns of a header line; `None` for a line of data.
fn header(line: &str) -> Option<Columns> {
    let names: Vec<String> = fields(line).map(str::to_ascii_lowercase).collect();
    let find = |known: &[&str]| names.iter().position(|name| known.contains(&name.as_str()));
    Some(Columns {
        puzzle: find(&["puzzle", "puzzles", "quiz", "quizzes", "question"])?,
        solution: find(&["solution", "solutions", "answer"]),
        rating: find(&["rating"]),
    })
}

fn fields(line: &str) -> impl Iterator<Item = &str> {
    line.split([',', ';', '\t']).map(|field| field.trim().trim_matches('"'))
}

fn record(line: &str, columns: Columns, number: usize) -> Result<PuzzleRecord, String> {
    let fields: Vec<&str> = fields(line).collect();
    let field = |index: usize| fields.get(index).copied().filter(|field| !field.is_empty());
    let text = field(columns.puzzle).ok_or("the puzzle is missing; every line needs one")?;
    let puzzle: Grid = text.parse().map_err(|error: SudokuError| error.to_string())?;
    if let Some(rule) = broken_rule(&puzzle) {
        return Err(format!("the clues contradict each other: {rule}; correct or remove the puzzle"));
    }
    let solution = match columns.solution.and_then(field) {
        Some(text) => Some(solution(text, &puzzle)?),
        None => None,
    };
    let rating = match columns.rating.and_then(field) {
        Some(text) => {
            Some(text.parse().map_err(|_| format!("`{text}` is no rating; write a number or leave it empty"))?)
        }
        None => None,
    };
    Ok(PuzzleRecord { puzzle, solution, line: number, rating })
}

fn solution(text: &str, puzzle: &Grid) -> Result<Grid, String> {
    let solution: Grid = text.parse().map_err(|error: SudokuError| format!("the solution: {error}"))?;
    if !solution.extends(puzzle) {
        return Err("the solution changes a clue of the puzzle; correct one of the two".into());
    }
    if !is_valid_solution(&solution) {
        let rule = broken_rule(&solution).map_or_else(|| "a cell is blank".into(), |rule| rule.to_string());
        return Err(format!("the solution is none: {rule}; correct it or leave the column out"));
    }
    Ok(solution)
}
