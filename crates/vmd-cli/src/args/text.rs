//! What can be typed about texts.

use std::path::PathBuf;

use clap::Args;
use vmd::model::{RevealRule, ValueRule};

use super::{Common, SamplerArgs};

#[derive(Debug, Args)]
pub(crate) struct SampleArgs {
    /// Model folder [default: the newest finished run].
    #[arg(long, value_name = "DIR")]
    pub(crate) model: Option<PathBuf>,
    /// Number of sequences.
    #[arg(long, default_value_t = 8)]
    pub(crate) count: usize,
    /// Network evaluations per sequence, of a model that writes block by block per block.
    #[arg(long, visible_alias = "nfe-per-block", default_value_t = 4)]
    pub(crate) nfe: usize,
    /// Reveal rule: ancestral, random-k, top-prob, margin, entropy, threshold(0.9),
    /// entropy-bound(0.5), independent-set, first-hitting.
    #[arg(long, default_value = "ancestral")]
    pub(crate) reveal: RevealRule,
    /// Value rule: argmax, categorical, categorical(0.8,0.95) with temperature and top-p.
    #[arg(long, default_value = "categorical")]
    pub(crate) value: ValueRule,
    /// Temperature of the values, in place of --value.
    #[arg(long, conflicts_with = "value")]
    pub(crate) temperature: Option<f64>,
    /// Share of the likeliest values that are drawn from, in place of --value.
    #[arg(long, conflicts_with = "value")]
    pub(crate) top_p: Option<f64>,
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

impl SampleArgs {
    /// How values are drawn.
    pub(crate) fn value_rule(&self) -> ValueRule {
        match (self.temperature, self.top_p) {
            (None, None) => self.value,
            (temperature, top_p) => ValueRule::Categorical {
                temperature: temperature.unwrap_or(1.0),
                top_p: top_p.unwrap_or(1.0),
            },
        }
    }
}
