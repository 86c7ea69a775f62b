//! Formats a table as Markdown.

use super::caption;
use super::definitions::{Best, Column, Definitions, Metric, Table, matches};
use super::records::Record;
use crate::tidy::Problem;

/// Contents of a cell without a record.
const MISSING: &str = "–";

/// The records of one row.
struct Row<'a> {
    names: Vec<String>,
    records: Vec<&'a Record>,
    /// One record per column; `None` if there is no record, and in columns that show a field.
    cells: Vec<Option<&'a Record>>,
}

/// The table of `records` in their order, followed by its settings.
pub(super) fn render(
    table: &Table,
    definitions: &Definitions,
    records: &[&Record],
) -> Result<String, Vec<Problem>> {
    if records.is_empty() {
        return Err(vec![definitions.problem(&table.name, "no record is for this table", "add its records")]);
    }
    let mut rows = rows(table, records);
    let mut problems = Vec::new();
    for row in &mut rows {
        for column in &table.columns {
            row.cells.push(cell(column, &row.records).unwrap_or_else(|problem| {
                problems.push(problem);
                None
            }));
        }
    }
    let shown = || rows.iter().flat_map(|row| &row.cells).flatten();
    if problems.is_empty() {
        let hidden = records.iter().filter(|record| !shown().any(|other| other.is(record)));
        problems.extend(hidden.map(|record| {
            let remedy = format!("add a column to {}, or correct the record", super::DEFINITIONS);
            record.problem(format!("no column of table `{}` shows this record", table.name), remedy)
        }));
    }
    if problems.is_empty() { Ok(markdown(table, definitions, &rows, records)) } else { Err(problems) }
}

/// Values of `field` in `records` without duplicates, in order.
pub(super) fn distinct(field: &str, records: &[&Record]) -> Vec<String> {
    let mut values: Vec<String> = Vec::new();
    for value in records.iter().map(|record| record.text(field)).filter(|value| !value.is_empty()) {
        if !values.contains(&value) {
            values.push(value);
        }
    }
    values
}

/// Formats `value` with this number of digits and commas between thousands.
pub(super) fn number(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    let end = text.find('.').unwrap_or(text.len());
    let start = text.find(|c: char| c.is_ascii_digit()).unwrap_or(0);
    let mut grouped = String::with_capacity(text.len() + 4);
    for (i, c) in text.char_indices() {
        if i > start && i < end && (end - i).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(c);
    }
    grouped
}

fn rows<'a>(table: &Table, records: &[&'a Record]) -> Vec<Row<'a>> {
    let mut rows: Vec<Row<'a>> = Vec::new();
    for &record in records {
        let names: Vec<String> = table.rows.iter().map(|field| record.text(field)).collect();
        match rows.iter_mut().find(|row| row.names == names) {
            Some(row) => row.records.push(record),
            None => rows.push(Row { names, records: vec![record], cells: Vec::new() }),
        }
    }
    rows
}

/// The record of a row that `column` shows.
fn cell<'a>(column: &Column, records: &[&'a Record]) -> Result<Option<&'a Record>, Problem> {
    if column.field.is_some() {
        return Ok(None);
    }
    let mut found = records.iter().filter(|record| matches(&column.filter, record));
    match (found.next(), found.next()) {
        (Some(first), Some(second)) => {
            let message = format!("line {} has the same cell, `{}`", first.line, column.title);
            Err(second.problem(message, "distinguish them by a field of the table's rows or columns"))
        }
        (first, _) => Ok(first.copied()),
    }
}

fn markdown(table: &Table, definitions: &Definitions, rows: &[Row<'_>], records: &[&Record]) -> String {
    let titles = table.rows.iter().cloned().chain(table.columns.iter().map(|column| column.title.clone()));
    let sides = table.rows.iter().map(|_| "---").chain(table.columns.iter().map(|_| "---:"));
    let mut text = line(titles) + &format!("|{}|\n", sides.collect::<Vec<_>>().join("|"));
    for row in rows {
        let cells = table.columns.iter().enumerate().map(|(i, column)| match (&column.field, row.cells[i]) {
            (Some(field), _) => field_cell(field, &row.records),
            (None, None) => MISSING.into(),
            (None, Some(record)) => {
                let metric = &definitions.metric[&record.metric];
                let others = rows.iter().filter_map(|row| row.cells[i]);
                let is_best = table.best_within.as_ref().is_some_and(|within| {
                    is_best(record, metric, others.filter(|other| is_peer(record, other, within)))
                });
                value(record, metric, is_best)
            }
        });
        text.push_str(&line(row.names.iter().cloned().chain(cells)));
    }
    text + "\n" + &caption::of(table, records)
}

fn field_cell(field: &str, records: &[&Record]) -> String {
    let values = distinct(field, records);
    if values.is_empty() { MISSING.into() } else { values.join(" or ") }
}

fn line(cells: impl Iterator<Item = String>) -> String {
    format!("| {} |\n", cells.map(|cell| cell.replace('|', "\\|")).collect::<Vec<_>>().join(" | "))
}

fn value(record: &Record, metric: &Metric, is_best: bool) -> String {
    let written = |value| number(value, digits(record, metric));
    let mut text = written(record.value);
    if is_best {
        text = format!("**{text}**");
    }
    if let Some(spread) = record.fields.get("spread").and_then(serde_json::Value::as_f64) {
        text.push_str(&format!(" ± {}", written(spread)));
    }
    if let Some([low, high]) = record.pair("ci95").or_else(|| record.pair("range")) {
        text.push_str(&format!(" [{}, {}]", written(low), written(high)));
    }
    text
}

/// Digits after the decimal point: those of the record if it has the field `digits`, else those of
/// its metric.
fn digits(record: &Record, metric: &Metric) -> usize {
    let own = record.fields.get("digits").and_then(serde_json::Value::as_u64);
    own.and_then(|digits| usize::try_from(digits).ok()).unwrap_or(metric.digits)
}

/// Whether two records of a column are compared.
fn is_peer(record: &Record, other: &Record, within: &[String]) -> bool {
    record.metric == other.metric && within.iter().all(|field| record.text(field) == other.text(field))
}

/// Whether `record` is compared with others, and none of them is better after rounding. References,
/// such as real text, are not compared.
fn is_best<'a>(record: &Record, metric: &Metric, others: impl Iterator<Item = &'a Record>) -> bool {
    let is_reference = |record: &Record| record.fields.contains_key("reference");
    let written = |record: &Record| {
        number(record.value, digits(record, metric)).replace(',', "").parse::<f64>().unwrap_or(f64::NAN)
    };
    let Some(best) = metric.best else { return false };
    let is_beaten_by = |other: &Record| match best {
        Best::Highest => written(other) > written(record),
        Best::Lowest => written(other) < written(record),
    };
    let others: Vec<&Record> = others.filter(|other| !is_reference(other) && !other.is(record)).collect();
    !is_reference(record) && !others.is_empty() && !others.into_iter().any(is_beaten_by)
}

#[cfg(test)]
mod tests;
