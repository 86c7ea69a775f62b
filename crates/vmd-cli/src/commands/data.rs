//! `data`: generates data sets.

use indicatif::ProgressBar;
use serde_json::json;
use vmd::core::{Purpose, keyed_rng};
use vmd::model::files::write_atomically;
use vmd::tasks::lines::order_json;
use vmd::tasks::sudoku::{Layout, PuzzleConfig, generate_puzzle, harden, write_puzzles};
use vmd::tasks::table::{SHIPMENT_COLUMNS, shipment_row};

use crate::args::{DataRecordsArgs, DataSudokuArgs};
use crate::failure::usage;

/// Generates puzzles with one solution each.
pub(crate) fn sudoku(args: &DataSudokuArgs) -> anyhow::Result<()> {
    let layout = match args.size {
        4 => Layout::new(2, 2),
        6 => Layout::new(2, 3),
        9 => Layout::new(3, 3),
        16 => Layout::new(4, 4),
        other => return Err(usage(format!("--size {other}: use 4, 6, 9 or 16"))),
    }
    .map_err(usage)?;
    let of_81 = |clues: usize| (clues * layout.cells()).div_ceil(81);
    let config = PuzzleConfig {
        min_clues: args.min_clues.unwrap_or_else(|| of_81(31)),
        max_clues: args.max_clues.unwrap_or_else(|| of_81(36)),
    };
    if config.min_clues > config.max_clues || config.max_clues > layout.cells() {
        return Err(usage(format!("--min-clues ≤ --max-clues ≤ {} is needed", layout.cells())));
    }
    let seed = args.common.seed.unwrap_or(0);
    let bar = ProgressBar::new(args.count as u64);
    let mut puzzles = Vec::with_capacity(args.count);
    for index in 0..args.count {
        // Each puzzle has its own stream, so the first N puzzles of a seed are always the same.
        let mut rng = keyed_rng(seed, index as u64, Purpose::Data);
        let puzzle = generate_puzzle(layout, &config, &mut rng)?;
        puzzles.push(harden(puzzle, args.harden, &mut rng));
        bar.inc(1);
    }
    bar.finish_and_clear();
    write_puzzles(&args.out, &puzzles)?;
    if args.common.json {
        println!(
            "{}",
            json!({ "file": args.out.display().to_string(), "puzzles": puzzles.len(), "seed": seed })
        );
    } else {
        println!("{} puzzles in {}", puzzles.len(), args.out.display());
    }
    Ok(())
}

/// Writes orders, one JSON object per line.
pub(crate) fn orders(args: &DataRecordsArgs) -> anyhow::Result<()> {
    write_lines(args, (0..args.count as u64).map(|index| order_json(args.seed, index)))
}

/// Writes a table of shipments.
pub(crate) fn shipments(args: &DataRecordsArgs) -> anyhow::Result<()> {
    let rows = (0..args.count as u64).map(|index| shipment_row(args.seed, index).join(","));
    write_lines(args, [SHIPMENT_COLUMNS.join(",")].into_iter().chain(rows))
}

fn write_lines(args: &DataRecordsArgs, lines: impl Iterator<Item = String>) -> anyhow::Result<()> {
    if args.count == 0 {
        return Err(usage("--count must be 1 or more"));
    }
    let text: String = lines.flat_map(|line| [line, "\n".into()]).collect();
    Ok(write_atomically(&args.out, text.as_bytes())?)
}
