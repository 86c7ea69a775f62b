//! Figures on standard output: a table for people, JSON lines for programs, never both.

use vmd::eval::Record;
use vmd::sampler::{Method, RemaskRule, SamplerConfig};

/// Prints every record as a line of JSON.
pub fn print_json(records: &[Record]) {
    for record in records {
        println!("{}", serde_json::to_string(record).expect("a record serialises"));
    }
}

/// Prints rows of cells in aligned columns under `header`; the first column is aligned to the left.
pub fn print_table(header: &[&str], rows: &[Vec<String>]) {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain([header[column].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let line = |cells: Vec<&str>| {
        let aligned = cells.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| {
            if column == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        println!("{}", aligned.collect::<Vec<_>>().join("  ").trim_end());
    };
    line(header.to_vec());
    println!("{}", "─".repeat(widths.iter().sum::<usize>() + 2 * (header.len() - 1)));
    rows.iter().for_each(|row| line(row.iter().map(String::as_str).collect()));
}

/// A share as a percentage with its interval, as finely as the interval is wide; without one that cannot be seen.
pub fn percent(value: f64, ci95: [f64; 2]) -> String {
    let decimals = if ci95[1] - ci95[0] < 2e-3 { 2 } else { 1 };
    let text = |share: f64| format!("{:.decimals$}", 100.0 * share);
    let (value, low, high) = (text(value), text(ci95[0]), text(ci95[1]));
    if low == high { format!("{value} %") } else { format!("{value} % [{low}, {high}]") }
}

/// What methods that share everything but reveal rule and steps do otherwise than usual, for a headline.
pub fn describe_rest(methods: &[Method]) -> String {
    match methods.first() {
        Some(Method::Steps(first)) => describe_settings(first),
        _ => String::new(),
    }
}

/// The same of one sampler.
pub fn describe_settings(first: &SamplerConfig) -> String {
    let parts = [
        (first.remask != RemaskRule::None).then(|| format!(", remask {}", first.remask)),
        (first.best_of > 1).then(|| format!(", best of {}", first.best_of)),
    ];
    parts.into_iter().flatten().collect()
}
