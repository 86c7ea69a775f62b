//! What can be typed to measure a model.

use std::path::PathBuf;

use clap::Args;
use vmd::tasks::Given;

use super::{Common, SamplerArgs};

/// Options of all tasks; those of another task than the model's are refused.
#[derive(Debug, Args)]
pub(crate) struct EvaluateArgs {
    /// Model folder, or `shipped` for the Sudoku model that comes with the program [default: the newest finished run].
    #[arg(long, value_name = "DIR")]
    pub(crate) model: Option<PathBuf>,
    /// Folder of a second model, whose figures stand beside the first one's.
    #[arg(long, value_name = "DIR")]
    pub(crate) baseline: Option<PathBuf>,
    /// SVG file for a plot of shares against network evaluations.
    #[arg(long, value_name = "FILE")]
    pub(crate) plot: Option<PathBuf>,
    /// Samples: those of a synthetic set beside exact figures, unconditional grids beside puzzles, texts, lines or rows.
    #[arg(long, value_name = "N")]
    pub(crate) samples: Option<usize>,
    /// Also bounds from K draws of the posterior. For synthetic sets (with `ancestral` only), text, lines, molecules and tables.
    #[arg(long, value_name = "K")]
    pub(crate) iwae: Option<usize>,

    /// Puzzle file: CSV, .sdm or one puzzle a line [default: 500 puzzles that come with the program].
    #[arg(long, value_name = "FILE", help_heading = "Sudoku")]
    pub(crate) puzzles: Option<PathBuf>,
    /// Only the first N puzzles.
    #[arg(long, value_name = "N", help_heading = "Sudoku")]
    pub(crate) limit: Option<usize>,
    /// Instead of puzzles: how many of N unconditional grids keep the rules.
    #[arg(long, value_name = "N", conflicts_with_all = ["puzzles", "limit"], help_heading = "Sudoku")]
    pub(crate) unconditional: Option<usize>,

    /// Synthetic set [default: the one that the model was trained on].
    #[arg(long, help_heading = "Synthetic sets")]
    pub(crate) set: Option<String>,
    /// Give a random half of the tokens of sequences of the set and measure the completions too.
    #[arg(long, value_name = "SHARE", help_heading = "Synthetic sets")]
    pub(crate) given: Option<Given>,
    /// Sequences of which clues are given [default: 200].
    #[arg(long, value_name = "N", requires = "given", help_heading = "Synthetic sets")]
    pub(crate) contexts: Option<usize>,
    /// Completions of each of them [default: 100].
    #[arg(long, value_name = "N", requires = "given", help_heading = "Synthetic sets")]
    pub(crate) completions: Option<usize>,

    /// Use the test part of the data, not the validation part.
    #[arg(long, help_heading = "Text, lines, molecules and tables")]
    pub(crate) test: bool,
    /// Held-out sequences for the bounds [default: all of the part].
    #[arg(long, value_name = "N", help_heading = "Text, lines, molecules and tables")]
    pub(crate) texts: Option<usize>,
    /// Tokens of each sample [default: as many as in training].
    #[arg(long, value_name = "N", help_heading = "Text, lines, molecules and tables")]
    pub(crate) length: Option<usize>,

    /// Folder of a second model of the same tokens that judges what the first one writes, such as an autoregressive one.
    #[arg(long, value_name = "DIR", help_heading = "Text")]
    pub(crate) judge: Option<PathBuf>,
    /// Also fill in the middle N tokens of as many held-out texts as are written.
    #[arg(long, value_name = "N", help_heading = "Text")]
    pub(crate) span: Option<usize>,
    /// Attempts at each of them, of which the one is kept that the model finds likeliest as a whole [default: 1].
    #[arg(long, value_name = "K", help_heading = "Text")]
    pub(crate) candidates: Option<usize>,
    /// Order of the n-gram judge, which learns from the training part [default: 7].
    #[arg(long, value_name = "N", help_heading = "Text")]
    pub(crate) order: Option<usize>,

    #[command(flatten)]
    pub(crate) sampler: SamplerArgs,
    #[command(flatten)]
    pub(crate) common: Common,
}
