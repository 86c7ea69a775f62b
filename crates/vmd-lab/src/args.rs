//! Command-line arguments.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use vmd_cli::Common;

/// Studies and benchmarks of variational masked diffusion.
#[derive(Debug, Parser)]
#[command(name = "vmd-lab", version, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Rerun a table of experiments with several seeds, and draw its tables and figures.
    Study(StudyArgs),
    /// Time training steps, evaluations and sampling, next to PyTorch if it is there; `cargo xtask lab bench --micro` times each
    /// kernel by itself.
    Bench(BenchArgs),
}

#[derive(Debug, Args)]
pub(crate) struct StudyArgs {
    /// Study that comes with the program: synthetic, structure or text.
    pub(crate) name: Option<String>,
    /// File with a study of your own; `crates/vmd-lab/studies/synthetic.toml` shows how one looks.
    #[arg(long, value_name = "STUDY.toml", conflicts_with = "name")]
    pub(crate) file: Option<PathBuf>,
    /// Print the arms and do nothing else.
    #[arg(long)]
    pub(crate) list: bool,
    /// Train only arms of these names or sections, and what they need; the report is about all that have been trained.
    #[arg(long, value_delimiter = ',', value_name = "SECTION_OR_ARM")]
    pub(crate) only: Vec<String>,
    /// Train with the first N seeds of every arm [default: as many as the study says].
    #[arg(long, value_name = "N")]
    pub(crate) seeds: Option<usize>,
    /// Runs at a time, each with one thread [default: one for each core].
    #[arg(long, value_name = "N")]
    pub(crate) jobs: Option<usize>,
    /// Folder of the study; what is finished there is not run again [default: studies/NAME].
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// Python interpreter that has PyTorch; it then runs the same networks in turns with this program.
    #[arg(long, value_name = "PYTHON")]
    pub(crate) torch: Option<PathBuf>,
    /// Groups of cases: step, sudoku, infer, sample, solve, latent, product, scaling, structure, length, text
    /// [default: all].
    #[arg(long, value_delimiter = ',')]
    pub(crate) only: Vec<String>,
    /// Rounds; each takes every contender's turn.
    #[arg(long, default_value_t = 7)]
    pub(crate) rounds: usize,
    /// Folder for the figures [default: the next free runs/bench-NNN].
    #[arg(long, value_name = "DIR")]
    pub(crate) run: Option<PathBuf>,
    /// Be the process that is timed.
    #[arg(long, hide = true)]
    pub(crate) worker: Option<String>,
    #[command(flatten)]
    pub(crate) common: Common,
}
