//! `solve`: one puzzle.

mod recorder;
mod svg;

use anyhow::bail;
use serde_json::json;
use vmd::model::{RemaskRule, RevealRule, SamplerConfig, ValueRule};
use vmd::tasks::sequence_sampler;
use vmd::tasks::sudoku::{Grid, SOLVER_NODES, SudokuRules, broken_rule, solve_within};
use vmd::train::write_atomically;

use crate::args::SolveArgs;
use crate::failure::usage;
use crate::models::LoadedModel;
use recorder::Recorder;

/// Probability from which a search takes a digit for sure.
const SURE: f64 = 0.7;

/// Checks the puzzle, lets the model fill it, and checks the result.
pub(crate) fn run(args: &SolveArgs) -> anyhow::Result<()> {
    if args.nfe == 0 {
        return Err(usage("--nfe must be 1 or more"));
    }
    let puzzle = proper_puzzle(&args.puzzle)?;
    let loaded = LoadedModel::find_sudoku(args.model.clone(), args.sampler.loops, &args.common)?;
    let config = loaded.model.config();
    if config.seq_len != puzzle.cells().len() {
        return Err(usage(format!(
            "the puzzle has {} cells, the model was trained on {}; give a --model of that size",
            puzzle.cells().len(),
            config.seq_len
        )));
    }
    let sampler = sequence_sampler(&loaded.model, &sampler(args)?, true)?;
    let seed = args.common.seed.unwrap_or(0);
    let rules = SudokuRules::new(puzzle.layout());
    let recorder = Recorder::new(&loaded.model);
    let output = sampler.sample_with(&recorder, &puzzle.to_tokens(), seed, &rules);
    let grid = Grid::from_tokens(puzzle.layout(), &output.tokens)?;
    let broken = broken_rule(&grid);
    if let Some(file) = &args.svg {
        let verdict = if broken.is_none() { "solved" } else { "not solved" };
        let caption = format!("{verdict} in {} evaluations", output.nfe[0]);
        let frames = recorder.frames(&output.tokens);
        write_atomically(file, svg::animation(puzzle.layout(), &puzzle, &frames, &caption).as_bytes())?;
    }
    if args.common.json {
        let broken = broken.as_ref().map(ToString::to_string);
        println!(
            "{}",
            json!({ "puzzle": puzzle.to_string(), "grid": grid.to_string(), "solved": broken.is_none(),
                    "broken_rule": broken, "nfe": output.nfe[0], "model": loaded.name })
        );
    } else {
        print!("{}", grid.pretty());
        println!("{} network evaluations, model {}", output.nfe[0], loaded.name);
    }
    match broken {
        None => Ok(()),
        Some(rule) => {
            bail!("not solved: {rule}; allow more evaluations with --nfe, or train the model longer")
        }
    }
}

/// A search, unless another reveal or remask rule is asked for.
fn sampler(args: &SolveArgs) -> anyhow::Result<SamplerConfig> {
    let search = args.sampler.remask.is_none_or(|remask| remask == RemaskRule::Backtrack);
    let (reveal, remask) = match args.reveal {
        None if search => (RevealRule::Threshold { tau: SURE }, RemaskRule::Backtrack),
        reveal => (reveal.unwrap_or(RevealRule::Margin), args.sampler.remask.unwrap_or_default()),
    };
    let rest = args.sampler.config()?;
    Ok(SamplerConfig { nfe: args.nfe, reveal, remask, value: ValueRule::Argmax, ..rest })
}

/// Parses a puzzle and makes sure that it has exactly one solution.
fn proper_puzzle(text: &str) -> anyhow::Result<Grid> {
    let puzzle: Grid = text.parse().map_err(usage)?;
    if let Some(rule) = broken_rule(&puzzle) {
        return Err(usage(format!("the clues contradict each other: {rule}; correct the puzzle")));
    }
    match solve_within(&puzzle, 2, SOLVER_NODES).map(|solutions| solutions.count) {
        Some(1) => Ok(puzzle),
        None => Err(usage("too many ways are open to tell whether the puzzle has one solution; add clues")),
        Some(0) => Err(usage("the puzzle has no solution; check its clues")),
        _ => Err(usage("the puzzle has several solutions; add clues until only one is left")),
    }
}
