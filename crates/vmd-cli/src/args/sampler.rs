//! Arguments of every command that samples.

use clap::Args;
use vmd::sampler::{Method, RemaskRule, RevealRule, SamplerConfig, SearchConfig, ValueRule};

use crate::failure::usage;

/// How sequences are sampled. Commands that compare samplers take several reveal rules and evaluations; commands set
/// their own defaults with `mut_arg`.
#[derive(Debug, Args)]
pub(crate) struct SamplerArgs {
    /// Reveal rule: ancestral, random-k, top-prob, margin, entropy, threshold(0.9), entropy-bound(0.5), independent-set.
    /// Without it `solve` searches.
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
    /// Search with this threshold instead of a reveal rule, on data with rules: values that are at least as probable are taken
    /// together, and what breaks a rule is taken back. --nfe limits the evaluations.
    #[arg(long, value_name = "THRESHOLD", conflicts_with_all = ["reveal", "remask", "best_of"])]
    pub(crate) search: Option<f64>,
    /// Remask rule: none, or predict-remask with top-prob, margin or entropy [default: none].
    #[arg(long, value_name = "RULE")]
    pub(crate) remask: Option<RemaskRule>,
    /// Attempts at every sequence until one keeps the rules of its data; all count as evaluations.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) best_of: usize,
    /// Loops of the network in every evaluation, which takes as much longer [default: the model's own].
    #[arg(long, value_name = "N")]
    pub(crate) loops: Option<usize>,
}

impl SamplerArgs {
    /// Every reveal rule with every number of evaluations; `value` is the value rule unless one was given.
    pub(crate) fn all(&self, value: ValueRule) -> anyhow::Result<Vec<SamplerConfig>> {
        if self.nfe.contains(&0) {
            return Err(usage("--nfe must be 1 or more"));
        }
        // Empty where a command chooses the rule itself.
        let reveal = if self.reveal.is_empty() { &[RevealRule::default()][..] } else { &self.reveal };
        let rest = SamplerConfig { value: self.value().unwrap_or(value), ..self.rest() };
        Ok(vmd::tasks::samplers(reveal, &self.nfe, &rest))
    }

    /// The only one of them.
    pub(crate) fn one(&self, value: ValueRule) -> anyhow::Result<SamplerConfig> {
        let counts = [("--reveal", self.reveal.len()), ("--nfe", self.nfe.len())];
        if let Some((flag, _)) = counts.into_iter().find(|(_, count)| *count > 1) {
            return Err(usage(format!("this command takes one {flag}")));
        }
        let mut all = self.all(value)?;
        Ok(all.pop().expect("a reveal rule and a number of evaluations have defaults"))
    }

    /// The only one of them.
    pub(crate) fn one_method(&self, value: ValueRule) -> anyhow::Result<Method> {
        let config = self.one(value)?;
        Ok(match self.search {
            Some(threshold) => SearchConfig { threshold, nfe: config.nfe, value: config.value }.into(),
            None => config.into(),
        })
    }

    /// What samplers have beside reveal rule, value rule and evaluations.
    pub(crate) fn rest(&self) -> SamplerConfig {
        SamplerConfig { remask: self.remask.unwrap_or_default(), best_of: self.best_of, ..Default::default() }
    }

    /// The value rule, if one was given.
    pub(crate) fn value(&self) -> Option<ValueRule> {
        match (self.temperature, self.top_p) {
            (None, None) => self.value,
            (temperature, top_p) => Some(ValueRule::Categorical {
                temperature: temperature.unwrap_or(1.0),
                top_p: top_p.unwrap_or(1.0),
            }),
        }
    }
}
