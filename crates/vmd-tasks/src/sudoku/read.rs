//! Reading puzzle files.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::{Grid, SudokuError, broken_rule, is_valid_solution};

/// Maximum file size, far above that of published sets.
const MAX_BYTES: u64 = 4 << 30;

/// A puzzle from a file.
#[derive(Debug, Clone, PartialEq)]
pub struct PuzzleRecord {
    /// The puzzle.
    pub puzzle: Grid,
    /// Its solution, if the file has one.
    pub solution: Option<Grid>,
    /// Line in the file, from 1.
    pub line: usize,
    /// Difficulty, if the file has one.
    pub rating: Option<f64>,
}

/// Columns of a CSV file.
#[derive(Debug, Clone, Copy)]
struct Columns {
    puzzle: usize,
    solution: Option<usize>,
    rating: Option<usize>,
}

/// Without a header: the puzzle, then an optional solution.
const NO_HEADER: Columns = Columns { puzzle: 0, solution: Some(1), rating: None };

/// A problem of a line and its column, from 1.
struct Flaw {
    column: usize,
    reason: String,
}

/// A value of a line and its column, from 1.
#[derive(Debug, Clone, Copy)]
struct Field<'a> {
    column: usize,
    text: &'a str,
}

/// Reads a puzzle file. Formats are CSV with the columns `puzzle,solution`, `quizzes,solutions`
/// (Kaggle) or `source,question,answer,rating` (Sudoku-Extreme), CSV without a header, `.sdm`, and
/// one puzzle per line. Blank cells are `.`, `0` or `_`. Empty lines and lines that start with `#`
/// are skipped. The format is detected from the content, not the name.
///
/// # Errors
///
/// [`SudokuError`] with line and column: a wrong length or character, contradictory clues, an
/// invalid solution, puzzles of several sizes, no puzzles at all, a file that is not UTF-8 or
/// larger than 4 GiB.
pub fn read_puzzles(path: &Path) -> Result<Vec<PuzzleRecord>, SudokuError> {
    let failed = |source| SudokuError::Io { action: "read", path: path.to_path_buf(), source };
    let mut bytes = Vec::new();
    // Do not trust the reported length: devices and pipes have none and may be endless.
    File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes)).map_err(failed)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(SudokuError::TooLarge { path: path.to_path_buf(), limit: MAX_BYTES });
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = String::from_utf8_lossy(&error.as_bytes()[..error.utf8_error().valid_up_to()]);
        let line = valid.matches('\n').count() + 1;
        let column = valid.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
        let reason = "this is not text in UTF-8; give a text file of puzzles".into();
        at(path, line, Flaw { column, reason })
    })?;
    parse_puzzles(&text, path)
}

/// Like [`read_puzzles`], for text in memory. `path` is used in errors.
///
/// # Errors
///
/// As [`read_puzzles`].
pub fn parse_puzzles(text: &str, path: &Path) -> Result<Vec<PuzzleRecord>, SudokuError> {
    let mut columns = NO_HEADER;
    let mut records: Vec<PuzzleRecord> = Vec::new();
    let lines = text.trim_start_matches('\u{feff}').lines().zip(1..);
    for (line, number) in lines.filter(|(line, _)| !line.trim().is_empty() && !line.trim().starts_with('#')) {
        if records.is_empty()
            && let Some(found) = header(line)
        {
            columns = found;
            continue;
        }
        let record = record(line, columns, number).map_err(|flaw| at(path, number, flaw))?;
        if let Some(first) = records.first()
            && first.puzzle.layout() != record.puzzle.layout()
        {
            let [found, before] = [&record, first].map(|record| record.puzzle.cells().len());
            let reason = format!(
                "this puzzle has {found} cells, those before it {before}; keep sizes in files of their own"
            );
            return Err(at(path, number, Flaw { column: 1, reason }));
        }
        records.push(record);
    }
    if records.is_empty() {
        return Err(SudokuError::Empty { path: path.to_path_buf() });
    }
    Ok(records)
}

fn at(path: &Path, line: usize, Flaw { column, reason }: Flaw) -> SudokuError {
    SudokuError::Line { path: path.to_path_buf(), line, column, reason }
}

/// The columns of a header line; `None` for a data line.
fn header(line: &str) -> Option<Columns> {
    let names: Vec<String> = fields(line).iter().map(|field| field.text.to_ascii_lowercase()).collect();
    let find = |known: &[&str]| names.iter().position(|name| known.contains(&name.as_str()));
    Some(Columns {
        puzzle: find(&["puzzle", "puzzles", "quiz", "quizzes", "question"])?,
        solution: find(&["solution", "solutions", "answer"]),
        rating: find(&["rating"]),
    })
}

/// The values between separators outside quotes, without quotes and surrounding space.
fn fields(line: &str) -> Vec<Field<'_>> {
    let mut quoted = false;
    let separates = |character: char| {
        quoted ^= character == '"';
        !quoted && matches!(character, ',' | ';' | '\t')
    };
    let mut start = 1;
    line.split(separates)
        .map(|raw| {
            let is_around = |character: char| character.is_whitespace() || character == '"';
            let before = raw.chars().take_while(|&character| is_around(character)).count();
            let field = Field { column: start + before, text: raw.trim_matches(is_around) };
            start += raw.chars().count() + 1;
            field
        })
        .collect()
}

fn record(line: &str, columns: Columns, number: usize) -> Result<PuzzleRecord, Flaw> {
    let fields = fields(line);
    let field = |index: usize| fields.get(index).copied().filter(|field| !field.text.is_empty());
    let missing = || Flaw { column: 1, reason: "the puzzle is missing; every line needs one".into() };
    let at_puzzle = field(columns.puzzle).ok_or_else(missing)?;
    let puzzle = grid(at_puzzle, "the puzzle")?;
    if let Some(rule) = broken_rule(&puzzle) {
        let reason = format!("the clues contradict each other: {rule}; correct or remove the puzzle");
        return Err(Flaw { column: at_puzzle.column, reason });
    }
    let solution = columns.solution.and_then(field).map(|field| solution(field, &puzzle)).transpose()?;
    let rating = columns.rating.and_then(field).map(rating).transpose()?;
    Ok(PuzzleRecord { puzzle, solution, line: number, rating })
}

fn grid(field: Field<'_>, what: &str) -> Result<Grid, Flaw> {
    field.text.parse().map_err(|error: SudokuError| {
        let offset = match &error {
            SudokuError::Character { position, .. } => position - 1,
            _ => 0,
        };
        Flaw { column: field.column + offset, reason: format!("{what}: {error}") }
    })
}

fn solution(field: Field<'_>, puzzle: &Grid) -> Result<Grid, Flaw> {
    let solution = grid(field, "the solution")?;
    let flaw = |reason| Err(Flaw { column: field.column, reason });
    if !solution.extends(puzzle) {
        return flaw("the solution changes a clue of the puzzle; correct one of the two".into());
    }
    if !is_valid_solution(&solution) {
        let rule = broken_rule(&solution).map_or_else(|| "a cell is blank".into(), |rule| rule.to_string());
        return flaw(format!("the solution is none: {rule}; correct it or leave the column out"));
    }
    Ok(solution)
}

fn rating(field: Field<'_>) -> Result<f64, Flaw> {
    field.text.parse().ok().filter(|rating: &f64| rating.is_finite()).ok_or_else(|| Flaw {
        column: field.column,
        reason: format!("`{}` is no rating; write a number or leave it empty", field.text),
    })
}
