//! Command-line arguments.

mod data;
mod evaluate;
mod sampler;
mod text;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use vmd::Device;
use vmd::model::LoadOptions;
use vmd::nn::Precision;

pub(crate) use data::{DataCommand, DataRecordsArgs, DataSudokuArgs};
pub(crate) use evaluate::EvaluateArgs;
pub(crate) use sampler::SamplerArgs;
pub(crate) use text::SampleArgs;

use crate::failure::usage;

/// Variational masked diffusion: train, sample, solve, evaluate.
#[derive(Debug, Parser)]
#[command(name = "vmd", version, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Train a model and print its figures; without arguments, train 4×4 Sudoku grids with and
    /// without a latent and compare.
    Train(TrainArgs),
    /// Evaluate a model on the data that it was trained on.
    Evaluate(EvaluateArgs),
    /// Evaluate a Sudoku model: count the puzzles that it solves.
    EvaluateSudoku(EvaluateArgs),
    /// Evaluate a model of a synthetic set: compute its exact accuracy and KL.
    EvaluateSynthetic(EvaluateArgs),
    /// Evaluate a model of text, lines, molecules or a table: bound the likelihood of held-out
    /// data, and judge its samples.
    EvaluateText(EvaluateArgs),
    /// Generate full Sudoku grids, and measure their quality.
    GenerateSudoku(GenerateSudokuArgs),
    /// Draw sequences from a model.
    Sample(SampleArgs),
    /// Solve one Sudoku puzzle.
    Solve(SolveArgs),
    /// Generate data sets.
    #[command(subcommand)]
    Data(DataCommand),
    /// List the presets, or print one.
    Presets(PresetsArgs),
    /// List the values of --device and which devices are available.
    Devices(DevicesArgs),
}

/// Options of every command that computes.
#[derive(Debug, Args)]
pub struct Common {
    /// Print one JSON object per line on standard output, and nothing else.
    #[arg(long)]
    pub json: bool,
    /// Seed of all random numbers.
    #[arg(long)]
    pub seed: Option<u64>,
    /// Device: flex (CPU), wgpu, vulkan, metal or cuda, with an optional suffix :N or :cpu, or
    /// auto. `devices` lists the available ones.
    #[arg(long, default_value = "auto")]
    pub device: String,
    /// Precision of the factors of the denoiser's matrix products: f32, bf16 or f16 [default: that
    /// of the configuration].
    #[arg(long)]
    pub precision: Option<Precision>,
}

impl Common {
    /// Opens the device. Prints which one `auto` selected if there was a choice.
    ///
    /// # Errors
    ///
    /// A usage error if the device does not exist.
    pub fn device(&self) -> anyhow::Result<Device> {
        let opened = vmd::device::open(&self.device)?;
        if let Some(chosen) = opened.chosen {
            eprintln!("device: {chosen}");
        }
        Ok(opened.device)
    }

    /// Options for loading a model with this precision and number of loops.
    pub(crate) fn load_options(&self, loops: Option<usize>) -> anyhow::Result<LoadOptions> {
        if loops == Some(0) {
            return Err(usage("--loops must be 1 or more"));
        }
        Ok(LoadOptions { precision: self.precision, loops })
    }
}

#[derive(Debug, Args)]
pub(crate) struct TrainArgs {
    /// Preset to train; `vmd presets` lists them [default: grids-4x4 for 2000 steps, with --twin].
    #[arg(long, conflicts_with = "config")]
    pub(crate) preset: Option<String>,
    /// Configuration file to train from.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Override a key of the configuration, such as train.steps=2000. Repeatable.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) overrides: Vec<String>,
    /// Also train the same model without its latent, in DIR-mdm, and compare the two in a table and
    /// a plot.
    #[arg(long)]
    pub(crate) twin: bool,
    /// Folder of the run [default: the next free runs/NAME-NNN].
    #[arg(long, value_name = "DIR")]
    pub(crate) run: Option<PathBuf>,
    /// Resume the run in --run (or the newest run) from its last checkpoint.
    #[arg(long)]
    pub(crate) resume: bool,
    #[command(flatten)]
    pub(crate) common: Common,
}

impl TrainArgs {
    /// Whether no preset, configuration or run is given.
    pub(crate) fn is_default(&self) -> bool {
        self.preset.is_none() && self.config.is_none() && !self.resume
    }
}

#[derive(Debug, Args)]
#[command(mut_arg("reveal", |arg| arg.default_value("entropy")))]
#[command(mut_arg("nfe", |arg| arg.default_value("81")))]
#[command(mut_arg("value", |arg| arg.default_value("categorical(0.5)")))]
pub(crate) struct GenerateSudokuArgs {
    /// Model folder, or `shipped` [default: the newest finished Sudoku run, or else the model that
    /// comes with the program].
    #[arg(long, value_name = "DIR")]
    pub(crate) model: Option<PathBuf>,
    /// Number of grids.
    #[arg(long, default_value_t = 100)]
    pub(crate) count: usize,
    /// File for the valid grids, one per line.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Puzzle file whose clue positions are used to make puzzles from the grids [default: the
    /// puzzles that come with the program].
    #[arg(long, value_name = "FILE")]
    pub(crate) patterns: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) sampler: SamplerArgs,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Args)]
#[command(mut_arg("nfe", |arg| arg.default_value("1000")))]
pub(crate) struct SolveArgs {
    /// The puzzle in row-major order; `.` or `0` for a blank cell.
    pub(crate) puzzle: String,
    /// Model folder, or `shipped` [default: the newest finished Sudoku run, or else the model that
    /// comes with the program].
    #[arg(long, value_name = "DIR")]
    pub(crate) model: Option<PathBuf>,
    /// SVG file for an animation of how the grid is filled.
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) sampler: SamplerArgs,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Args)]
pub(crate) struct PresetsArgs {
    /// Preset to print.
    pub(crate) name: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct DevicesArgs {
    /// Print one JSON object per line.
    #[arg(long)]
    pub json: bool,
}
