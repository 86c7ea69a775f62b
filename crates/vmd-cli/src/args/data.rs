//! Arguments of `data`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Common;

#[derive(Debug, Subcommand)]
pub(crate) enum DataCommand {
    /// Generate Sudoku puzzles with one solution each.
    Sudoku(DataSudokuArgs),
    /// Generate orders, one JSON object per line, with fields that depend on each other.
    Orders(DataRecordsArgs),
    /// Generate a table of shipments, a CSV file, with columns that depend on each other.
    Shipments(DataRecordsArgs),
}

#[derive(Debug, Args)]
pub(crate) struct DataRecordsArgs {
    /// Number of lines or rows.
    #[arg(long)]
    pub(crate) count: usize,
    /// File to write.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Seed of all random numbers.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
}

#[derive(Debug, Args)]
pub(crate) struct DataSudokuArgs {
    /// Number of puzzles.
    #[arg(long)]
    pub(crate) count: usize,
    /// CSV file to write.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Fewest clues [default: 31 of 81 cells, in proportion for other sizes].
    #[arg(long)]
    pub(crate) min_clues: Option<usize>,
    /// Most clues [default: 36 of 81 cells, in proportion for other sizes].
    #[arg(long)]
    pub(crate) max_clues: Option<usize>,
    /// Random-walk steps from each puzzle to harder ones, which may have a different number of
    /// clues; 1000 for the hardest.
    #[arg(long, value_name = "STEPS", default_value_t = 0)]
    pub(crate) harden: usize,
    /// Side of the grid: 4, 6, 9 or 16.
    #[arg(long, default_value_t = 9)]
    pub(crate) size: usize,
    #[command(flatten)]
    pub(crate) common: Common,
}
