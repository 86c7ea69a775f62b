//! What can be typed.

mod data;
mod text;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use vmd::nn::Precision;
use vmd::sampler::{RemaskRule, RevealRule, SamplerConfig, ValueRule};

pub(crate) use data::{DataCommand, DataRecordsArgs, DataSudokuArgs};
pub(crate) use text::{EvaluateTextArgs, NGRAM_ORDER, SampleArgs};

use crate::config::{Given, default_completions, default_contexts};

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
    /// Let a model solve Sudoku puzzles and count how many it gets right.
    EvaluateSudoku(EvaluateSudokuArgs),
    /// Compute a model's exact accuracy and KL on a synthetic set.
    EvaluateSynthetic(EvaluateSyntheticArgs),
    /// Bound the likelihood of held-out text, and judge what a model of text, lines or a table writes.
    EvaluateText(EvaluateTextArgs),
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
    /// Remask rule: none, or predict-remask with top-prob, margin or entropy [default: none].
    #[arg(long)]
    pub(crate) remask: Option<RemaskRule>,
    /// Attempts at every sequence until one keeps the rules of its data; all count as evaluations.
    #[arg(long, default_value_t = 1)]
    pub(crate) best_of: usize,
    /// Loops of the network in every evaluation, which takes as much longer [default: the model's own].
    #[arg(long)]
    pub(crate) loops: Option<usize>,
}

impl SamplerArgs {
    /// A sampler with these settings; steps, reveal and value rule are the defaults.
    pub(crate) fn config(&self) -> SamplerConfig {
        SamplerConfig {
            remask: self.remask.unwrap_or_default(),
            best_of: self.best_of,
            ..SamplerConfig::default()
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
pub(crate) struct EvaluateSudokuArgs {
    /// Model folder, or `shipped` [default: the newest finished Sudoku run, or else the model that comes with the program].
    #[arg(long, value_name = "DIR")]
    pub(crate) model: Option<PathBuf>,
    /// Puzzle file: CSV, .sdm or one puzzle a line [default: 500 puzzles that come with the program].
    #[arg(long, value_name = "FILE")]
    pub(crate) puzzles: Option<PathBuf>,
    /// Only the first N puzzles.
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// Folder of a second model, whose figures stand beside the first one's.
    #[arg(long, value_name = "DIR")]
    pub(crate) baseline: Option<PathBuf>,
    /// SVG file for a plot of the shares against network evaluations.
    #[arg(long, value_name = "FILE")]
    pub(crate) plot: Option<PathBuf>,
    /// Instead of puzzles: how many of N grids that are drawn from nothing keep the rules.
    #[arg(long, value_name = "N", conflicts_with_all = ["puzzles", "limit"])]
    pub(crate) unconditional: Option<usize>,
    /// Reveal rules: ancestral, random-k, top-prob, margin, entropy, threshold(0.9),
    /// entropy-bound(0.5), independent-set.
    #[arg(long, value_delimiter = ',', default_value = "margin,top-prob")]
    pub(crate) reveal: Vec<RevealRule>,
    /// Network evaluations per puzzle.
    #[arg(long, value_delimiter = ',', default_value = "5,10,20")]
    pub(crate) nfe: Vec<usize>,
    /// Search with this threshold instead of a reveal rule: values that are at least as probable are taken together, and what
    /// breaks a rule of Sudoku is taken back. --nfe limits the evaluations.
    #[arg(long, value_name = "THRESHOLD", conflicts_with_all = ["reveal", "remask", "best_of"])]
    pub(crate) search: Option<f64>,
    /// Value rule: argmax, categorical, categorical(0.8,0.95) with temperature and top-p [default: argmax, unconditional:
    /// categorical].
    #[arg(long)]
    pub(crate) value: Option<ValueRule>,
    #[command(flatten)]
    pub(crate) sampler: SamplerArgs,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Args)]
pub(crate) struct EvaluateSyntheticArgs {
    /// Model folder [default: the newest finished run on a synthetic set].
    #[arg(long, value_name = "DIR")]
    pub(crate) model: Option<PathBuf>,
    /// Synthetic set [default: the one the model was trained on].
    #[arg(long)]
    pub(crate) set: Option<String>,
    /// Reveal rules; figures of ancestral and random-k can be exact, others come from samples.
    #[arg(long, value_delimiter = ',', default_value = "ancestral")]
    pub(crate) reveal: Vec<RevealRule>,
    /// Steps of the sampler.
    #[arg(long, value_delimiter = ',', default_value = "1,2,4")]
    pub(crate) nfe: Vec<usize>,
    /// Samples that are counted beside what is exact: how many different sequences they reach, and their entropy.
    #[arg(long, value_name = "N")]
    pub(crate) samples: Option<usize>,
    /// Also bounds of -log p(x0) on sequences of the set, from one and from K draws of the posterior; for `ancestral` only.
    #[arg(long, value_name = "K")]
    pub(crate) iwae: Option<usize>,
    /// Give a random half of the tokens of sequences of the set and measure the completions too.
    #[arg(long, value_name = "SHARE")]
    pub(crate) given: Option<Given>,
    /// Sequences of which clues are given.
    #[arg(long, value_name = "N", default_value_t = default_contexts(), requires = "given")]
    pub(crate) contexts: usize,
    /// Completions of each of them.
    #[arg(long, value_name = "N", default_value_t = default_completions(), requires = "given")]
    pub(crate) completions: usize,
    #[command(flatten)]
    pub(crate) sampler: SamplerArgs,
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
    /// entropy-bound(0.5), independent-set.
    #[arg(long, default_value = "entropy")]
    pub(crate) reveal: RevealRule,
    /// Search with this threshold instead of a reveal rule: values that are at least as probable are taken together, and what
    /// breaks a rule of Sudoku is taken back. --nfe limits the evaluations.
    #[arg(long, value_name = "THRESHOLD", conflicts_with_all = ["reveal", "remask", "best_of"])]
    pub(crate) search: Option<f64>,
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
    /// entropy-bound(0.5), independent-set [default: margin, where there is no search].
    #[arg(long)]
    pub(crate) reveal: Option<RevealRule>,
    /// Search with this threshold: values that are at least as probable are taken together, and what breaks a rule is taken
    /// back [default: 0.7, unless there is a --reveal, --remask or --best-of].
    #[arg(long, value_name = "THRESHOLD", conflicts_with_all = ["reveal", "remask", "best_of"])]
    pub(crate) search: Option<f64>,
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
