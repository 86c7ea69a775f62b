//! The configuration of a run: TOML, strict, with overrides.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use toml::{Table, Value};
use vmd::graph::GraphSpec;
use vmd::model::{
    LatentRule, ModelConfig, ObjectiveConfig, RemaskRule, RevealRule, SamplerConfig, ValueRule,
};
use vmd::tasks::synthetic::InfillTask;
use vmd::train::TrainConfig;

use crate::data::DataConfig;
use crate::failure::usage;

/// Everything that decides a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunConfig {
    /// Name of the run's folder.
    pub(crate) name: String,
    /// Seed of every random stream.
    #[serde(default)]
    pub(crate) seed: u64,
    /// What is learned.
    pub(crate) data: DataConfig,
    /// The model; `vocab` and `seq_len` are filled in from the data.
    pub(crate) model: ModelConfig,
    /// The bound.
    #[serde(default)]
    pub(crate) objective: ObjectiveConfig,
    /// How it is trained.
    pub(crate) train: TrainConfig,
    /// What is measured at the end.
    #[serde(default)]
    pub(crate) evaluate: EvaluateConfig,
}

/// What is measured when training is done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EvaluateConfig {
    /// Reveal rules.
    #[serde(default = "default_reveal")]
    pub(crate) reveal: Vec<RevealRule>,
    /// Steps of the sampler.
    #[serde(default = "default_nfe")]
    pub(crate) nfe: Vec<usize>,
    /// Value rule.
    #[serde(default)]
    pub(crate) value: ValueRule,
    /// Temperature of the noise on the scores of the reveal rules.
    #[serde(default)]
    pub(crate) reveal_noise: f64,
    /// Remask rule.
    #[serde(default)]
    pub(crate) remask: RemaskRule,
    /// Latent rule.
    #[serde(default)]
    pub(crate) latent: LatentRule,
    /// Attempts at every sequence.
    #[serde(default = "default_best_of")]
    pub(crate) best_of: usize,
    /// Samples of a synthetic set that are counted beside what is exact, or unconditional grids beside puzzles; absent where
    /// that is enough.
    #[serde(default)]
    pub(crate) samples: Option<usize>,
    /// Held-out texts, lines or rows whose bound is estimated; all of them if absent.
    #[serde(default)]
    pub(crate) texts: Option<usize>,
    /// Whether texts, lines or rows are those of the test part. Choose on the validation part, report on this one once.
    #[serde(default)]
    pub(crate) test: bool,
    /// Clues to complete beside unconditional generation, on a synthetic set.
    #[serde(default)]
    pub(crate) given: Option<Given>,
    /// Sequences of which clues are given.
    #[serde(default = "default_contexts")]
    pub(crate) contexts: usize,
    /// Completions of each of them.
    #[serde(default = "default_completions")]
    pub(crate) completions: usize,
}

/// Which tokens are clues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Given {
    /// A random half of them.
    Half,
}

impl Given {
    /// What is completed.
    pub(crate) fn task(self, contexts: usize, completions: usize) -> InfillTask {
        match self {
            Self::Half => InfillTask { contexts, completions },
        }
    }
}

pub(crate) fn default_contexts() -> usize {
    InfillTask::default().contexts
}

pub(crate) fn default_completions() -> usize {
    InfillTask::default().completions
}

fn default_reveal() -> Vec<RevealRule> {
    vec![RevealRule::Ancestral]
}

fn default_nfe() -> Vec<usize> {
    vec![1, 2, 4]
}

fn default_best_of() -> usize {
    1
}

impl Default for EvaluateConfig {
    fn default() -> Self {
        Self {
            reveal: default_reveal(),
            nfe: default_nfe(),
            value: ValueRule::default(),
            reveal_noise: 0.0,
            remask: RemaskRule::default(),
            latent: LatentRule::default(),
            best_of: default_best_of(),
            samples: None,
            texts: None,
            test: false,
            given: None,
            contexts: default_contexts(),
            completions: default_completions(),
        }
    }
}

impl EvaluateConfig {
    /// The samplers to measure: every reveal rule with every number of steps.
    pub(crate) fn samplers(&self) -> Vec<SamplerConfig> {
        samplers(&self.reveal, &self.nfe, &self.rest())
    }

    /// What is completed from clues.
    pub(crate) fn infill(&self) -> Option<InfillTask> {
        self.given.map(|given| given.task(self.contexts, self.completions))
    }

    fn rest(&self) -> SamplerConfig {
        SamplerConfig {
            value: self.value,
            reveal_noise: self.reveal_noise,
            remask: self.remask,
            latent: self.latent,
            best_of: self.best_of,
            ..Default::default()
        }
    }
}

/// What a search lacks where `has_rules` says whether rules can be checked before a sequence is finished.
pub(crate) fn search_problem(config: &SamplerConfig, has_rules: bool) -> Option<String> {
    (config.remask == RemaskRule::Backtrack && !has_rules).then(|| {
        "remask = backtrack asks whether a sequence breaks a rule before it is finished, and only Sudoku can tell; set it to none"
            .into()
    })
}

/// Every reveal rule with every number of steps, else as `rest`.
pub(crate) fn samplers(reveal: &[RevealRule], nfe: &[usize], rest: &SamplerConfig) -> Vec<SamplerConfig> {
    let of_rule = |&reveal: &RevealRule| {
        let config = SamplerConfig { reveal, ..rest.clone() };
        // One line is enough.
        let nfe = nfe.iter().take(if config.sets_own_pace() { 1 } else { nfe.len() });
        nfe.map(move |&nfe| SamplerConfig { nfe, ..config.clone() })
    };
    reveal.iter().flat_map(of_rule).collect()
}

impl RunConfig {
    /// Parses `text`, applies `overrides` (`a.b=value`) and `seed`, and checks everything.
    ///
    /// All problems are reported together, each with the path of its key.
    pub(crate) fn resolve(text: &str, overrides: &[String], seed: Option<u64>) -> anyhow::Result<Self> {
        let mut table: Table = text.parse().map_err(|error| usage(format!("not valid TOML: {error}")))?;
        for assignment in overrides {
            set(&mut table, assignment)?;
        }
        if let Some(seed) = seed {
            let seed = i64::try_from(seed).map_err(|_| usage("--seed must be below 2^63"))?;
            table.insert("seed".into(), Value::Integer(seed));
        }
        let mut problems = Vec::new();
        fill_in_sizes(&mut table);
        let mut config = parse_reporting_all(table, &mut problems);
        if let Some(config) = &mut config {
            // What a graph's file said at the start holds for the whole run, and for the model that comes out of it.
            let written_out = config.model.graph.clone().map(GraphSpec::without_file).transpose();
            // A file that cannot be read is among the model's problems.
            config.model.graph = written_out.unwrap_or_else(|_| config.model.graph.take());
        }
        if let Some(config) = &config {
            problems.extend(config.problems());
        }
        match config {
            Some(config) if problems.is_empty() => Ok(config),
            _ => Err(usage(format!("the configuration has problems:\n  {}", problems.join("\n  ")))),
        }
    }

    /// The resolved configuration as TOML.
    pub(crate) fn to_toml(&self) -> String {
        toml::to_string(self).expect("a configuration serialises")
    }

    fn problems(&self) -> Vec<String> {
        let mut problems: Vec<String> =
            self.model.problems().iter().map(|problem| format!("model.{problem}")).collect();
        problems.extend(self.objective.problems());
        problems.extend(self.train.problems());
        problems.extend(
            self.train.distill.iter().filter_map(|distill| distill.problem_on(&self.model, &self.objective)),
        );
        problems
            .extend(self.train.recurrence.iter().filter_map(|recurrence| recurrence.problem_on(&self.model)));
        // A run can be looked at without the file that it was trained on, training says what is wrong with it.
        if let Ok((vocab, seq_len)) = self.data.sizes()
            && (self.model.vocab, self.model.seq_len) != (vocab, seq_len)
        {
            problems.push(format!(
                "model.vocab and model.seq_len must be the data's own ({vocab} and {seq_len}); leave them out"
            ));
        }
        if self.evaluate.nfe.contains(&0) {
            problems.push("evaluate.nfe contains 0; every entry must be 1 or more".into());
        }
        if self.evaluate.samples == Some(0) {
            problems.push("evaluate.samples is 0; set it to 1 or more, or leave it out".into());
        }
        if self.evaluate.given.is_some() && !matches!(self.data, DataConfig::Synthetic { .. }) {
            problems.push("evaluate.given is for synthetic sets; leave it out".into());
        }
        if self.evaluate.contexts == 0 || self.evaluate.completions == 0 {
            problems.push("evaluate.contexts and evaluate.completions must be 1 or more".into());
        }
        if self.evaluate.texts == Some(0) {
            problems.push("evaluate.texts is 0; set it to 1 or more, or leave it out".into());
        }
        if self.evaluate.best_of > 1 && self.data.is_file() {
            problems.push("evaluate.best_of needs rules that a block could keep, and these data have none; leave it out".into());
        }
        problems.extend(self.evaluate_problems());
        let name_is_plain = !self.name.is_empty()
            && self.name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
        if !name_is_plain {
            problems.push("name may hold only letters, digits, '-', '_' and '.'".into());
        }
        problems
    }

    /// What the samplers of `[evaluate]` lack, so that it shows before training and not after it.
    fn evaluate_problems(&self) -> Vec<String> {
        let (graph, latent) = (self.model.graph.is_some(), self.model.latent.is_some());
        let mut problems = Vec::new();
        for sampler in samplers(&self.evaluate.reveal, &[1], &self.evaluate.rest()) {
            let of_search = search_problem(&sampler, self.data.is_sudoku());
            for problem in sampler.problems_on(graph, latent).into_iter().chain(of_search) {
                let problem = format!("evaluate.{problem}");
                if !problems.contains(&problem) {
                    problems.push(problem);
                }
            }
        }
        problems
    }
}

/// Sets `a.b = value`; the value is TOML, or plain text where it is not.
fn set(table: &mut Table, assignment: &str) -> anyhow::Result<()> {
    let (path, text) = assignment.split_once('=').ok_or_else(|| {
        usage(format!("--set {assignment}: write it as KEY=VALUE, such as train.steps=2000"))
    })?;
    let value = format!("value = {text}")
        .parse::<Table>()
        .ok()
        .and_then(|mut table| table.remove("value"))
        .unwrap_or_else(|| Value::String(text.into()));
    let mut keys: Vec<&str> = path.trim().split('.').collect();
    let last = keys.pop().filter(|key| !key.is_empty()).ok_or_else(|| usage("--set needs a key"))?;
    let mut table = table;
    for key in keys {
        let entry = table.entry(key).or_insert_with(|| Value::Table(Table::new()));
        table = entry
            .as_table_mut()
            .ok_or_else(|| usage(format!("--set {assignment}: `{key}` is a value, not a table")))?;
    }
    table.insert(last.into(), value);
    Ok(())
}

/// Takes `model.vocab` and `model.seq_len` from the data where they are left out. Where a file cannot be read for it, any do: the
/// rest of the configuration can be checked all the same, and nothing is trained without the file.
fn fill_in_sizes(table: &mut Table) {
    let data = table.get("data").cloned().and_then(|data| data.try_into::<DataConfig>().ok());
    let (Some(data), Some(Value::Table(model))) = (data, table.get_mut("model")) else { return };
    if !(model.contains_key("vocab") && model.contains_key("seq_len")) {
        let (vocab, seq_len) = data.sizes().unwrap_or_else(|_| (1, data.seq_len()));
        for (key, size) in [("vocab", vocab), ("seq_len", seq_len)] {
            model.entry(key).or_insert(Value::Integer(size as i64));
        }
    }
}

/// Deserialises `table`. Serde stops at the first problem, so each is noted, its key removed, and the rest
/// read again.
fn parse_reporting_all(mut table: Table, problems: &mut Vec<String>) -> Option<RunConfig> {
    let mut removed: Vec<String> = Vec::new();
    loop {
        let error = match serde_path_to_error::deserialize::<_, RunConfig>(table.clone()) {
            Ok(config) => return Some(config),
            Err(error) => error,
        };
        let path = error.path().to_string();
        let message = error.inner().to_string();
        let message = message.lines().next().unwrap_or_default().to_string();
        // A key that was removed because it was wrong is not missing.
        let follows_from_removal = removed.iter().any(|key| {
            message.contains(&format!("missing field `{}`", key.rsplit('.').next().unwrap_or(key)))
        });
        if !follows_from_removal {
            problems.push(format!("{path}: {message}"));
        }
        if follows_from_removal || !remove(&mut table, &path) {
            return None;
        }
        removed.push(path);
    }
}

/// Removes the key at a dotted path; `false` if there is none.
fn remove(table: &mut Table, path: &str) -> bool {
    let (parents, key) = path.rsplit_once('.').unwrap_or(("", path));
    let mut table = table;
    for parent in parents.split('.').filter(|parent| !parent.is_empty()) {
        match table.get_mut(parent) {
            Some(Value::Table(inner)) => table = inner,
            _ => return false,
        }
    }
    table.remove(key).is_some()
}
