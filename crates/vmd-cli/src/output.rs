//! Prints figures to standard output, either as a table or as JSON lines.

use vmd::eval::{Record, Unit};

/// Prints every record as a line of JSON.
pub fn print_json(records: &[Record]) {
    for record in records {
        println!("{}", serde_json::to_string(record).expect("a record serialises"));
    }
}

/// Prints rows of cells in aligned columns under `header`; the first column is left-aligned.
pub fn print_table(header: &[&str], rows: &[Vec<String>]) {
    print_columns(header, rows, 1);
}

/// Like [`print_table`], with the first `left` columns left-aligned.
fn print_columns(header: &[&str], rows: &[Vec<String>], left: usize) {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain([header[column].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let line = |cells: Vec<&str>| {
        let aligned = cells.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| {
            if column < left { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        println!("{}", aligned.collect::<Vec<_>>().join("  ").trim_end());
    };
    line(header.to_vec());
    println!("{}", "─".repeat(widths.iter().sum::<usize>() + 2 * (header.len() - 1)));
    rows.iter().for_each(|row| line(row.iter().map(String::as_str).collect()));
}

/// A share as a percentage with its interval, with as many digits as the interval supports. Omits
/// an interval of width zero.
pub fn percent(value: f64, ci95: [f64; 2]) -> String {
    let decimals = if ci95[1] - ci95[0] < 2e-3 { 2 } else { 1 };
    let text = |share: f64| format!("{:.decimals$}", 100.0 * share);
    let (value, low, high) = (text(value), text(ci95[0]), text(ci95[1]));
    if low == high { format!("{value} %") } else { format!("{value} % [{low}, {high}]") }
}

/// A number with half the width of its interval, rounded to the digits that the interval supports.
fn number(value: f64, ci95: [f64; 2]) -> String {
    let half = (ci95[1] - ci95[0]) / 2.0;
    let digits = |scale: f64| (1 - scale.abs().log10().floor() as i32).clamp(0, 4) as usize;
    match () {
        () if half > 0.0 && half.is_finite() => {
            let decimals = digits(half);
            format!("{value:.decimals$} ± {half:.decimals$}")
        }
        () if value.fract() == 0.0 => format!("{value:.0}"),
        () => format!("{value:.decimals$}", decimals = digits(value / 100.0)),
    }
}

/// Settings of samplers that differ from the defaults, except reveal rules.
fn describe_rest(records: &[&Record]) -> String {
    let mut parts: Vec<String> = Vec::new();
    for record in records {
        let of_record = [
            (record.value_rule != "categorical").then(|| format!("values {}", record.value_rule)),
            (record.remask != "none").then(|| format!("remask {}", record.remask)),
            (record.best_of > 1).then(|| format!("best of {}", record.best_of)),
        ];
        for part in of_record.into_iter().flatten() {
            if !parts.contains(&part) {
                parts.push(part);
            }
        }
    }
    parts.into_iter().map(|part| format!(", {part}")).collect()
}

/// What a row of a table shows.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    metric: String,
    rule: String,
    /// Index of the model.
    model: usize,
}

impl Row {
    fn of(record: &Record, model: usize) -> Self {
        let draws = record.latent_draws.map(|draws| format!(", {draws} draws"));
        let band = record.band.as_ref().map(|band| format!(", {band}"));
        let metric = [Some(record.metric.clone()), band, draws].into_iter().flatten().collect();
        Self { metric, rule: record.reveal.clone(), model }
    }
}

/// Prints the records of a model and of a baseline: a table per data set, with a row per metric and
/// rule, and a column per number of network evaluations.
pub(crate) fn print_records(measured: &[Vec<Record>]) {
    let all = || measured.iter().enumerate().flat_map(|(model, r)| r.iter().map(move |r| (model, r)));
    let mut datasets: Vec<&str> = Vec::new();
    for (_, record) in all() {
        if !datasets.contains(&record.dataset.as_str()) {
            datasets.push(&record.dataset);
        }
    }
    for dataset in datasets {
        let records: Vec<(usize, &Record)> = all().filter(|(_, r)| r.dataset == dataset).collect();
        print_dataset(dataset, &records, measured.len() > 1);
    }
}

fn print_dataset(dataset: &str, records: &[(usize, &Record)], has_baseline: bool) {
    let Some((_, first)) = records.first() else { return };
    let name = |model: usize| records.iter().find(|(of, _)| *of == model).map(|(_, record)| &record.model);
    let baseline = name(1).map_or_else(String::new, |name| format!(", baseline {name}"));
    let rest = describe_rest(&records.iter().map(|(_, record)| *record).collect::<Vec<_>>());
    println!("{}, {dataset}: model {}{baseline}{rest}", first.task, first.model);
    let mut steps: Vec<Option<usize>> = records.iter().map(|(_, record)| record.nfe).collect();
    // Entries without a number of steps, such as rules with a variable number of tokens, come last.
    steps.sort_unstable_by_key(|nfe| nfe.unwrap_or(usize::MAX));
    steps.dedup();
    let cells = |row: &Row| {
        let cell = |nfe: &Option<usize>| {
            let of_cell =
                |(model, record): &&(usize, &Record)| Row::of(record, *model) == *row && record.nfe == *nfe;
            records.iter().find(of_cell).map_or_else(|| "–".into(), |(_, record)| cell(record))
        };
        steps.iter().map(cell).collect::<Vec<String>>()
    };
    let model = |row: &Row| has_baseline.then(|| if row.model == 0 { "model" } else { "baseline" }.into());
    let line = |row: &Row| {
        let start = [Some(row.metric.clone()), Some(row.rule.clone()), model(row)];
        start.into_iter().flatten().chain(cells(row)).collect::<Vec<String>>()
    };
    let heads = steps.iter().map(|nfe| nfe.map_or_else(|| "NFE –".into(), |nfe| format!("NFE {nfe}")));
    let start = ["metric", "rule"].into_iter().chain(has_baseline.then_some("of"));
    let start_columns = if has_baseline { 3 } else { 2 };
    let header: Vec<String> = start.map(String::from).chain(heads).collect();
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    print_columns(&header, &rows(records).iter().map(line).collect::<Vec<_>>(), start_columns);
}

/// The rows in the order in which metrics first appear, grouped by metric.
fn rows(records: &[(usize, &Record)]) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for (model, record) in records {
        let row = Row::of(record, *model);
        if !rows.contains(&row) {
            rows.push(row);
        }
    }
    let metrics: Vec<String> = rows.iter().map(|row| row.metric.clone()).collect();
    let place = |row: &Row| metrics.iter().position(|metric| *metric == row.metric);
    rows.sort_by_key(|row| place(row));
    rows
}

fn cell(record: &Record) -> String {
    match record.unit {
        Unit::Share => percent(record.value, record.ci95),
        Unit::Plain => number(record.value, record.ci95),
    }
}

#[cfg(test)]
mod tests {
    use vmd::eval::{Figure, Provenance};
    use vmd::sampler::{RevealRule, SamplerConfig};

    use super::*;

    #[test]
    fn numbers_have_as_many_digits_as_their_intervals_leave() {
        assert_eq!(number(1.234_567, [1.212, 1.257]), "1.235 ± 0.022");
        assert_eq!(number(123.456, [100.0, 146.9]), "123 ± 23");
        assert_eq!(number(0.5, [0.5, 0.5]), "0.5000");
        assert_eq!(number(81.0, [81.0, 81.0]), "81");
        assert_eq!(number(0.0, [0.0, 0.0]), "0");
        assert_eq!(percent(0.25, [0.2, 0.3]), "25.0 % [20.0, 30.0]");
    }

    #[test]
    fn metrics_stand_together_in_the_order_in_which_they_appear() {
        let provenance = Provenance {
            task: "t".into(),
            dataset: "d".into(),
            split: "s".into(),
            loops: None,
            model: "m".into(),
            has_latent: false,
            seed: 0,
            revision: String::new(),
            config_sha256: String::new(),
        };
        let record = |metric: &str, reveal: RevealRule, band: Option<&str>| {
            let sampler = SamplerConfig { reveal, ..SamplerConfig::default() };
            provenance.record(metric, Figure::exact(1.0), &sampler, band.map(str::to_string))
        };
        let records = [
            record("solved", RevealRule::Margin, None),
            record("solved", RevealRule::Margin, Some("easy")),
            record("valid", RevealRule::Margin, None),
            record("solved", RevealRule::Entropy, None),
        ];
        let numbered: Vec<(usize, &Record)> = records.iter().map(|record| (0, record)).collect();
        let rows: Vec<String> =
            rows(&numbered).iter().map(|row| format!("{} {}", row.metric, row.rule)).collect();
        assert_eq!(rows, ["solved margin", "solved entropy", "solved, easy margin", "valid margin"]);
    }
}
