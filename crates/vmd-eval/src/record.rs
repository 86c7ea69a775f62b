//! Figures and their provenance.

use serde::{Deserialize, Serialize};
use vmd_sampler::{Method, SamplerConfig, SearchConfig};

/// One measured figure, and one line of the `--json` output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Name of the task, such as `sudoku` or `synthetic`.
    pub task: String,
    /// Data set or puzzle file.
    pub dataset: String,
    /// Split of the data; `exact` for enumeration.
    pub split: String,
    /// Subset of the split, such as a range of clues; absent for the whole split.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub band: Option<String>,
    /// Name of the metric: `accuracy`, `kl_exact`, `solved`, `valid`, `cell_accuracy`, `mean_nfe`,
    /// `bound`, …
    pub metric: String,
    /// Value. Shares are in `0..=1`, divergences and bounds in nats per sequence.
    pub value: f64,
    /// 95 % interval. Both ends are equal for exact values; they are bounds if rare cases were left
    /// out.
    pub ci95: [f64; 2],
    /// Number of samples; 0 for exact values.
    pub n: usize,
    /// Unit of the value; omitted from JSON for plain numbers.
    #[serde(default, skip_serializing_if = "Unit::is_plain")]
    pub unit: Unit,
    /// Steps of the sampler; absent if it determines them itself.
    pub nfe: Option<usize>,
    /// Reveal rule, or `search(THRESHOLD)`.
    pub reveal: String,
    /// Value rule.
    pub value_rule: String,
    /// Remask rule.
    pub remask: String,
    /// Maximum attempts per sample.
    pub best_of: usize,
    /// Whether the model has a latent.
    #[serde(default)]
    pub has_latent: bool,
    /// Posterior draws per sequence for its bound; absent for other figures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latent_draws: Option<usize>,
    /// Loops of the network's trunk, if they differ from the model's own number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loops: Option<usize>,
    /// Model folder or preset.
    pub model: String,
    /// Seed of the sampler.
    pub seed: u64,
    /// Revision of the code.
    pub revision: String,
    /// SHA-256 of the model's configuration.
    pub config_sha256: String,
}

/// Provenance of a set of figures: the fields of [`Record`] that they share.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Provenance {
    /// See [`Record::task`].
    pub task: String,
    /// See [`Record::dataset`].
    pub dataset: String,
    /// See [`Record::split`].
    pub split: String,
    /// See [`Record::loops`].
    pub loops: Option<usize>,
    /// See [`Record::model`].
    pub model: String,
    /// See [`Record::has_latent`].
    pub has_latent: bool,
    /// See [`Record::seed`].
    pub seed: u64,
    /// See [`Record::revision`].
    pub revision: String,
    /// See [`Record::config_sha256`].
    pub config_sha256: String,
}

/// Unit of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// A plain number.
    #[default]
    Plain,
    /// A share between 0 and 1.
    Share,
}

impl Unit {
    fn is_plain(&self) -> bool {
        *self == Self::Plain
    }
}

/// A value with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figure {
    /// The value.
    pub value: f64,
    /// 95 % interval.
    pub ci95: [f64; 2],
    /// Number of samples.
    pub n: usize,
    /// Unit of the value.
    pub unit: Unit,
}

impl Figure {
    /// A value without sampling error.
    pub fn exact(value: f64) -> Self {
        Self { value, ci95: [value, value], n: 0, unit: Unit::Plain }
    }

    /// The same figure with the unit [`Unit::Share`].
    #[must_use]
    pub fn share(self) -> Self {
        Self { unit: Unit::Share, ..self }
    }

    /// Applies `f` to the value and both ends of the interval, such as to convert nats to bits.
    #[must_use]
    pub fn map(self, f: impl Fn(f64) -> f64) -> Self {
        Self { value: f(self.value), ci95: self.ci95.map(f), ..self }
    }

    /// Whether the value is defined; figures of empty samples are NaN.
    pub fn is_defined(&self) -> bool {
        !self.value.is_nan()
    }
}

/// Sampler fields of a [`Record`].
#[derive(Debug, Clone, PartialEq)]
pub struct SamplerLabel {
    nfe: Option<usize>,
    reveal: String,
    value_rule: String,
    remask: String,
    best_of: usize,
}

impl From<&SamplerConfig> for SamplerLabel {
    fn from(config: &SamplerConfig) -> Self {
        Self {
            nfe: (!config.sets_own_pace()).then_some(config.nfe),
            reveal: config.reveal.to_string(),
            value_rule: config.value.to_string(),
            remask: config.remask.to_string(),
            best_of: config.best_of,
        }
    }
}

impl From<&SearchConfig> for SamplerLabel {
    fn from(config: &SearchConfig) -> Self {
        Self {
            nfe: Some(config.nfe),
            reveal: Method::from(*config).to_string(),
            value_rule: config.value.to_string(),
            remask: "none".into(),
            best_of: 1,
        }
    }
}

impl From<&Method> for SamplerLabel {
    fn from(method: &Method) -> Self {
        match method {
            Method::Steps(config) => config.into(),
            Method::Search(config) => config.into(),
        }
    }
}

impl Provenance {
    /// The record of a figure measured with `sampler`.
    pub fn record(
        &self,
        metric: &str,
        figure: Figure,
        sampler: impl Into<SamplerLabel>,
        band: Option<String>,
    ) -> Record {
        let SamplerLabel { nfe, reveal, value_rule, remask, best_of } = sampler.into();
        Record {
            task: self.task.clone(),
            dataset: self.dataset.clone(),
            split: self.split.clone(),
            band,
            metric: metric.into(),
            value: figure.value,
            ci95: figure.ci95,
            n: figure.n,
            unit: figure.unit,
            nfe,
            reveal,
            value_rule,
            remask,
            best_of,
            has_latent: self.has_latent,
            latent_draws: None,
            loops: self.loops,
            model: self.model.clone(),
            seed: self.seed,
            revision: self.revision.clone(),
            config_sha256: self.config_sha256.clone(),
        }
    }
}
