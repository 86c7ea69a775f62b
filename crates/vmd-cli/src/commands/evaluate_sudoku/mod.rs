//! `evaluate-sudoku`: how many puzzles a model solves.

mod plot;
mod unconditional;

use std::path::PathBuf;

use plot::{Curves, Point};
use vmd::eval::{Figure, Provenance};
use vmd::model::{Sampler, SamplerConfig, ValueRule};
use vmd::tasks::sudoku::{PuzzleRecord, SudokuEvaluation, SudokuScore, evaluate_sudoku, read_puzzles};

use crate::args::EvaluateSudokuArgs;
use crate::config::{EvaluateConfig, samplers};
use crate::data::embedded_puzzles;
use crate::failure::usage;
use crate::models::LoadedModel;
use crate::output::{describe_latent, describe_rest, percent, print_json, print_table};
pub(super) use unconditional::{distinct, draw_grids, grid_layout};

/// Unconditional grids where there are no puzzles of the model's size, unless another number is asked for.
const GRIDS_UNCONDITIONAL: usize = 1000;

/// A model, what it is compared with, and how its figures are told.
struct Task<'a> {
    model: &'a LoadedModel,
    baseline: Option<&'a LoadedModel>,
    samplers: &'a [SamplerConfig],
    seed: u64,
    json: bool,
    /// Where a plot goes.
    plot: Option<PathBuf>,
}

/// Loads model and puzzles and reports.
pub(crate) fn run(args: EvaluateSudokuArgs) -> anyhow::Result<()> {
    if args.unconditional == Some(0) {
        return Err(usage("--unconditional must be 1 or more"));
    }
    if args.nfe.contains(&0) {
        return Err(usage("--nfe must be 1 or more"));
    }
    let (sampler, common) = (&args.sampler, &args.common);
    let model = LoadedModel::find_sudoku(args.model, sampler.loops, common)?;
    let baseline = args.baseline.map(|folder| LoadedModel::find_sudoku(Some(folder), sampler.loops, common));
    let baseline = baseline.transpose()?;
    let rule = if args.unconditional.is_some() { ValueRule::default() } else { ValueRule::Argmax };
    let rest = sampler.configs().into_iter();
    let rest = rest.map(|rest| SamplerConfig { value: args.value.unwrap_or(rule), ..rest });
    let samplers: Vec<SamplerConfig> =
        rest.flat_map(|rest| samplers(&args.reveal, &args.nfe, &rest)).collect();
    let task = Task {
        model: &model,
        baseline: baseline.as_ref(),
        samplers: &samplers,
        seed: common.seed.unwrap_or(0),
        json: common.json,
        plot: args.plot,
    };
    if let Some(count) = args.unconditional {
        return unconditional::report(&task, count);
    }
    let (mut puzzles, dataset) = match &args.puzzles {
        Some(file) => (read_puzzles(file)?, file.display().to_string()),
        None => (embedded_puzzles(), "sudoku-easy".to_string()),
    };
    puzzles.truncate(args.limit.unwrap_or(puzzles.len()));
    report(&task, &puzzles, &dataset)
}

/// The figures at the end of a training run: puzzles where the program has some of this size, and unconditional grids where
/// it has not or a number of them is asked for.
pub(crate) fn report_trained(
    model: &LoadedModel,
    evaluate: &EvaluateConfig,
    seed: u64,
    json: bool,
) -> anyhow::Result<()> {
    let samplers = evaluate.samplers();
    let task = Task { model, baseline: None, samplers: &samplers, seed, json, plot: None };
    let puzzles = embedded_puzzles();
    let cells = model.model.config().seq_len;
    if puzzles.iter().all(|record| record.puzzle.cells().len() == cells) {
        report(&task, &puzzles, "sudoku-easy")?;
        let Some(count) = evaluate.samples else { return Ok(()) };
        let drawn = |config: SamplerConfig| match config.value {
            ValueRule::Argmax => SamplerConfig { value: ValueRule::default(), ..config },
            _ => config,
        };
        let samplers: Vec<SamplerConfig> = task.samplers.iter().cloned().map(drawn).collect();
        return unconditional::report(&Task { samplers: &samplers, ..task }, count);
    }
    unconditional::report(&task, evaluate.samples.unwrap_or(GRIDS_UNCONDITIONAL))
}

impl Task<'_> {
    /// The model and, if there is one, its baseline, each with its samplers. All of them are checked before the first one runs.
    fn contenders(&self) -> anyhow::Result<Vec<(&LoadedModel, Vec<Sampler>)>> {
        let ready = |loaded| -> anyhow::Result<_> {
            let samplers = self.samplers.iter().map(|config| LoadedModel::sampler(loaded, config, true));
            Ok((loaded, samplers.collect::<Result<_, _>>()?))
        };
        [self.model].into_iter().chain(self.baseline).map(ready).collect()
    }

    fn provenances(&self, dataset: &str, split: &str) -> Vec<Provenance> {
        let of = |loaded: &LoadedModel| loaded.provenance("sudoku", dataset.to_string(), split, self.seed);
        [self.model].into_iter().chain(self.baseline).map(of).collect()
    }

    fn headline(&self, what: &str) -> String {
        let baseline = self.baseline.map(|loaded| format!(", baseline {}", loaded.name));
        let (baseline, rest) = (baseline.unwrap_or_default(), describe_rest(self.samplers));
        format!("{what}, model {}{baseline}{rest}", self.model.name)
    }
}

/// Prints the table, or the records, of every sampler on `puzzles`.
fn report(task: &Task<'_>, puzzles: &[PuzzleRecord], dataset: &str) -> anyhow::Result<()> {
    if puzzles.is_empty() {
        return Err(usage("there are no puzzles to solve; raise --limit or give another --puzzles file"));
    }
    for loaded in [task.model].into_iter().chain(task.baseline) {
        let cells = loaded.model.config().seq_len;
        if let Some(other) = puzzles.iter().find(|record| record.puzzle.cells().len() != cells) {
            return Err(usage(format!(
                "the puzzles have {} cells, the model {} was trained on {cells}; give --model or --puzzles that fit",
                other.puzzle.cells().len(),
                loaded.name
            )));
        }
    }
    let (contenders, provenances) = (task.contenders()?, task.provenances(dataset, "test"));
    let mut curves = Curves::new(task, "puzzles solved (%)");
    let mut rows = Vec::new();
    for (i, config) in task.samplers.iter().enumerate() {
        let measured: Vec<SudokuEvaluation> = contenders
            .iter()
            .map(|(loaded, samplers)| evaluate_sudoku(&loaded.model, &samplers[i], puzzles, task.seed))
            .collect();
        for (place, (evaluation, provenance)) in measured.iter().zip(&provenances).enumerate() {
            let score = &evaluation.all;
            curves.add(config, place, Point { nfe: score.mean_nfe.value, share: score.solved });
            if task.json {
                print_records(provenance, config, evaluation, puzzles.len());
            }
        }
        let (of_model, others) = (&measured[0], measured.get(1));
        let seconds = 1000.0 * of_model.seconds / puzzles.len() as f64;
        rows.push(row(config, "all", &of_model.all, others.map(|other| &other.all), Some(seconds)));
        for (place, (group, score)) in of_model.groups.iter().enumerate() {
            // A group of all puzzles says nothing new.
            if score.solved.n < puzzles.len() {
                let other = others.map(|other| &other.groups[place].1);
                rows.push(row(config, &format!("  {group}"), score, other, None));
            }
        }
    }
    if !task.json {
        println!("{}", task.headline(&format!("{} puzzles of {dataset}", puzzles.len())));
        let baseline = task.baseline.map(|_| "baseline");
        let header = ["reveal", "NFE", "puzzles", "n", "solved [95 %]"].into_iter().chain(baseline);
        let header = header.chain(["valid", "cells right", "mean NFE", "p95 NFE", "s/1000"]);
        print_table(&header.collect::<Vec<_>>(), &rows);
    }
    curves.draw(task.plot.as_deref())
}

fn print_records(provenance: &Provenance, config: &SamplerConfig, evaluation: &SudokuEvaluation, n: usize) {
    print_score(provenance, config, &evaluation.all, None);
    let figure = Figure { n, ..Figure::exact(evaluation.seconds) };
    print_json(&[provenance.record("seconds", figure, config, None)]);
    for (group, score) in &evaluation.groups {
        print_score(provenance, config, score, Some(group.to_string()));
    }
}

fn print_score(provenance: &Provenance, config: &SamplerConfig, score: &SudokuScore, band: Option<String>) {
    let figures = [
        ("solved", score.solved),
        ("valid", score.valid),
        ("cell_accuracy", score.cell_accuracy),
        ("mean_nfe", score.mean_nfe),
        ("p95_nfe", Figure { n: score.mean_nfe.n, ..Figure::exact(score.p95_nfe) }),
    ];
    let record = |(metric, figure): &(&str, Figure)| provenance.record(metric, *figure, config, band.clone());
    print_json(&figures.iter().map(record).collect::<Vec<_>>());
}

fn row(
    config: &SamplerConfig,
    name: &str,
    score: &SudokuScore,
    baseline: Option<&SudokuScore>,
    seconds_per_1000: Option<f64>,
) -> Vec<String> {
    let solved = |score: &SudokuScore| percent(score.solved.value, score.solved.ci95);
    let mut cells = vec![
        describe_latent(config),
        if config.sets_own_pace() { "–".into() } else { config.nfe.to_string() },
        name.to_string(),
        score.solved.n.to_string(),
        solved(score),
    ];
    cells.extend(baseline.map(solved));
    cells.extend([
        format!("{:.1} %", 100.0 * score.valid.value),
        format!("{:.2} %", 100.0 * score.cell_accuracy.value),
        format!("{:.1}", score.mean_nfe.value),
        format!("{:.0}", score.p95_nfe),
        seconds_per_1000.map_or_else(String::new, |seconds| format!("{seconds:.1}")),
    ]);
    cells
}
