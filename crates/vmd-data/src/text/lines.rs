//! Lines of a file, or of a table column, as examples.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::read::{for_each_row, read_text};
use super::selection::Selection;
use super::{Shares, Split, TextError, Vocabulary};
use vmd_core::DataSource;

/// A column of a CSV file: by its name in the header, or, for files without a header, by its number
/// from 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum CsvColumn {
    /// Name in the header; the first line is the header.
    Name(String),
    /// Number from 1; the first line is data.
    Number(usize),
}

/// The non-blank lines of a file.
#[derive(Debug, Clone)]
pub struct Lines {
    path: PathBuf,
    text: String,
    spans: Vec<Span>,
}

/// Position of a line.
#[derive(Debug, Clone, Copy)]
struct Span {
    start: usize,
    end: usize,
    /// Line in the file, from 1.
    line: u64,
}

impl Lines {
    /// Reads the lines of a text file, or the values of a column of a CSV file. The file may be
    /// compressed with gzip or be the only file in a zip archive. Blank lines are skipped,
    /// duplicates are kept.
    ///
    /// # Errors
    ///
    /// [`TextError`] for a file that cannot be read, is damaged, is not text, contains no lines or
    /// more than 1 GiB, and for a CSV file that is malformed or lacks the column.
    pub fn read(path: &Path, column: Option<&CsvColumn>) -> Result<Self, TextError> {
        let lines = match column {
            None => Self::of_text(path, read_text(path)?),
            Some(column) => Self::of_column(path, column)?,
        };
        if lines.spans.is_empty() {
            return Err(TextError::Empty { path: path.to_path_buf(), what: "lines" });
        }
        Ok(lines)
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Number of lines.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a file without lines is refused")]
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// The lines in file order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.spans.iter().map(|span| &self.text[span.start..span.end])
    }

    fn get(&self, item: usize) -> &str {
        let Span { start, end, .. } = self.spans[item];
        &self.text[start..end]
    }

    fn of_text(path: &Path, text: String) -> Self {
        let mut spans = Vec::new();
        let mut start = 0;
        for (line, number) in text.split('\n').zip(1..) {
            let end = start + line.trim_end_matches('\r').len();
            if !line.trim().is_empty() {
                spans.push(Span { start, end, line: number });
            }
            start += line.len() + 1;
        }
        Self { path: path.to_path_buf(), text, spans }
    }

    fn of_column(path: &Path, column: &CsvColumn) -> Result<Self, TextError> {
        let (mut text, mut spans) = (String::new(), Vec::new());
        let mut place = None;
        for_each_row(path, |row, line| {
            let is_header = place.is_none() && matches!(column, CsvColumn::Name(_));
            let at = match place {
                Some(at) => at,
                None => *place.insert(found(path, column, row)?),
            };
            let value = row.get(at).unwrap_or_default();
            if !is_header && !value.trim().is_empty() {
                let start = text.len();
                text += value;
                spans.push(Span { start, end: text.len(), line });
            }
            Ok(())
        })?;
        Ok(Self { path: path.to_path_buf(), text, spans })
    }
}

/// Index of the column's field, from the first row.
fn found(path: &Path, column: &CsvColumn, first: &csv::StringRecord) -> Result<usize, TextError> {
    let place = match column {
        CsvColumn::Name(name) => first.iter().position(|field| field.trim() == name),
        CsvColumn::Number(number) => number.checked_sub(1).filter(|&place| place < first.len()),
    };
    place.ok_or_else(|| TextError::NoColumn {
        path: path.to_path_buf(),
        asked: match column {
            CsvColumn::Name(name) => format!("`{name}`"),
            CsvColumn::Number(number) => number.to_string(),
        },
        found: match column {
            CsvColumn::Name(_) => first.iter().map(|field| format!("`{}`", field.trim())).collect(),
            CsvColumn::Number(_) => (1..=first.len()).map(|number| number.to_string()).collect(),
        },
    })
}

/// Lines that fit a fixed example length, with the vocabulary that encodes them.
#[derive(Debug, Clone)]
pub struct LineSet {
    lines: Lines,
    vocabulary: Vocabulary,
    seq_len: usize,
}

impl LineSet {
    /// Checks that every line fits into `seq_len` tokens, including a stop token.
    ///
    /// # Errors
    ///
    /// [`TextError::CharacterInFile`] for the first character without a token; in a CSV file, the
    /// column is relative to the value. [`TextError::LongLines`] if lines do not fit.
    pub fn new(lines: Lines, vocabulary: Vocabulary, seq_len: usize) -> Result<Self, TextError> {
        let (mut first, mut count, mut longest) = (None, 0, 0);
        for (item, span) in lines.spans.iter().enumerate() {
            let tokens = vocabulary.encode(lines.get(item));
            let len = tokens.map_err(|error| located(error, &lines.path, span.line))?.len();
            if len >= seq_len {
                first.get_or_insert(span.line);
                count += 1;
                longest = longest.max(len);
            }
        }
        match first {
            Some(line) => Err(TextError::LongLines { path: lines.path, line, count, longest, seq_len }),
            None => Ok(Self { lines, vocabulary, seq_len }),
        }
    }

    /// All lines.
    #[must_use]
    pub fn lines(&self) -> &Lines {
        &self.lines
    }

    /// The vocabulary.
    #[must_use]
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// Tokens per example.
    #[must_use]
    pub fn seq_len(&self) -> usize {
        self.seq_len
    }
}

fn located(error: TextError, path: &Path, line: u64) -> TextError {
    match error {
        TextError::Character { character, position, vocabulary } => TextError::CharacterInFile {
            path: path.to_path_buf(),
            line,
            column: position as u64,
            character,
            vocabulary,
        },
        other => other,
    }
}

/// The lines of a split, each terminated and padded with the stop token of the vocabulary.
///
/// The split of a line depends only on its number, not on the seed. Duplicate lines may be in
/// different splits. In training, every epoch visits all lines of the split once, in a new order;
/// otherwise the order is fixed.
#[derive(Debug, Clone)]
pub struct LineSource {
    set: Arc<LineSet>,
    selection: Selection,
}

impl LineSource {
    /// The lines of a split. `seed` determines the order of the training epochs and has no effect
    /// on other splits.
    ///
    /// # Errors
    ///
    /// [`TextError::EmptySplit`] and [`TextError::Shares`].
    pub fn new(set: Arc<LineSet>, split: Split, shares: Shares, seed: u64) -> Result<Self, TextError> {
        let selection = Selection::new(&set.lines.path, set.lines.len() as u64, split, shares, seed)?;
        Ok(Self { set, selection })
    }

    /// Number of lines of the split.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "an empty split is refused")]
    pub fn len(&self) -> u64 {
        self.selection.len()
    }

    /// The lines of the split, with duplicates, for example to check samples for novelty.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.selection.items().map(|item| self.set.lines.get(item))
    }

    /// The line of an example.
    #[must_use]
    pub fn line(&self, index: u64) -> &str {
        self.set.lines.get(self.selection.example(index))
    }
}

impl DataSource for LineSource {
    fn seq_len(&self) -> usize {
        self.set.seq_len
    }

    /// Size of the vocabulary plus one: the last token is the stop token.
    fn vocab(&self) -> usize {
        self.set.vocabulary.len() + 1
    }

    fn fill(&self, index: u64, tokens: &mut [u32]) {
        assert_eq!(tokens.len(), self.set.seq_len, "tokens.len() must be seq_len");
        let line = self.set.vocabulary.encode(self.line(index)).expect("every line was checked in `new`");
        tokens[..line.len()].copy_from_slice(&line);
        tokens[line.len()..].fill(self.set.vocabulary.stop());
    }
}
