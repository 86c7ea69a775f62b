//! The vocabulary of table columns.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::{TextError, Vocabulary};

/// A categorical column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Name, from the header.
    pub name: String,
    /// Allowed values, sorted and distinct.
    pub values: Vec<String>,
}

impl Vocabulary {
    /// Token range of each column of a table; empty for other vocabularies.
    #[must_use]
    pub fn domains(&self) -> Vec<Range<u32>> {
        let mut start = 0;
        let domain = |column: &Column| {
            let domain = start..start + column.values.len() as u32;
            start = domain.end;
            domain
        };
        self.columns().iter().map(domain).collect()
    }

    /// The values of a table row. `None` if a token is outside the domain of its column, the number
    /// of tokens differs from the number of columns, or the vocabulary is of another kind.
    ///
    /// # Shapes
    /// `tokens` is `[columns]`.
    #[must_use]
    pub fn row(&self, tokens: &[u32]) -> Option<Vec<&str>> {
        let domains = self.domains();
        if tokens.len() != domains.len() || domains.is_empty() {
            return None;
        }
        let cells = tokens.iter().zip(&domains).zip(self.columns());
        cells
            .map(|((&token, domain), column)| {
                let place = domain.contains(&token).then(|| token - domain.start)?;
                column.values.get(place as usize).map(String::as_str)
            })
            .collect()
    }

    /// The columns of a table; empty for other vocabularies.
    pub(crate) fn columns(&self) -> &[Column] {
        match self {
            Self::Columns { columns } => columns,
            _ => &[],
        }
    }
}

/// The tokens of a line of CSV.
pub(crate) fn encode(columns: &[Column], line: &str) -> Result<Vec<u32>, TextError> {
    // Duplicate a byte order mark, because the CSV reader removes one; here it belongs to the
    // value.
    let mark = if line.starts_with('\u{feff}') { "\u{feff}" } else { "" };
    let text = format!("{mark}{line}");
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    // Several rows count as too many values. Reading text from memory does not fail.
    let values: Vec<String> =
        reader.records().flatten().flat_map(|row| Vec::from_iter(row.iter().map(String::from))).collect();
    if values.len() != columns.len() {
        return Err(TextError::RowLength { expected: columns.len(), found: values.len() });
    }
    let mut start = 0;
    let mut tokens = Vec::with_capacity(values.len());
    for (value, column) in values.into_iter().zip(columns) {
        match column.values.binary_search(&value) {
            Ok(place) => tokens.push(start + place as u32),
            Err(_) => return Err(TextError::Value { value, column: column.name.clone() }),
        }
        start += column.values.len() as u32;
    }
    Ok(tokens)
}

/// The value of a token, which may belong to any column.
pub(crate) fn value(columns: &[Column], token: u32) -> Option<&str> {
    columns.iter().flat_map(|column| &column.values).nth(token as usize).map(String::as_str)
}

/// Formats values as a line of CSV, without a line end.
pub(crate) fn line<'a>(values: impl IntoIterator<Item = &'a str>) -> String {
    let mut writer =
        csv::WriterBuilder::new().terminator(csv::Terminator::Any(b'\n')).from_writer(Vec::new());
    let written = writer.write_record(values).ok().and_then(|()| writer.into_inner().ok());
    let mut line = String::from_utf8_lossy(&written.unwrap_or_default()).into_owned();
    line.pop();
    line
}
