//! What can be typed.

mod data;
mod evaluate;
mod text;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use vmd::model::{LatentRule, RemaskRule, RevealRule, SamplerConfig, ValueRule};
use vmd::nn::Precision;
use vmd::process::TimeGrid;

pub(crate) use data::{DataCommand, DataRecordsArgs, DataSudokuArgs};
pub(crate) use evaluate::EvaluateArgs;
pub(crate) use text::SampleArgs;

use crate::failure::usage;

/// Variational masked diffusion: train, sample, solve, measure.
#[derive(Debug, Parser)]
#[command(name = "vmd", bin_name = "cargo xtask", version, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Train a model (the Sudoku preset by default) and print its figures.
    Train(TrainArgs),
    /// Measure a model on the data that it was trained on.
    Evaluate(EvaluateArgs),
    /// The same for a model of Sudoku: count puzzles that it solves.
    EvaluateSudoku(EvaluateArgs),
    /// The same for a model of a synthetic set: compute its exact accuracy and KL.
    EvaluateSynthetic(EvaluateArgs),
    /// The same for a model of text, lines, molecules or a table: bound the likelihood of held-out data, and judge what it writes.
    EvaluateText(EvaluateArgs),
    /// Let a model make full Sudoku unconditional grids, and measure what they are worth.
    GenerateSudoku(GenerateSudokuArgs),
    /// Draw sequences from a model.
    Sample(SampleArgs),
    /// Solve one Sudoku puzzle.
    Solve(SolveArgs),
    /// Make data sets.
    #[command(subcommand)]
    Data(DataCommand),
    /// List the presets, or print one.
    Presets(PresetsArgs),
    /// List what can be written behind --device, and what is there.
    Devices(DevicesArgs),
    /// Rerun a table of experiments with several seeds, and draw its tables and figures.
    Study(StudyArgs),
    /// Time training steps, evaluations and sampling, next to PyTorch if it is there; `cargo xtask bench --micro` times
    /// each kernel by itself.
    Bench(BenchArgs),
}

#[derive(Debug, Args)]
pub(crate) struct Common {
    /// Print one JSON object a line on standard output, and nothing else there.
    #[arg(long)]
    pub(crate) json: bool,
    /// Seed of every random number.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Where to compute: flex (this machine's processor), wgpu, vulkan, metal or cuda, with :N or :cpu behind, or
    /// auto. `devices` lists what is there.
    #[arg(long, default_value = "auto")]
    pub(crate) device: String,
    /// What the denoiser's matrix products round their factors to: f32, bf16 or f16 [default: the configuration's].
    #[arg(long)]
    pub(crate) precision: Option<Precision>,
}

/// What every command that samples can be told beside its reveal and value rules.
#[derive(Debug, Args)]
pub(crate) struct SamplerArgs {
    /// Remask rule: none; cap(0.1), rescale(0.1) or confidence with ancestral; predict-remask with top-prob, margin or
    /// entropy; on Sudoku backtrack, a search of at most --nfe evaluations, with threshold.
    /// [default: none; backtrack where `solve` is given no --reveal]
    #[arg(long)]
    pub(crate) remask: Option<RemaskRule>,
    /// Latent rule: prior (as often as the model's scope says), prior-once, prior-each-step, reinfer. Commands that compare
    /// samplers take several.
    #[arg(long, value_delimiter = ',', default_value = "prior")]
    pub(crate) latent_rule: Vec<LatentRule>,
    /// Temperature of Gumbel noise on the scores of top-prob, margin, entropy or independent-set; it falls to 0 over the
    /// steps.
    #[arg(long, default_value_t = 0.0)]
    pub(crate) reveal_noise: f64,
    /// How the steps share out time, or tokens: uniform, or cosine (short steps first).
    #[arg(long, value_enum, default_value_t = Grid::Uniform)]
    pub(crate) grid: Grid,
    /// Attempts at every sequence until one keeps the rules of its data; all count as evaluations.
    #[arg(long, default_value_t = 1)]
    pub(crate) best_of: usize,
    /// Loops of the network in every evaluation, which takes as much longer [default: the model's own].
    #[arg(long)]
    pub(crate) loops: Option<usize>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Grid {
    Uniform,
    Cosine,
}

impl From<Grid> for TimeGrid {
    fn from(grid: Grid) -> Self {
        match grid {
            Grid::Uniform => Self::Uniform {},
            Grid::Cosine => Self::Cosine {},
        }
    }
}

impl SamplerArgs {
    /// A sampler with these settings for every latent rule; steps, reveal and value rule are a default's.
    pub(crate) fn configs(&self) -> Vec<SamplerConfig> {
        let config = |&latent: &LatentRule| SamplerConfig {
            remask: self.remask.unwrap_or_default(),
            latent,
            reveal_noise: self.reveal_noise,
            best_of: self.best_of,
            grid: self.grid.into(),
            ..Default::default()
        };
        self.latent_rule.iter().map(config).collect()
    }

    /// The only one of them.
    pub(crate) fn config(&self) -> anyhow::Result<SamplerConfig> {
        match &self.configs()[..] {
            [config] => Ok(config.clone()),
            _ => Err(usage("this command takes one --latent-rule")),
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct TrainArgs {
    /// Preset to train; `cargo xtask presets` lists them.
    #[arg(long, conflicts_with = "config")]
    pub(crate) preset: Option<String>,
    /// Configuration file to train from.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Override a key of the configuration, such as train.steps=2000. Repeatable.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) overrides: Vec<String>,
    /// Folder of the run [default: the next free runs/NAME-NNN].
    #[arg(long, value_name = "DIR")]
    pub(crate) run: Option<PathBuf>,
    /// Go on with the run in --run (or the newest one) from its last checkpoint.
    #[arg(long)]
    pub(crate) resume: bool,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Args)]
pub(crate) struct GenerateSudokuArgs {
    /// Model folder, or `shipped` [default: the newest finished Sudoku run, or else the model that comes with the program].
    #[arg(long, value_name = "DIR")]
    pub(crate) model: Option<PathBuf>,
    /// Number of grids.
    #[arg(long, default_value_t = 100)]
    pub(crate) count: usize,
    /// File for the grids that keep the rules, one a line.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Puzzle file that says which cells of a grid stay clues when it is made a puzzle [default: the puzzles that come
    /// with the program].
    #[arg(long, value_name = "FILE")]
    pub(crate) patterns: Option<PathBuf>,
    /// Network evaluations per grid.
    #[arg(long, default_value_t = 81)]
    pub(crate) nfe: usize,
    /// Reveal rule: ancestral, random-k, top-prob, margin, entropy, threshold(0.9),
    /// entropy-bound(0.5), independent-set, first-hitting.
    #[arg(long, default_value = "entropy")]
    pub(crate) reveal: RevealRule,
    /// Value rule: argmax, categorical, categorical(0.8,0.95) with temperature and top-p.
    #[arg(long, default_value = "categorical(0.5)")]
    pub(crate) value: ValueRule,
    #[command(flatten)]
    pub(crate) sampler: SamplerArgs,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Args)]
pub(crate) struct SolveArgs {
    /// The puzzle, row after row; `.` or `0` for a blank cell.
    pub(crate) puzzle: String,
    /// Model folder, or `shipped` [default: the newest finished Sudoku run, or else the model that comes with the program].
    #[arg(long, value_name = "DIR")]
    pub(crate) model: Option<PathBuf>,
    /// SVG file for a picture of how the grid filled up, which moves where it is shown.
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
    /// Most network evaluations.
    #[arg(long, default_value_t = 1000)]
    pub(crate) nfe: usize,
    /// Reveal rule: ancestral, random-k, top-prob, margin, entropy, threshold(0.9),
    /// entropy-bound(0.5), independent-set, first-hitting [default: threshold, with guesses that are taken back].
    #[arg(long)]
    pub(crate) reveal: Option<RevealRule>,
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
    /// Print one JSON object a line.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct StudyArgs {
    /// Study that comes with the program: synthetic, structure or text.
    pub(crate) name: Option<String>,
    /// File with a study of your own; `crates/vmd-cli/studies/synthetic.toml` shows how one looks.
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
