//! Arguments of every command that samples.

use clap::Args;
use vmd::sampler::{Method, RemaskRule, RevealRule, SamplerConfig, SearchConfig, ValueRule};

use crate::failure::usage;

/// Options for sampling sequences. Commands that compare samplers accept several reveal rules and
/// numbers of evaluations; commands set their own defaults with `mut_arg`.
#[derive(Debug, Args)]
pub(crate) struct SamplerArgs {
    /// Reveal rule: ancestral, random-k, top-prob, margin, entropy, threshold(0.9),
    /// entropy-bound(0.5), independent-set. `solve` uses a search if it is absent.
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    pub(crate) reveal: Vec<RevealRule>,
    /// Network evaluations per sequence; per block for a model that generates block by block.
    #[arg(long, visible_alias = "nfe-per-block", value_name = "N", value_delimiter = ',')]
    pub(crate) nfe: Vec<usize>,
    /// Value rule: argmax, categorical, or categorical(0.8,0.95) with temperature and top-p.
    #[arg(long, value_name = "RULE")]
    value: Option<ValueRule>,
    /// Temperature of the values, instead of --value.
    #[arg(long, value_name = "T", conflicts_with = "value")]
    temperature: Option<f64>,
    /// Top-p of the values, instead of --value: the share of probability mass that is sampled from.
    #[arg(long, value_name = "P", conflicts_with = "value")]
    top_p: Option<f64>,
    /// Search with this threshold instead of a reveal rule, for data with rules: values with at
    /// least this probability are set together, and values that break a rule are taken back. --nfe
    /// limits the evaluations.
    #[arg(long, value_name = "THRESHOLD", conflicts_with_all = ["reveal", "remask", "best_of"])]
    pub(crate) search: Option<f64>,
    /// Remask rule: none, or predict-remask with top-prob, margin or entropy [default: none].
    #[arg(long, value_name = "RULE")]
    pub(crate) remask: Option<RemaskRule>,
    /// Attempts per sequence until one satisfies the rules of its data; all of them count as
    /// evaluations.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) best_of: usize,
    /// Loops of the network in every evaluation; the time is proportional [default: that of the
    /// model].
    #[arg(long, value_name = "N")]
    pub(crate) loops: Option<usize>,
}

impl SamplerArgs {
    /// Every reveal rule with every number of evaluations; `value` is the default value rule.
    pub(crate) fn all(&self, value: ValueRule) -> anyhow::Result<Vec<SamplerConfig>> {
        if self.nfe.contains(&0) {
            return Err(usage("--nfe must be 1 or more"));
        }
        // Empty if a command chooses the rule itself.
        let reveal = if self.reveal.is_empty() { &[RevealRule::default()][..] } else { &self.reveal };
        let rest = SamplerConfig { value: self.value().unwrap_or(value), ..self.rest() };
        Ok(vmd::tasks::samplers(reveal, &self.nfe, &rest))
    }

    /// The configuration; an error if several are given.
    pub(crate) fn one(&self, value: ValueRule) -> anyhow::Result<SamplerConfig> {
        let counts = [("--reveal", self.reveal.len()), ("--nfe", self.nfe.len())];
        if let Some((flag, _)) = counts.into_iter().find(|(_, count)| *count > 1) {
            return Err(usage(format!("this command accepts only one {flag}")));
        }
        let mut all = self.all(value)?;
        Ok(all.pop().expect("a reveal rule and a number of evaluations have defaults"))
    }

    /// The sampler or search; an error if several are given.
    pub(crate) fn one_method(&self, value: ValueRule) -> anyhow::Result<Method> {
        let config = self.one(value)?;
        Ok(match self.search {
            Some(threshold) => SearchConfig { threshold, nfe: config.nfe, value: config.value }.into(),
            None => config.into(),
        })
    }

    /// Settings of samplers other than reveal rule, value rule and evaluations.
    pub(crate) fn rest(&self) -> SamplerConfig {
        SamplerConfig { remask: self.remask.unwrap_or_default(), best_of: self.best_of, ..Default::default() }
    }

    /// The value rule, if one is given.
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
