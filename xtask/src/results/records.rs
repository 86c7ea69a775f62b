//! Figures as JSON lines.
//!
//! A line is one figure, or `{"table": "NAME", "shared": {…}}`: fields of all following figures of
//! that table, unless they override them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::Document;
use super::definitions::Definitions;
use crate::tidy::Problem;

/// Fields that a record may have, in addition to those that its table names.
const FIELDS: [&str; 19] = [
    "table",
    "task",
    "dataset",
    "model",
    "arm",
    "metric",
    "value",
    "spread",
    "ci95",
    "range",
    "n",
    "nfe",
    "steps",
    "sampler",
    "temperature",
    "latent",
    "reference",
    "source",
    "digits",
];

/// Fields that every record must have.
const REQUIRED: [&str; 6] = ["table", "task", "dataset", "model", "metric", "value"];

/// Fields that describe how a figure was measured; `source` replaces all of them for figures of
/// other publications.
const ORIGIN: [&str; 4] = ["seeds", "command", "revision", "processor"];

/// One figure.
#[derive(Debug)]
pub(super) struct Record {
    /// The file that contains it.
    pub(super) path: String,
    /// The line in that file, from 1.
    pub(super) line: usize,
    /// The table that contains it.
    pub(super) table: String,
    /// What was measured.
    pub(super) metric: String,
    /// The figure.
    pub(super) value: f64,
    /// All fields, including shared ones.
    pub(super) fields: Map<String, Value>,
}

impl Record {
    /// A field as text, empty if it is absent.
    pub(super) fn text(&self, field: &str) -> String {
        self.fields.get(field).map(text).unwrap_or_default()
    }

    /// The two numbers of a field, such as an interval.
    pub(super) fn pair(&self, field: &str) -> Option<[f64; 2]> {
        let values = self.fields.get(field)?.as_array()?;
        Some([values.first()?.as_f64()?, values.get(1)?.as_f64()?])
    }

    /// Whether `other` is the same line of the same file.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.path == other.path && self.line == other.line
    }

    /// A problem of this record.
    pub(super) fn problem(&self, message: impl Into<String>, remedy: impl Into<String>) -> Problem {
        Problem::new(&self.path, self.line, message, remedy)
    }
}

/// Formats a value for a table.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        _ => value.as_i64().map_or_else(|| value.to_string(), |count| super::table::number(count as f64, 0)),
    }
}

/// Reads all records, and reports problems of invalid ones.
pub(super) fn parse(files: &[Document], definitions: &Definitions) -> (Vec<Record>, Vec<Problem>) {
    let known = known_fields(definitions);
    let (mut records, mut problems) = (Vec::new(), Vec::new());
    for file in files {
        let mut shared = BTreeMap::new();
        for (i, line) in file.text.lines().enumerate() {
            let found = read_line(line, &mut shared).and_then(|fields| match fields {
                Some(fields) => record(fields, file, i + 1, &known, definitions).map(Some),
                None => Ok(None),
            });
            match found {
                Ok(record) => records.extend(record),
                Err(Flaw { message, remedy }) => {
                    problems.push(Problem::new(&file.path, i + 1, message, remedy));
                }
            }
        }
    }
    (records, problems)
}

/// The problem of a line.
struct Flaw {
    message: String,
    remedy: String,
}

impl Flaw {
    fn new(message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { message: message.into(), remedy: remedy.into() }
    }
}

fn known_fields(definitions: &Definitions) -> BTreeSet<&str> {
    let tables = &definitions.table;
    let columns = || tables.iter().flat_map(|table| &table.columns);
    let of_tables = tables.iter().flat_map(|table| &table.rows).map(String::as_str);
    let of_filters = columns().flat_map(|column| column.filter.keys()).map(String::as_str);
    let of_columns = columns().filter_map(|column| column.field.as_deref());
    FIELDS.into_iter().chain(ORIGIN).chain(of_tables).chain(of_filters).chain(of_columns).collect()
}

/// The fields of a figure, including shared ones, or `None` if the line sets shared fields.
fn read_line(
    line: &str,
    shared: &mut BTreeMap<String, Map<String, Value>>,
) -> Result<Option<Map<String, Value>>, Flaw> {
    let broken = |reason: String| Flaw::new(reason, "write one JSON object a line");
    let mut fields: Map<String, Value> =
        serde_json::from_str(line).map_err(|error| broken(format!("not a JSON object: {error}")))?;
    let table = fields.get("table").and_then(Value::as_str).unwrap_or_default().to_string();
    if let Some(value) = fields.remove("shared") {
        let Value::Object(value) = value else { return Err(broken("`shared` is no object".into())) };
        shared.insert(table, value);
        return Ok(None);
    }
    for (field, value) in shared.get(&table).into_iter().flatten() {
        fields.entry(field).or_insert_with(|| value.clone());
    }
    Ok(Some(fields))
}

fn record(
    fields: Map<String, Value>,
    file: &Document,
    line: usize,
    known: &BTreeSet<&str>,
    definitions: &Definitions,
) -> Result<Record, Flaw> {
    if let Some(field) = fields.keys().find(|field| !known.contains(field.as_str())) {
        let remedy = format!("correct the name, or name the field in a table of {}", super::DEFINITIONS);
        return Err(Flaw::new(format!("no record has a field `{field}`"), remedy));
    }
    let origin: &[&str] = if fields.contains_key("source") { &[] } else { &ORIGIN };
    if let Some(field) = REQUIRED.iter().chain(origin).find(|field| !fields.contains_key(**field)) {
        let remedy = "add it here, or to the `shared` fields of the table above";
        return Err(Flaw::new(format!("the record has no `{field}`"), remedy));
    }
    let string = |field: &str| fields.get(field).map(text).unwrap_or_default();
    let (table, metric) = (string("table"), string("metric"));
    if !definitions.metric.contains_key(&metric) {
        let remedy = format!("add [metric.{metric}] to {}", super::DEFINITIONS);
        return Err(Flaw::new(format!("unknown metric `{metric}`"), remedy));
    }
    if !definitions.table.iter().any(|defined| defined.name == table) {
        let remedy = format!("add a table with this name to {}", super::DEFINITIONS);
        return Err(Flaw::new(format!("unknown table `{table}`"), remedy));
    }
    let Some(value) = fields.get("value").and_then(Value::as_f64) else {
        return Err(Flaw::new("`value` is no number", "write the figure as a number"));
    };
    Ok(Record { path: file.path.clone(), line, table, metric, value, fields })
}

#[cfg(test)]
pub(super) mod tests;
