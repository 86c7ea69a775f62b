//! Arguments of commands about texts.

use std::path::PathBuf;

use clap::Args;

use super::{Common, SamplerArgs};

/// Order of the n-gram judge.
pub(crate) const NGRAM_ORDER: usize = 7;

#[derive(Debug, Args)]
#[command(mut_arg("reveal", |arg| arg.default_value("ancestral")))]
#[command(mut_arg("nfe", |arg| arg.default_value("1,2,4")))]
pub(crate) struct EvaluateTextArgs {
    /// Model folder [default: the newest finished run on text, lines or a table].
    #[arg(long, value_name = "DIR")]
    pub(crate) model: Option<PathBuf>,
    /// Folder of a second model of the same tokens that judges what the first one writes, such as an autoregressive one.
    #[arg(long, value_name = "DIR")]
    pub(crate) judge: Option<PathBuf>,
    /// Use the test part of the data, not the validation part.
    #[arg(long)]
    pub(crate) test: bool,
    /// Held-out sequences for the bounds [default: all of the part].
    #[arg(long, value_name = "N")]
    pub(crate) texts: Option<usize>,
    /// Texts, lines or rows to write with each sampler.
    #[arg(long, value_name = "N", default_value_t = 64)]
    pub(crate) samples: usize,
    /// Tokens of each of them [default: as many as in training].
    #[arg(long, value_name = "N")]
    pub(crate) length: Option<usize>,
    /// Also fill in the middle N tokens of as many held-out texts; 0 for none.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) span: usize,
    /// Attempts at each of them, of which the one is kept that the model finds likeliest as a whole.
    #[arg(long, value_name = "K", default_value_t = 1)]
    pub(crate) candidates: usize,
    /// Also bounds from K draws of the posterior.
    #[arg(long, value_name = "K")]
    pub(crate) iwae: Option<usize>,
    /// Order of the n-gram judge, which learns from the training part.
    #[arg(long, value_name = "N", default_value_t = NGRAM_ORDER)]
    pub(crate) order: usize,
    #[command(flatten)]
    pub(crate) sampler: SamplerArgs,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Args)]
#[command(mut_arg("reveal", |arg| arg.default_value("ancestral")))]
#[command(mut_arg("nfe", |arg| arg.default_value("4")))]
pub(crate) struct SampleArgs {
    /// Model folder [default: the newest finished run].
    #[arg(long, value_name = "DIR")]
    pub(crate) model: Option<PathBuf>,
    /// Number of sequences.
    #[arg(long, default_value_t = 8)]
    pub(crate) count: usize,
    /// Text to begin with, or to fill in where it has ▁ (one for each token): "to be ▁▁▁▁ not to be". For models of text.
    #[arg(long, value_name = "TEXT")]
    pub(crate) prompt: Option<String>,
    /// Tokens of a text [default: those of the prompt if it has a ▁, else as many as a sequence has in training, and as many more
    /// after a prompt that is no shorter].
    #[arg(long, value_name = "N")]
    pub(crate) length: Option<usize>,
    /// Attempts at every text, of which the one is kept that the model finds likeliest as a whole: so a model that writes from left
    /// to right heeds what follows a gap. All of them count as evaluations.
    #[arg(long, value_name = "K", default_value_t = 1)]
    pub(crate) candidates: usize,
    #[command(flatten)]
    pub(crate) sampler: SamplerArgs,
    #[command(flatten)]
    pub(crate) common: Common,
}
