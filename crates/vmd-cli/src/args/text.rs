//! Arguments of `sample`.

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
    /// Text to continue, or to fill in at every ▁ (one per token): "to be ▁▁▁▁ not to be". For
    /// models of text.
    #[arg(long, value_name = "TEXT")]
    pub(crate) prompt: Option<String>,
    /// Length of a text in tokens [default: the length of the prompt if it contains ▁, else the
    /// length of a training sequence, or that many more after a prompt that is at least as long].
    #[arg(long, value_name = "N")]
    pub(crate) length: Option<usize>,
    /// Attempts per text; the one with the highest likelihood under the model is kept, so that a
    /// model that generates from left to right takes the text after a gap into account. All of them
    /// count as evaluations.
    #[arg(long, value_name = "K", default_value_t = 1)]
    pub(crate) candidates: usize,
    #[command(flatten)]
    pub(crate) sampler: SamplerArgs,
    #[command(flatten)]
    pub(crate) common: Common,
}
