//! `solve`: solves one puzzle.

mod recorder;
mod svg;

use anyhow::bail;
use serde_json::json;
use vmd::model::files::write_atomically;
use vmd::sampler::{Method, Request, RevealRule, SamplerConfig, SearchConfig, ValueRule};
use vmd::tasks::check_method;
use vmd::tasks::sudoku::{Grid, SOLVER_NODES, SudokuRules, broken_rule, solve_within};

use crate::args::SolveArgs;
use crate::failure::usage;
use recorder::Recorder;
use vmd::models::LoadedModel;

/// Default threshold of the search.
const THRESHOLD: f64 = 0.7;

/// Checks the puzzle, fills it with the model, and checks the result.
pub(crate) fn run(args: &SolveArgs) -> anyhow::Result<()> {
    let method = method(args)?;
    let puzzle = proper_puzzle(&args.puzzle)?;
    let loaded = LoadedModel::find_sudoku(
        args.model.clone(),
        args.common.load_options(args.sampler.loops)?,
        &args.common.device()?,
    )?;
    let config = loaded.model.config();
    if config.seq_len != puzzle.cells().len() {
        return Err(usage(format!(
            "the puzzle has {} cells, the model was trained on {}; give a --model of that size",
            puzzle.cells().len(),
            config.seq_len
        )));
    }
    check_method(&loaded.model, &method)?;
    let seed = args.common.seed.unwrap_or(0);
    let rules = SudokuRules::new(puzzle.layout());
    let mut recorder = Recorder::new(config.vocab);
    let tokens = puzzle.to_tokens();
    let output = method.run(&loaded.model, &Request::new(&tokens, seed).checked(&rules), &mut recorder);
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

/// The search, unless a reveal rule, a remask rule or several attempts are given.
fn method(args: &SolveArgs) -> anyhow::Result<Method> {
    let sampler = &args.sampler;
    let config = sampler.one(ValueRule::Argmax)?;
    let is_plain = sampler.reveal.is_empty() && sampler.remask.is_none() && sampler.best_of == 1;
    Ok(match sampler.search.or(is_plain.then_some(THRESHOLD)) {
        Some(threshold) => SearchConfig { threshold, nfe: config.nfe, value: config.value }.into(),
        None if sampler.reveal.is_empty() => SamplerConfig { reveal: RevealRule::Margin, ..config }.into(),
        None => config.into(),
    })
}

/// Parses a puzzle and checks that it has exactly one solution.
fn proper_puzzle(text: &str) -> anyhow::Result<Grid> {
    let puzzle: Grid = text.parse().map_err(usage)?;
    if let Some(rule) = broken_rule(&puzzle) {
        return Err(usage(format!("the clues contradict each other: {rule}; correct the puzzle")));
    }
    match solve_within(&puzzle, 2, SOLVER_NODES).map(|solutions| solutions.count) {
        Some(1) => Ok(puzzle),
        None => {
            Err(usage("the search for solutions is too long to verify that there is only one; add clues"))
        }
        Some(0) => Err(usage("the puzzle has no solution; check its clues")),
        _ => Err(usage("the puzzle has several solutions; add clues until only one is left")),
    }
}
