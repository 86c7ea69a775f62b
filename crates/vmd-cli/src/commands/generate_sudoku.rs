//! `generate-sudoku`: generates full grids and measures their quality.

use std::path::Path;

use vmd::model::files::write_atomically;
use vmd::sampler::ValueRule;
use vmd::tasks::sudoku::{
    Generation, Grid, Layout, SudokuTask, TrainingGrids, embedded_puzzles, read_puzzles,
};
use vmd::train::{Checkpoint, RunFolder};

use super::evaluate::{Console, sudoku_task};
use crate::args::GenerateSudokuArgs;
use crate::failure::usage;
use crate::output::print_records;
use vmd::models::LoadedModel;

/// Generates the grids, writes them, and prints a report.
pub(crate) fn run(args: &GenerateSudokuArgs) -> anyhow::Result<()> {
    if args.count == 0 {
        return Err(usage("--count must be 1 or more"));
    }
    let loaded = LoadedModel::find_sudoku(
        args.model.clone(),
        args.common.load_options(args.sampler.loops)?,
        &args.common.device()?,
    )?;
    let task: SudokuTask = sudoku_task(&loaded)?;
    let patterns = patterns(args.patterns.as_deref(), task.layout())?;
    let method = args.sampler.one_method(ValueRule::default())?;
    let generation = Generation {
        method: &method,
        count: args.count,
        patterns: &patterns,
        training: training(&loaded)?,
        seed: args.common.seed.unwrap_or(0),
    };
    let mut console = Console::new(args.common.json);
    let (grids, records) = task.generate(&loaded.subject(), &generation, &mut console)?;
    if let Some(out) = &args.out {
        let lines: String = grids.iter().map(|grid| format!("{grid}\n")).collect();
        write_atomically(out, lines.as_bytes())?;
    }
    if !args.common.json {
        print_records(&[records]);
        if let Some(out) = &args.out {
            println!("{} grids in {}", grids.len(), out.display());
        }
    }
    Ok(())
}

/// Reads the grids whose clue positions are used as patterns.
fn patterns(file: Option<&Path>, layout: Layout) -> anyhow::Result<Vec<Grid>> {
    let records = match file {
        Some(file) => read_puzzles(file)?,
        None => embedded_puzzles(),
    };
    // Boxes may be 3×2 or 2×3. The file does not specify which, and clue positions do not depend on
    // it.
    let of_size =
        records.into_iter().map(|record| record.puzzle.to_tokens()).filter(|t| t.len() == layout.cells());
    let patterns: Vec<Grid> =
        of_size.map(|tokens| Grid::from_tokens(layout, &tokens)).collect::<Result<_, _>>()?;
    match file {
        Some(file) if patterns.is_empty() => {
            let size = layout.size();
            Err(usage(format!("{} holds no {size}×{size} puzzle; give another --patterns", file.display())))
        }
        _ => Ok(patterns),
    }
}

/// The training grids of the run that the model belongs to, if it is in a run folder.
fn training(loaded: &LoadedModel) -> anyhow::Result<Option<TrainingGrids>> {
    let Some((run, folder)) = loaded.run.as_ref().zip(loaded.run_folder.as_ref()) else {
        return Ok(None);
    };
    let checkpoint = Checkpoint::load_newest(&RunFolder::open(folder, None)?.checkpoints())?;
    let planned = run.train.steps * run.train.batch_size as u64;
    let seen = checkpoint.map_or(planned, |(_, checkpoint)| checkpoint.state.data_position);
    Ok(Some(TrainingGrids { source: run.data.open()?.sources(run.seed)?.training, seen }))
}
