//! `bench`: measures speed, and compares with PyTorch if available.
//!
//! Each contender runs in a separate process, and the processes alternate, so that other load on
//! the machine affects all of them. A figure is the median over rounds of the ratio of medians
//! within a round.

mod case;
mod plot;
mod worker;

use anyhow::Context;
use serde_json::json;
use vmd::eval::{Figure, Record};
use vmd::model::files::write_atomically;
use vmd::train::RunFolder;

use crate::args::BenchArgs;
use case::{Case, GROUPS, cases};
use vmd::device::check_precision;
use vmd::models::{RUNS, sha256};
use vmd::provenance;
use vmd_cli::failure::usage;
use vmd_cli::output::{print_json, print_table};
use worker::Worker;

/// Approximate time of one contender in a round.
const ROUND_SECONDS: f64 = 0.7;

/// The times of one contender in a case.
struct Row {
    case: Case,
    contender: String,
    /// Median seconds of each round.
    seconds: Vec<f64>,
    peak_mib: f64,
    /// The contender's time divided by that of this program, per round; empty for this program.
    ratios: Vec<f64>,
}

/// Runs the cases and prints the results.
pub(crate) fn run(args: &BenchArgs) -> anyhow::Result<()> {
    if let Some(case) = &args.worker {
        return worker::serve(&serde_json::from_str(case).context("--worker")?, &args.common.device()?);
    }
    let device = args.common.device()?;
    if let Some(unknown) = args.only.iter().find(|group| !GROUPS.contains(&group.as_str())) {
        return Err(usage(format!("no group `{unknown}`; --only takes {}", GROUPS.join(", "))));
    }
    if args.torch.is_none() {
        eprintln!("PyTorch is skipped; give --torch PYTHON to include it");
    }
    let mut rows = Vec::new();
    let precision = args.common.precision.unwrap_or_default();
    check_precision(precision, &device)?;
    for case in cases().into_iter().filter(|case| args.only.is_empty() || args.only.contains(&case.group)) {
        let twin = case.twin.map(|twin| Box::new(Case { precision, ..*twin }));
        let case = Case { precision, twin, ..case };
        eprintln!("{}: {}", case.group, case.name);
        rows.extend(measure(&case, args)?);
    }
    let records = records(&rows);
    let folder = args.run.clone().unwrap_or_else(|| RunFolder::next_free(RUNS.as_ref(), "bench"));
    std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let lines: Vec<String> =
        records.iter().map(|record| serde_json::to_string(record).expect("serialises")).collect();
    write_atomically(&folder.join("bench.jsonl"), (lines.join("\n") + "\n").as_bytes())?;
    write_atomically(&folder.join("meta.json"), provenance::meta(&args.common.device).as_bytes())?;
    let bars: Vec<(String, f64)> = rows
        .iter()
        .filter(|row| !row.ratios.is_empty())
        .map(|row| (format!("{}, {}", row.case.name, row.contender), median(&row.ratios)))
        .collect();
    if !bars.is_empty() {
        vmd_cli::training_plot::plot_ratios(&bars, "times as fast as the peer", &folder.join("bench.svg"))?;
    }
    let lengths: Vec<&Row> = rows.iter().filter(|row| row.case.group == "length").collect();
    if !lengths.is_empty() {
        plot::lengths(&lengths, &folder.join("length.svg"))?;
    }
    if args.common.json {
        print_json(&records);
    } else {
        print_rows(&rows);
    }
    eprintln!("figures in {}", folder.display());
    Ok(())
}

/// Times this program and the contenders alternately.
fn measure(case: &Case, args: &BenchArgs) -> anyhow::Result<Vec<Row>> {
    let mut names = vec!["vmd".to_string()];
    let mut workers = vec![Worker::own(case, &args.common.device)?];
    if let Some(twin) = &case.twin {
        names.push(twin.name.clone());
        workers.push(Worker::own(twin, &args.common.device)?);
    }
    if let Some(python) = args.torch.as_deref().filter(|_| case.has_peer()) {
        names.push("PyTorch eager".into());
        workers.push(Worker::peer(case, python, false)?);
        if case.group == "step" {
            names.push("PyTorch compiled".into());
            workers.push(Worker::peer(case, python, true)?);
        }
    }
    let mut runs = 1;
    for (index, worker) in workers.iter_mut().enumerate() {
        // The first run compiles, allocates and starts threads.
        worker.time(2)?;
        if index == 0 {
            runs = ((ROUND_SECONDS / median(&worker.time(3)?.seconds)) as usize).clamp(1, 200);
        }
    }
    let mut rows: Vec<Row> = names
        .into_iter()
        .map(|contender| Row {
            case: case.clone(),
            contender,
            seconds: Vec::new(),
            peak_mib: 0.0,
            ratios: Vec::new(),
        })
        .collect();
    for round in 0..args.rounds.max(1) {
        let n = workers.len();
        for turn in 0..n {
            // The order of contenders changes from round to round.
            let index = (turn + round) % n;
            let answer = workers[index].time(runs)?;
            rows[index].seconds.push(median(&answer.seconds));
            rows[index].peak_mib = answer.peak_mib;
        }
        let own = rows[0].seconds[round];
        rows[1..].iter_mut().for_each(|row| row.ratios.push(row.seconds[round] / own));
    }
    Ok(rows)
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len().is_multiple_of(2) && middle > 0 {
        0.5 * (sorted[middle - 1] + sorted[middle])
    } else {
        sorted[middle]
    }
}

/// Median, with the smallest and the largest round as its interval.
fn figure(values: &[f64]) -> Figure {
    let bound = |pick: fn(f64, f64) -> f64| values.iter().copied().fold(values[0], pick);
    Figure { ci95: [bound(f64::min), bound(f64::max)], n: values.len(), ..Figure::exact(median(values)) }
}

fn records(rows: &[Row]) -> Vec<Record> {
    let mut records = Vec::new();
    for row in rows {
        let mut push = |metric: &str, figure: Figure| {
            records.push(Record {
                task: "bench".into(),
                dataset: row.case.name.clone(),
                split: row.case.group.clone(),
                band: None,
                metric: metric.into(),
                value: figure.value,
                ci95: figure.ci95,
                n: figure.n,
                unit: figure.unit,
                nfe: None,
                reveal: "none".into(),
                value_rule: "none".into(),
                remask: "none".into(),
                has_latent: false,
                best_of: 1,
                latent_draws: None,
                loops: None,
                model: row.contender.clone(),
                seed: 1,
                revision: provenance::revision(),
                config_sha256: sha256(json!(row.case).to_string().as_bytes()),
            });
        };
        push("seconds", figure(&row.seconds));
        if let Some(flop) = row.case.flop() {
            push("gflop_per_second", Figure::exact(flop / median(&row.seconds) / 1e9));
        }
        push("peak_mib", Figure::exact(row.peak_mib));
        if !row.ratios.is_empty() {
            push("speed_ratio", figure(&row.ratios));
        }
    }
    records
}

fn print_rows(rows: &[Row]) {
    let cells = |row: &Row| {
        let seconds = median(&row.seconds);
        let ratio = match row.ratios.as_slice() {
            [] => String::new(),
            ratios => {
                let figure = figure(ratios);
                format!("{:.2} [{:.2}, {:.2}]", figure.value, figure.ci95[0], figure.ci95[1])
            }
        };
        vec![
            row.case.name.clone(),
            row.contender.clone(),
            format!("{:.2}", 1e3 * seconds),
            row.case.flop().map_or_else(|| "–".into(), |flop| format!("{:.0}", flop / seconds / 1e9)),
            format!("{:.0}", row.peak_mib),
            ratio,
        ]
    };
    let header = ["work", "who", "ms", "GFLOP/s", "peak MiB", "vmd is … × as fast [rounds]"];
    print_table(&header, &rows.iter().map(cells).collect::<Vec<_>>());
    let of = |latent: bool| rows.iter().find(|row| row.case.group == "latent" && row.case.latent == latent);
    if let (Some(with), Some(without)) = (of(true), of(false)) {
        let ratio = median(&with.seconds) / median(&without.seconds);
        println!("\na step with latent takes {ratio:.2} × one without");
    }
}
