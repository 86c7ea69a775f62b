//! `lab/results/tables.toml`: metrics, tables and plots.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::records::Record;
use crate::tidy::Problem;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Definitions {
    /// Every metric that a record may have.
    pub(super) metric: BTreeMap<String, Metric>,
    /// Tables, in any order.
    pub(super) table: Vec<Table>,
    /// Plots, in any order.
    #[serde(default)]
    pub(super) plot: Vec<Plot>,
    /// Text of the file, to find line numbers for messages.
    #[serde(skip)]
    text: String,
}

/// How values of one metric are formatted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Metric {
    /// The unit of a value, such as `percent` or `nats`; not used by the program.
    #[serde(rename = "unit")]
    _unit: String,
    /// Digits after the decimal point.
    pub(super) digits: usize,
    /// Which values are better, for metrics that have a direction.
    pub(super) best: Option<Best>,
}

/// The direction of a metric.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Best {
    /// Larger values are better.
    Highest,
    /// Smaller values are better.
    Lowest,
}

/// A table: a pivot of its records.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    /// Name in markers and in the `table` field of records.
    pub(super) name: String,
    /// Fields that identify a row; each is a column at the left.
    pub(super) rows: Vec<String>,
    /// The other columns.
    pub(super) columns: Vec<Column>,
    /// The best value of a column among rows with equal values of these fields is bold; without it
    /// nothing is bold.
    pub(super) best_within: Option<Vec<String>>,
    /// Settings that the caption omits.
    #[serde(default)]
    pub(super) hide: Vec<String>,
}

/// A column: the record of the row that has these fields, or a field of the row's records.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Column {
    /// Its heading; `{}` is replaced by the value of the filter that is a list.
    pub(super) title: String,
    /// Shows this field instead of the value.
    pub(super) field: Option<String>,
    /// Fields that a record must have. A list makes one column per value.
    #[serde(flatten)]
    pub(super) filter: BTreeMap<String, Value>,
}

/// A plot of the records of one table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Plot {
    /// File name without extension.
    pub(super) name: String,
    /// The table whose records are drawn.
    pub(super) table: String,
    /// Fields that a record must have.
    pub(super) filter: BTreeMap<String, Value>,
    /// Field of the logarithmic horizontal axis; without it values are drawn as rows of points.
    pub(super) x: Option<String>,
    /// Fields that identify a line, or a row of points.
    pub(super) series: Vec<String>,
    /// Title of the horizontal axis.
    pub(super) x_title: String,
    /// Title of the vertical axis; rows of points have none.
    #[serde(default)]
    pub(super) y_title: String,
    /// Smallest and largest value of the axis of values.
    pub(super) range: [f64; 2],
}

impl Definitions {
    /// Parses the file.
    pub(super) fn parse(text: &str) -> Result<Self, Problem> {
        let mut definitions: Self = toml::from_str(text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            let line = text[..start].lines().count().max(1);
            Problem::new(super::DEFINITIONS, line, error.message(), "repair the definition")
        })?;
        definitions.text = text.into();
        for table in &mut definitions.table {
            table.columns = table.columns.iter().flat_map(Column::expanded).collect();
        }
        Ok(definitions)
    }

    /// A problem in the definition of `name`.
    pub(super) fn problem(&self, name: &str, message: &str, remedy: &str) -> Problem {
        let definition = format!("name = \"{name}\"");
        let line = self.text.lines().position(|line| line.trim() == definition).map_or(1, |at| at + 1);
        Problem::new(super::DEFINITIONS, line, format!("`{name}`: {message}"), remedy)
    }
}

impl Column {
    /// Expands a filter with a list to one column per value.
    fn expanded(&self) -> Vec<Self> {
        let list = self.filter.iter().find_map(|(key, value)| Some((key.clone(), value.as_array()?.clone())));
        let Some((key, values)) = list else { return vec![self.clone()] };
        let one = |value: Value| {
            let mut column = self.clone();
            column.title = self.title.replace("{}", &super::records::text(&value));
            column.filter.insert(key.clone(), value);
            column
        };
        values.into_iter().map(one).collect()
    }
}

/// Whether `record` has all fields of `filter`.
pub(super) fn matches(filter: &BTreeMap<String, Value>, record: &Record) -> bool {
    filter.iter().all(|(key, value)| record.fields.get(key) == Some(value))
}
