//! Arguments of the commands that evaluate a model.

use std::path::PathBuf;

use clap::Args;
use vmd::tasks::Given;

use super::{Common, SamplerArgs};

const REVEAL: &str = "Reveal rules: ancestral, random-k, top-prob, margin, entropy, threshold(0.9), entropy-bound(0.5), \
                      independent-set [default: margin,top-prob for Sudoku, else ancestral]";
const NFE: &str = "Network evaluations per sequence; per block for a model that writes block by block [default: 5,10,20 \
                   for Sudoku, else 1,2,4]";

/// Options of all tasks; options that the model's task does not have are refused.
#[derive(Debug, Args)]
#[command(mut_arg("reveal", |arg| arg.help(REVEAL)), mut_arg("nfe", |arg| arg.help(NFE)))]
pub(crate) struct EvaluateArgs {
    /// Model folder, or `shipped` for the Sudoku model that comes with the program [default: the
    /// newest finished run].
    #[arg(long, value_name = "DIR")]
    pub(crate) model: Option<PathBuf>,
    /// Folder of a second model, whose figures are printed beside those of the first one.
    #[arg(long, value_name = "DIR")]
    pub(crate) baseline: Option<PathBuf>,
    /// SVG file for a plot of shares against network evaluations.
    #[arg(long, value_name = "FILE")]
    pub(crate) plot: Option<PathBuf>,
    /// Number of unconditional samples to measure, for a synthetic set or Sudoku in addition to the
    /// default figures [default: 64 texts, lines or rows].
    #[arg(long, value_name = "N")]
    pub(crate) samples: Option<usize>,
    /// Also estimate bounds from K draws of the posterior. For synthetic sets (with `ancestral`
    /// only), text, lines, molecules and tables.
    #[arg(long, value_name = "K")]
    pub(crate) iwae: Option<usize>,

    /// Puzzle file: CSV, .sdm or one puzzle per line [default: 500 puzzles that come with the
    /// program].
    #[arg(long, value_name = "FILE", help_heading = "Sudoku")]
    pub(crate) puzzles: Option<PathBuf>,
    /// Only the first N puzzles.
    #[arg(long, value_name = "N", help_heading = "Sudoku")]
    pub(crate) limit: Option<usize>,
    /// Generate N unconditional grids instead of solving puzzles, and count the valid ones.
    #[arg(long, value_name = "N", conflicts_with_all = ["puzzles", "limit"], help_heading = "Sudoku")]
    pub(crate) unconditional: Option<usize>,

    /// Synthetic set [default: the set that the model was trained on].
    #[arg(long, help_heading = "Synthetic sets")]
    pub(crate) set: Option<String>,
    /// Also give a random half of the tokens of sequences of the set, and measure the completions.
    #[arg(long, value_name = "SHARE", help_heading = "Synthetic sets")]
    pub(crate) given: Option<Given>,
    /// Sequences from which clues are given [default: 200].
    #[arg(long, value_name = "N", requires = "given", help_heading = "Synthetic sets")]
    pub(crate) contexts: Option<usize>,
    /// Completions per sequence [default: 100].
    #[arg(long, value_name = "N", requires = "given", help_heading = "Synthetic sets")]
    pub(crate) completions: Option<usize>,

    /// Use the test split of the data instead of the validation split.
    #[arg(long, help_heading = "Text, lines, molecules and tables")]
    pub(crate) test: bool,
    /// Held-out sequences for the bounds [default: all of the split].
    #[arg(long, value_name = "N", help_heading = "Text, lines, molecules and tables")]
    pub(crate) texts: Option<usize>,
    /// Length of each sample in tokens [default: as many as in training].
    #[arg(long, value_name = "N", help_heading = "Text, lines, molecules and tables")]
    pub(crate) length: Option<usize>,

    /// Folder of a second model with the same tokens that judges the generated text, such as an
    /// autoregressive model.
    #[arg(long, value_name = "DIR", help_heading = "Text")]
    pub(crate) judge: Option<PathBuf>,
    /// Also fill the middle N tokens of as many held-out texts as there are samples.
    #[arg(long, value_name = "N", help_heading = "Text")]
    pub(crate) span: Option<usize>,
    /// Attempts per gap; the one with the highest likelihood under the model is kept [default: 1].
    #[arg(long, value_name = "K", help_heading = "Text")]
    pub(crate) candidates: Option<usize>,
    /// Order of the n-gram judge, which is fitted to the training split [default: 7].
    #[arg(long, value_name = "N", help_heading = "Text")]
    pub(crate) order: Option<usize>,

    #[command(flatten)]
    pub(crate) sampler: SamplerArgs,
    #[command(flatten)]
    pub(crate) common: Common,
}
