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
    /// Run a study with several seeds, and write its tables and figures.
    Study(StudyArgs),
    /// Time training steps, evaluations and sampling, and compare with PyTorch if available;
    /// `cargo xtask lab bench --micro` times each kernel.
    Bench(BenchArgs),
}

#[derive(Debug, Args)]
pub(crate) struct StudyArgs {
    /// Study that comes with the program: synthetic, structure or text.
    pub(crate) name: Option<String>,
    /// File with a custom study; see `crates/vmd-lab/studies/synthetic.toml` for the format.
    #[arg(long, value_name = "STUDY.toml", conflicts_with = "name")]
    pub(crate) file: Option<PathBuf>,
    /// Only print the arms.
    #[arg(long)]
    pub(crate) list: bool,
    /// Train only the arms with these names or sections, and the arms that they need; the report
    /// covers all trained arms.
    #[arg(long, value_delimiter = ',', value_name = "SECTION_OR_ARM")]
    pub(crate) only: Vec<String>,
    /// Train with the first N seeds of every arm [default: as specified by the study].
    #[arg(long, value_name = "N")]
    pub(crate) seeds: Option<usize>,
    /// Concurrent runs, each with one thread [default: number of cores].
    #[arg(long, value_name = "N")]
    pub(crate) jobs: Option<usize>,
    /// Folder of the study; finished runs in it are not repeated [default: studies/NAME].
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// Python interpreter with PyTorch, which then runs the same networks, alternating with this
    /// program.
    #[arg(long, value_name = "PYTHON")]
    pub(crate) torch: Option<PathBuf>,
    /// Groups of cases: step, sudoku, infer, sample, solve, latent, product, scaling, structure,
    /// length, text [default: all].
    #[arg(long, value_delimiter = ',')]
    pub(crate) only: Vec<String>,
    /// Rounds; each one times every contender once.
    #[arg(long, default_value_t = 7)]
    pub(crate) rounds: usize,
    /// Folder for the results [default: the next free runs/bench-NNN].
    #[arg(long, value_name = "DIR")]
    pub(crate) run: Option<PathBuf>,
    /// Run as the timed process.
    #[arg(long, hide = true)]
    pub(crate) worker: Option<String>,
    #[command(flatten)]
    pub(crate) common: Common,
}
