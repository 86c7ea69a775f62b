//! Plots as SVG.

mod canvas;
mod lines;

use canvas::{Anchor, Canvas};

use super::definitions::{Definitions, Plot, matches};
use super::records::Record;
use crate::tidy::Problem;

/// Colours of the series (Okabe and Ito), distinguishable with colour blindness.
const COLOURS: [&str; 7] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#555555"];

/// Colour of axes and text.
const INK: &str = "#333333";

/// Colour of the grid.
const GRID: &str = "#dddddd";

/// Maximum number of steps of an axis of values.
const MAX_STEPS: f64 = 5.0;

/// Draws the records of one table.
pub(super) fn draw(plot: &Plot, definitions: &Definitions, records: &[Record]) -> Result<String, Problem> {
    let found: Vec<&Record> = records
        .iter()
        .filter(|record| record.table == plot.table && matches(&plot.filter, record))
        .filter(|record| plot.x.as_deref().is_none_or(|x| number(record, x) > 0.0))
        .collect();
    if found.is_empty() {
        return Err(definitions.problem(
            &plot.name,
            "the plot has no records",
            "correct its table or filter",
        ));
    }
    Ok(match &plot.x {
        Some(x) => lines::draw(plot, x, &found),
        None => points(plot, &found),
    })
}

/// The name of a record's line or row of points.
fn series_name(plot: &Plot, record: &Record) -> String {
    let part = |field: &String| match record.fields.get(field) {
        Some(value) if value.is_number() => format!("{field} {value}"),
        _ => record.text(field),
    };
    plot.series.iter().map(part).collect::<Vec<_>>().join(", ").replace('`', "")
}

/// The names of all series without duplicates, in order.
fn series_names(plot: &Plot, records: &[&Record]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in records.iter().map(|record| series_name(plot, record)) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// A field as a number; 0 if it is not a number, because no logarithmic axis contains 0.
fn number(record: &Record, field: &str) -> f64 {
    record.fields.get(field).and_then(serde_json::Value::as_f64).unwrap_or(0.0)
}

/// The ends of the error bar of a value.
fn bar(record: &Record) -> Option<[f64; 2]> {
    let around = |spread| [record.value - spread, record.value + spread];
    let spread = record.fields.get("spread").and_then(serde_json::Value::as_f64);
    record.pair("ci95").or_else(|| record.pair("range")).or(spread.map(around))
}

/// Relative position of a value on its axis, 0 to 1.
fn share(value: f64, [low, high]: [f64; 2]) -> f64 {
    ((value - low) / (high - low)).clamp(0.0, 1.0)
}

/// Values of the ticks of an axis, and their labels: steps of 1, 2 or 5 times a power of ten.
fn ticks([low, high]: [f64; 2]) -> Vec<(f64, String)> {
    let least = (high - low) / MAX_STEPS;
    let power = 10_f64.powi(least.log10().floor() as i32);
    let step = [1.0, 2.0, 5.0].map(|factor| factor * power).into_iter().find(|step| *step >= least);
    let step = step.unwrap_or(10.0 * power);
    let digits = if step < 1.0 { 1 } else { 0 };
    let count = ((high - low) / step + 1e-9).floor() as usize;
    let at = |i: usize| low + step * i as f64;
    (0..=count).map(|i| (at(i), format!("{:.digits$}", at(i)))).collect()
}

/// Draws a row for each series with its value on a common axis.
fn points(plot: &Plot, records: &[&Record]) -> String {
    const LEFT: f64 = 270.0;
    const RIGHT: f64 = 720.0;
    const TOP: f64 = 20.0;
    const ROW: f64 = 20.0;
    let bottom = TOP + ROW * records.len() as f64;
    let across = |value: f64| LEFT + (RIGHT - LEFT) * share(value, plot.range);
    let mut canvas = Canvas::new(760.0, bottom + 50.0);
    for (value, label) in ticks(plot.range) {
        canvas.line([across(value), TOP], [across(value), bottom], GRID);
        canvas.text([across(value), bottom + 18.0], Anchor::Middle, &label);
    }
    canvas.line([LEFT, bottom], [RIGHT, bottom], INK);
    canvas.text([(LEFT + RIGHT) / 2.0, bottom + 40.0], Anchor::Middle, &plot.x_title);
    for (i, record) in records.iter().enumerate() {
        let height = TOP + ROW * (i as f64 + 0.5);
        canvas.text([LEFT - 10.0, height + 4.0], Anchor::End, &series_name(plot, record));
        if let Some([low, high]) = bar(record) {
            canvas.line([across(low), height], [across(high), height], COLOURS[0]);
        }
        canvas.dot([across(record.value), height], COLOURS[0]);
    }
    canvas.finish()
}

#[cfg(test)]
mod tests;
