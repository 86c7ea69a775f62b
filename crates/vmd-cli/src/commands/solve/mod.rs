//! `solve`: one puzzle.

mod recorder;
mod svg;

use anyhow::bail;
use serde_json::json;
use vmd::data::sudoku::{Grid, broken_rule, solve_within};
use vmd::eval::SudokuRules;
use vmd::model::files::write_atomically;
use vmd::sampler::{Method, Request, RevealRule, SamplerConfig, SearchConfig, ValueRule};

use crate::args::SolveArgs;
use crate::data::SOLVER_NODES;
use crate::failure::usage;
use crate::models::LoadedModel;
use recorder::Recorder;

/// Probability from which a search takes digits together.
const THRESHOLD: f64 = 0.7;

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
    let method = method(args);
    loaded.check_method(&method)?;
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

/// A search, unless a reveal rule, remask rule or several attempts are asked for.
fn method(args: &SolveArgs) -> Method {
    let (nfe, value, rest) = (args.nfe, ValueRule::Argmax, args.sampler.config());
    if args.reveal.is_none() && args.sampler.remask.is_none() && rest.best_of == 1 {
        return SearchConfig { threshold: args.search.unwrap_or(THRESHOLD), nfe, value }.into();
    }
    SamplerConfig { nfe, reveal: args.reveal.unwrap_or(RevealRule::Margin), value, ..rest }.into()
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
