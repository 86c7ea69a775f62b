//! Arguments of every command that samples.

use clap::{Args, ValueEnum};
use vmd::model::{LatentRule, RemaskRule, RevealRule, SamplerConfig, ValueRule};
use vmd::process::TimeGrid;

use crate::failure::usage;

/// How sequences are sampled. Commands that compare samplers take several reveal rules, evaluations and latent rules; commands set
/// their own defaults with `mut_arg`.
#[derive(Debug, Args)]
pub(crate) struct SamplerArgs {
    /// Reveal rule: ancestral, random-k, top-prob, margin, entropy, threshold(0.9), entropy-bound(0.5), independent-set,
    /// first-hitting. Without it `solve` searches: threshold, with guesses that are taken back.
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    pub(crate) reveal: Vec<RevealRule>,
    /// Network evaluations per sequence; per block for a model that writes block by block.
    #[arg(long, visible_alias = "nfe-per-block", value_name = "N", value_delimiter = ',')]
    pub(crate) nfe: Vec<usize>,
    /// Value rule: argmax, categorical, or categorical(0.8,0.95) with temperature and top-p.
    #[arg(long, value_name = "RULE")]
    value: Option<ValueRule>,
    /// Temperature of the values, in place of --value.
    #[arg(long, value_name = "T", conflicts_with = "value")]
    temperature: Option<f64>,
    /// Share of the likeliest values that are drawn from, in place of --value.
    #[arg(long, value_name = "P", conflicts_with = "value")]
    top_p: Option<f64>,
    /// Remask rule: none; cap(0.1), rescale(0.1) or confidence with ancestral; predict-remask with top-prob, margin or
    /// entropy; on Sudoku backtrack, a search of at most --nfe evaluations, with threshold.
    /// [default: none; backtrack where `solve` is given no --reveal]
    #[arg(long, value_name = "RULE")]
    pub(crate) remask: Option<RemaskRule>,
    /// Latent rule: prior (as often as the model's scope says), prior-once, prior-each-step, reinfer.
    #[arg(long, value_name = "RULE", value_delimiter = ',', default_value = "prior")]
    latent_rule: Vec<LatentRule>,
    /// Temperature of Gumbel noise on the scores of top-prob, margin, entropy or independent-set; it falls to 0 over the
    /// steps.
    #[arg(long, value_name = "T", default_value_t = 0.0)]
    reveal_noise: f64,
    /// How the steps share out time, or tokens: uniform, or cosine (short steps first).
    #[arg(long, value_enum, default_value_t = Grid::Uniform)]
    grid: Grid,
    /// Attempts at every sequence until one keeps the rules of its data; all count as evaluations.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) best_of: usize,
    /// Loops of the network in every evaluation, which takes as much longer [default: the model's own].
    #[arg(long, value_name = "N")]
    pub(crate) loops: Option<usize>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Grid {
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
    /// Every reveal rule with every number of evaluations and every latent rule; `value` is the value rule unless one was given.
    pub(crate) fn all(&self, value: ValueRule) -> anyhow::Result<Vec<SamplerConfig>> {
        if self.nfe.contains(&0) {
            return Err(usage("--nfe must be 1 or more"));
        }
        // Empty where a command chooses the rule itself.
        let reveal = if self.reveal.is_empty() { &[RevealRule::default()][..] } else { &self.reveal };
        let with = |&latent: &LatentRule| {
            let rest = SamplerConfig { latent, value: self.value().unwrap_or(value), ..self.rest() };
            vmd::run::samplers(reveal, &self.nfe, &rest)
        };
        Ok(self.latent_rule.iter().flat_map(with).collect())
    }

    /// The same with one latent rule.
    pub(crate) fn all_of_one_latent_rule(&self, value: ValueRule) -> anyhow::Result<Vec<SamplerConfig>> {
        match self.latent_rule.len() {
            1 => self.all(value),
            _ => Err(usage("this command takes one --latent-rule")),
        }
    }

    /// The only one of them.
    pub(crate) fn one(&self, value: ValueRule) -> anyhow::Result<SamplerConfig> {
        let counts = [
            ("--reveal", self.reveal.len()),
            ("--nfe", self.nfe.len()),
            ("--latent-rule", self.latent_rule.len()),
        ];
        if let Some((flag, _)) = counts.into_iter().find(|(_, count)| *count > 1) {
            return Err(usage(format!("this command takes one {flag}")));
        }
        let mut all = self.all(value)?;
        Ok(all.pop().expect("a reveal rule, a number of evaluations and a latent rule have defaults"))
    }

    fn rest(&self) -> SamplerConfig {
        SamplerConfig {
            remask: self.remask.unwrap_or_default(),
            reveal_noise: self.reveal_noise,
            best_of: self.best_of,
            grid: self.grid.into(),
            ..Default::default()
        }
    }

    /// The value rule, if one was given.
    fn value(&self) -> Option<ValueRule> {
        match (self.temperature, self.top_p) {
            (None, None) => self.value,
            (temperature, top_p) => Some(ValueRule::Categorical {
                temperature: temperature.unwrap_or(1.0),
                top_p: top_p.unwrap_or(1.0),
            }),
        }
    }
}
