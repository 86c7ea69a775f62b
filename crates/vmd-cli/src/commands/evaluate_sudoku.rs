//! `evaluate-sudoku`: how many puzzles a model solves.

use std::collections::BTreeSet;

use vmd::data::sudoku::{Grid, Layout, PuzzleRecord, is_consistent, read_puzzles};
use vmd::eval::{
    Figure, Provenance, SudokuEvaluation, SudokuScore, evaluate_sudoku, mean_interval, wilson_interval,
};
use vmd::model::{SampleOutput, Sampler, SamplerConfig, ValueRule};

use crate::args::EvaluateSudokuArgs;
use crate::config::{EvaluateConfig, samplers};
use crate::data::{DataConfig, embedded_puzzles};
use crate::failure::usage;
use crate::models::LoadedModel;
use crate::output::{describe_rest, percent, print_json, print_table};

/// Grids drawn from nothing where there are no puzzles of the model's size, unless another number is asked for.
const GRIDS_FROM_NOTHING: usize = 1000;

/// Loads model and puzzles and reports.
pub(crate) fn run(args: EvaluateSudokuArgs) -> anyhow::Result<()> {
    if args.from_nothing == Some(0) {
        return Err(usage("--from-nothing must be 1 or more"));
    }
    if args.nfe.contains(&0) {
        return Err(usage("--nfe must be 1 or more"));
    }
    let loaded = LoadedModel::find_sudoku(args.model, args.sampler.loops, &args.common)?;
    let seed = args.common.seed.unwrap_or(0);
    let rule = if args.from_nothing.is_some() { ValueRule::default() } else { ValueRule::Argmax };
    let rest = SamplerConfig { value: args.value.unwrap_or(rule), ..args.sampler.config() };
    let samplers = samplers(&args.reveal, &args.nfe, &rest);
    if let Some(count) = args.from_nothing {
        return from_nothing(&loaded, &samplers, count, seed, args.common.json);
    }
    let (mut puzzles, dataset) = match &args.puzzles {
        Some(file) => (read_puzzles(file)?, file.display().to_string()),
        None => (embedded_puzzles(), "sudoku-easy".to_string()),
    };
    puzzles.truncate(args.limit.unwrap_or(puzzles.len()));
    report(&loaded, &puzzles, dataset, &samplers, seed, args.common.json)
}

/// The figures at the end of a training run: puzzles where the program has some of this size, and grids from nothing where
/// it has not or a number of them is asked for.
pub(crate) fn report_trained(
    loaded: &LoadedModel,
    evaluate: &EvaluateConfig,
    seed: u64,
    json: bool,
) -> anyhow::Result<()> {
    let samplers = evaluate.samplers();
    let puzzles = embedded_puzzles();
    let cells = loaded.model.config().seq_len;
    if puzzles.iter().all(|record| record.puzzle.cells().len() == cells) {
        report(loaded, &puzzles, "sudoku-easy".into(), &samplers, seed, json)?;
        let Some(count) = evaluate.samples else { return Ok(()) };
        let drawn = |config: SamplerConfig| match config.value {
            ValueRule::Argmax => SamplerConfig { value: ValueRule::default(), ..config },
            _ => config,
        };
        let samplers: Vec<SamplerConfig> = samplers.into_iter().map(drawn).collect();
        return from_nothing(loaded, &samplers, count, seed, json);
    }
    from_nothing(loaded, &samplers, evaluate.samples.unwrap_or(GRIDS_FROM_NOTHING), seed, json)
}

/// Prints the table, or the records, of every sampler on `puzzles`.
fn report(
    loaded: &LoadedModel,
    puzzles: &[PuzzleRecord],
    dataset: String,
    samplers: &[SamplerConfig],
    seed: u64,
    json: bool,
) -> anyhow::Result<()> {
    let cells = loaded.model.config().seq_len;
    if puzzles.is_empty() {
        return Err(usage("there are no puzzles to solve; raise --limit or give another --puzzles file"));
    }
    if let Some(other) = puzzles.iter().find(|record| record.puzzle.cells().len() != cells) {
        return Err(usage(format!(
            "the puzzles have {} cells, the model was trained on {cells}; give --model or --puzzles that fit",
            other.puzzle.cells().len()
        )));
    }
    let provenance = loaded.provenance("sudoku", dataset.clone(), "test", seed);
    let mut rows = Vec::new();
    // All of them are checked before the first one runs.
    let ready: Vec<_> =
        samplers.iter().map(|config| loaded.sampler(config, true)).collect::<Result<_, _>>()?;
    for (config, sampler) in samplers.iter().zip(ready) {
        let SudokuEvaluation { all, groups, seconds } =
            evaluate_sudoku(&loaded.model, &sampler, puzzles, seed);
        if json {
            print_score(&provenance, config, &all, None);
            let figure = Figure { n: puzzles.len(), ..Figure::exact(seconds) };
            print_json(&[provenance.record("seconds", figure, config, None)]);
            for (group, score) in &groups {
                print_score(&provenance, config, score, Some(group.to_string()));
            }
        }
        rows.push(row(config, "all", &all, Some(1000.0 * seconds / puzzles.len() as f64)));
        // A group of all puzzles says nothing new.
        let parts = groups.iter().filter(|(_, score)| score.solved.n < puzzles.len());
        rows.extend(parts.map(|(group, score)| row(config, &format!("  {group}"), score, None)));
    }
    if !json {
        let rest = describe_rest(samplers);
        println!("{} puzzles of {dataset}, model {}{rest}", puzzles.len(), loaded.folder.display());
        let header = [
            "reveal",
            "NFE",
            "puzzles",
            "n",
            "solved [95 %]",
            "valid",
            "cells right",
            "mean NFE",
            "p95 NFE",
            "s/1000",
        ];
        print_table(&header, &rows);
    }
    Ok(())
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
    seconds_per_1000: Option<f64>,
) -> Vec<String> {
    vec![
        config.reveal.to_string(),
        if config.sets_own_pace() { "–".into() } else { config.nfe.to_string() },
        name.to_string(),
        score.solved.n.to_string(),
        percent(score.solved.value, score.solved.ci95),
        format!("{:.1} %", 100.0 * score.valid.value),
        format!("{:.2} %", 100.0 * score.cell_accuracy.value),
        format!("{:.1}", score.mean_nfe.value),
        format!("{:.0}", score.p95_nfe),
        seconds_per_1000.map_or_else(String::new, |seconds| format!("{seconds:.1}")),
    ]
}

/// The shape of the grids that a model draws.
pub(super) fn grid_layout(loaded: &LoadedModel) -> anyhow::Result<Layout> {
    let config = loaded.model.config();
    // Six cells in a row have boxes of two shapes, and the run knows which.
    let layout = match loaded.run.as_ref().map(|run| &run.data) {
        Some(DataConfig::Sudoku { box_rows, box_cols, .. }) => Layout::new(*box_rows, *box_cols),
        _ => Layout::from_cells(config.seq_len),
    };
    layout.ok().filter(|layout| layout.size() == config.vocab).ok_or_else(|| {
        let (tokens, values) = (config.seq_len, config.vocab);
        usage(format!(
            "a model of {tokens} tokens with {values} values draws no Sudoku grids; give another --model"
        ))
    })
}

/// The valid ones among `count` grids drawn from nothing, and all of them as they came.
pub(super) fn draw_grids(
    loaded: &LoadedModel,
    sampler: &Sampler,
    layout: Layout,
    count: usize,
    seed: u64,
) -> (Vec<Grid>, SampleOutput) {
    let blank = vec![loaded.model.config().mask_token(); count * layout.cells()];
    let grid = |tokens: &[u32]| Grid::from_tokens(layout, tokens).ok().filter(is_consistent);
    let output = sampler.sample_checked(&loaded.model, &blank, seed, |_, tokens| grid(tokens).is_some());
    (output.tokens.chunks_exact(layout.cells()).filter_map(grid).collect(), output)
}

/// How many of the grids differ.
pub(super) fn distinct(grids: &[Grid]) -> usize {
    grids.iter().map(Grid::cells).collect::<BTreeSet<_>>().len()
}

/// Share of valid grids among grids drawn from nothing. Their values are better drawn too: the likeliest ones give the same
/// grid every time.
fn from_nothing(
    loaded: &LoadedModel,
    samplers: &[SamplerConfig],
    count: usize,
    seed: u64,
    json: bool,
) -> anyhow::Result<()> {
    let layout = grid_layout(loaded)?;
    let provenance =
        loaded.provenance("sudoku", format!("{} cells from nothing", layout.cells()), "samples", seed);
    let mut rows = Vec::new();
    let ready: Vec<_> =
        samplers.iter().map(|config| loaded.sampler(config, true)).collect::<Result<_, _>>()?;
    for (sampler, runs) in samplers.iter().zip(ready) {
        let (grids, output) = draw_grids(loaded, &runs, layout, count, seed);
        let figure = wilson_interval(grids.len(), count);
        let distinct = distinct(&grids);
        if json {
            let mean_nfe = mean_interval(&output.nfe_values());
            print_json(&[
                provenance.record("valid_from_nothing", figure, sampler, None),
                provenance.record(
                    "distinct",
                    Figure { n: count, ..Figure::exact(distinct as f64) },
                    sampler,
                    None,
                ),
                provenance.record("mean_nfe_from_nothing", mean_nfe, sampler, None),
            ]);
        }
        rows.push(vec![
            sampler.reveal.to_string(),
            sampler.nfe.to_string(),
            percent(figure.value, figure.ci95),
            distinct.to_string(),
            format!("{:.1}", output.mean_nfe()),
        ]);
    }
    if !json {
        let rest = describe_rest(samplers);
        println!("{count} grids from nothing, model {}{rest}", loaded.folder.display());
        print_table(&["reveal", "NFE", "valid [95 %]", "different", "mean NFE"], &rows);
    }
    Ok(())
}
