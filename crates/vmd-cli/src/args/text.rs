//! Arguments of commands about texts.

use std::path::PathBuf;

use clap::Args;

use super::{Common, SamplerArgs};

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
