//! The report: tables of all sections as Markdown.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use vmd::model::files::write_atomically;

use super::collect::{ArmResult, Key, Spread, rows};
use super::figures;
use super::plan::Section;

/// A column of a metric: name of the figure, heading, factor and decimals.
type Metric = (&'static str, &'static str, f64, usize);

/// Figures of samplers.
const SAMPLES: [Metric; 27] = [
    ("accuracy", "accuracy (%)", 100.0, 2),
    ("solved", "solved (%)", 100.0, 2),
    ("valid_unconditional", "valid unconditional (%)", 100.0, 2),
    ("kl_exact", "exact KL", 1.0, 3),
    ("distinct", "distinct", 1.0, 1),
    ("entropy", "entropy", 1.0, 3),
    ("held_out", "held out (%)", 100.0, 2),
    ("held_out_reached", "held-out reached", 1.0, 1),
    ("infill_accuracy", "completed (%)", 100.0, 2),
    ("infill_entropy", "entropy of completions", 1.0, 3),
    ("infill_entropy_true_draws", "entropy of true draws", 1.0, 3),
    ("infill_entropy_true", "true entropy", 1.0, 3),
    ("graph_edges", "edges", 1.0, 1),
    ("graph_precision", "precision (%)", 100.0, 1),
    ("graph_recall", "recall (%)", 100.0, 1),
    ("bits_per_token", "bound (bits/token)", 1.0, 4),
    ("ngram_bits_per_token", "n-gram judge (bits/token)", 1.0, 3),
    ("unigram_entropy", "entropy of tokens", 1.0, 3),
    ("distinct_4", "distinct 4-grams (%)", 100.0, 1),
    ("self_bleu", "self-BLEU", 1.0, 3),
    ("word_share", "known words (%)", 100.0, 1),
    ("coherence", "coherence", 1.0, 4),
    ("valid", "valid (%)", 100.0, 1),
    ("unique", "unique (%)", 100.0, 1),
    ("novel", "novel (%)", 100.0, 1),
    ("valid_unique_novel", "valid, unique and novel (%)", 100.0, 1),
    ("consistent", "keeps its rules (%)", 100.0, 1),
];

/// Figures of the bounds and of the run.
const BOUNDS: [Metric; 8] = [
    ("bound total", "bound", 1.0, 3),
    ("bound kl", "KL", 1.0, 3),
    ("bound gain", "latent gain", 1.0, 3),
    ("bound active units", "active units", 1.0, 1),
    ("bound information", "I(x;z)", 1.0, 3),
    ("bound latent headroom", "latent headroom", 1.0, 3),
    ("bound latent savings", "latent savings", 1.0, 3),
    ("seconds", "training (s)", 1.0, 0),
];

/// Writes the report.
pub(super) fn write(name: &str, results: &[ArmResult<'_>], file: &Path) -> anyhow::Result<()> {
    let records = || results.iter().flat_map(|result| &result.records);
    let revisions: BTreeSet<&str> = records().map(|record| record.revision.as_str()).collect();
    let revisions = revisions.into_iter().collect::<Vec<_>>().join(", ");
    let mut text = format!(
        "# Study `{name}`\n\nRevision {revisions}. A cell is the mean over seeds ± their standard deviation, followed by the \
         number of seeds; divergences, entropies and bounds are in nats per sequence. Bounds and the columns after them \
         are from the last validation. Baselines are directly below their arms.\n"
    );
    for section in Section::ALL {
        let rows: Vec<_> = rows(results, section).into_iter().map(|(result, _)| result).collect();
        if rows.is_empty() {
            continue;
        }
        let title = section.name();
        write!(text, "\n## {}{}\n", title[..1].to_uppercase(), &title[1..])?;
        for figure in figures::names(section, &rows) {
            write!(text, "\n![{title}](figures/{figure})\n")?;
        }
        table(&mut text, &rows, &SAMPLES, "NFE")?;
        table(&mut text, &rows, &BOUNDS, "T =")?;
        if section == Section::Curriculum {
            steps_to_bound(&mut text, results, &rows)?;
        }
    }
    Ok(write_atomically(file, text.as_bytes())?)
}

/// Writes one row per arm, and one column per metric and number of steps that occurs.
fn table(text: &mut String, rows: &[&ArmResult<'_>], metrics: &[Metric], at: &str) -> std::fmt::Result {
    let mut columns: Vec<(&Metric, &Key)> = Vec::new();
    for metric in metrics {
        let keys: BTreeSet<&Key> = rows.iter().flat_map(|result| result.keys(metric.0)).collect();
        columns.extend(keys.into_iter().map(|key| (metric, key)));
    }
    let head = |(metric, key): &(&Metric, &Key)| {
        let steps = match key.steps {
            Some(steps) => format!(", {at} {steps}"),
            None if metric.0.starts_with("bound") => format!(", {at} ∞"),
            None => String::new(),
        };
        let reveal = if key.reveal.is_empty() { String::new() } else { format!(", {}", key.reveal) };
        format!("{}{steps}{reveal}", metric.1)
    };
    let heads: Vec<String> = columns.iter().map(head).collect();
    write!(text, "\n| arm | {} |\n|---|{}\n", heads.join(" | "), "---:|".repeat(columns.len()))?;
    for result in rows {
        let cell = |(metric, key): &(&Metric, &Key)| {
            result.spread(key).map_or_else(|| "–".into(), |spread| cell(spread, metric))
        };
        let cells: Vec<String> = columns.iter().map(cell).collect();
        let label = result.arm.label.replace('|', "\\|");
        writeln!(text, "| {label} (`{}`) | {} |", result.arm.name, cells.join(" | "))?;
    }
    Ok(())
}

/// Writes the number of training steps after which arms and their baselines reach nine tenths of
/// the decrease of the baseline's bound since its first validation.
fn steps_to_bound(text: &mut String, results: &[ArmResult<'_>], rows: &[&ArmResult<'_>]) -> std::fmt::Result {
    let mut compared = Vec::new();
    for result in rows {
        let is_baseline = |other: &&ArmResult<'_>| Some(&other.arm.name) == result.arm.baseline.as_ref();
        let baseline = results.iter().find(is_baseline);
        let stated = baseline.and_then(|baseline| Some((baseline, baseline.stated_bound()?)));
        compared.extend(stated.map(|(baseline, bound)| (result, baseline, bound)));
    }
    if compared.is_empty() {
        return Ok(());
    }
    write!(text, "\n| arm | bound to reach | steps | steps of the baseline |\n|---|---:|---:|---:|\n")?;
    for (result, baseline, bound) in compared {
        let steps = |result: &ArmResult<'_>| {
            let spread = result.steps_to(bound);
            spread.map_or_else(|| "–".into(), |spread| cell(spread, &("", "", 1.0, 0)))
        };
        let label = result.arm.label.replace('|', "\\|");
        writeln!(text, "| {label} | {bound:.3} | {} | {} |", steps(result), steps(baseline))?;
    }
    Ok(())
}

fn cell(spread: Spread, &(_, _, factor, decimals): &Metric) -> String {
    let deviation = spread.deviation.map_or_else(String::new, |sd| format!(" ± {:.decimals$}", factor * sd));
    format!("{:.decimals$}{deviation} ({})", factor * spread.mean, spread.n)
}
