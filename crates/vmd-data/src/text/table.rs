//! Rows of a table as examples.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::read::for_each_row;
use super::selection::Selection;
use super::{Column, Shares, Split, TextError, Vocabulary};
use vmd_core::DataSource;

/// Default maximum of distinct values per column.
pub const MAX_VALUES: usize = 4096;

/// A CSV table with categorical columns.
#[derive(Debug, Clone)]
pub struct Table {
    path: PathBuf,
    vocabulary: Vocabulary,
    /// The tokens of all rows, row by row.
    tokens: Vec<u32>,
}

/// The values of a column in order of first occurrence.
struct Seen {
    name: String,
    numbers: HashMap<String, u32>,
}

impl Table {
    /// Reads a CSV file with a header. The file may be compressed with gzip or be the only file in
    /// a zip archive. Every column may have `limit` distinct values, including the empty one;
    /// [`MAX_VALUES`] is the usual limit.
    ///
    /// # Errors
    ///
    /// [`TextError`] for a file that cannot be read, is damaged, malformed, without rows or larger
    /// than 1 GiB, for duplicate column names, and for a column with more values.
    pub fn read(path: &Path, limit: usize) -> Result<Self, TextError> {
        let mut columns: Vec<Seen> = Vec::new();
        let mut tokens = Vec::new();
        for_each_row(path, |row, line| {
            if columns.is_empty() {
                columns = header(path, row)?;
                return Ok(());
            }
            for (value, column) in row.iter().zip(&mut columns) {
                tokens.push(column.number(value, limit).ok_or_else(|| TextError::TooManyValues {
                    path: path.to_path_buf(),
                    line,
                    column: column.name.clone(),
                    limit,
                })?);
            }
            Ok(())
        })?;
        if tokens.is_empty() {
            return Err(TextError::Empty { path: path.to_path_buf(), what: "rows below a header" });
        }
        Ok(Self { path: path.to_path_buf(), vocabulary: sorted(columns, &mut tokens), tokens })
    }

    /// The columns with their values.
    #[must_use]
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// The tokens of every row, in file order.
    ///
    /// # Shapes
    /// Each is `[columns]`.
    pub fn rows(&self) -> impl Iterator<Item = &[u32]> {
        self.tokens.chunks_exact(self.width())
    }

    fn width(&self) -> usize {
        self.vocabulary.columns().len()
    }

    fn row(&self, item: usize) -> &[u32] {
        &self.tokens[item * self.width()..][..self.width()]
    }
}

impl Seen {
    /// The number of a value; `None` if it exceeds `limit`.
    fn number(&mut self, value: &str, limit: usize) -> Option<u32> {
        let next = self.numbers.len();
        match self.numbers.get(value) {
            Some(&number) => Some(number),
            None if next >= limit => None,
            None => {
                self.numbers.insert(value.into(), next as u32);
                Some(next as u32)
            }
        }
    }
}

fn header(path: &Path, row: &csv::StringRecord) -> Result<Vec<Seen>, TextError> {
    let mut columns: Vec<Seen> = Vec::new();
    for name in row.iter().map(str::trim) {
        if columns.iter().any(|column| column.name == name) {
            return Err(TextError::TwinColumns { path: path.to_path_buf(), column: name.into() });
        }
        columns.push(Seen { name: name.into(), numbers: HashMap::new() });
    }
    Ok(columns)
}

/// Sorts the values of every column and renumbers them over all columns, so that the order of rows
/// has no effect.
fn sorted(columns: Vec<Seen>, tokens: &mut [u32]) -> Vocabulary {
    let (mut start, width) = (0, columns.len());
    let mut done = Vec::with_capacity(width);
    for (place, Seen { name, numbers }) in columns.into_iter().enumerate() {
        let mut values = Vec::from_iter(numbers);
        values.sort();
        let mut renumbered = vec![0; values.len()];
        for (&(_, number), token) in values.iter().zip(start..) {
            renumbered[number as usize] = token;
        }
        for token in tokens.iter_mut().skip(place).step_by(width) {
            *token = renumbered[*token as usize];
        }
        start += values.len() as u32;
        done.push(Column { name, values: values.into_iter().map(|(value, _)| value).collect() });
    }
    Vocabulary::Columns { columns: done }
}

/// The rows of a table's split, one token per column.
///
/// The split of a row depends only on its number, not on the seed. Duplicate rows may be in
/// different splits. In training, every epoch visits all rows of the split once, in a new order;
/// otherwise the order is fixed.
#[derive(Debug, Clone)]
pub struct TableSource {
    table: Arc<Table>,
    selection: Selection,
}

impl TableSource {
    /// The rows of a split. `seed` determines the order of the training epochs and has no effect on
    /// other splits.
    ///
    /// # Errors
    ///
    /// [`TextError::EmptySplit`] and [`TextError::Shares`].
    pub fn new(table: Arc<Table>, split: Split, shares: Shares, seed: u64) -> Result<Self, TextError> {
        let selection = Selection::new(&table.path, table.rows().count() as u64, split, shares, seed)?;
        Ok(Self { table, selection })
    }

    /// Number of rows of the split.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "an empty split is refused")]
    pub fn len(&self) -> u64 {
        self.selection.len()
    }

    /// The tokens of the split's rows, with duplicates, for example to check samples for novelty.
    ///
    /// # Shapes
    /// Each is `[columns]`.
    pub fn rows(&self) -> impl Iterator<Item = &[u32]> {
        self.selection.items().map(|item| self.table.row(item))
    }
}

impl DataSource for TableSource {
    fn seq_len(&self) -> usize {
        self.table.width()
    }

    fn vocab(&self) -> usize {
        self.table.vocabulary.len()
    }

    fn fill(&self, index: u64, tokens: &mut [u32]) {
        assert_eq!(tokens.len(), self.table.width(), "tokens.len() must be the number of columns");
        tokens.copy_from_slice(self.table.row(self.selection.example(index)));
    }
}
