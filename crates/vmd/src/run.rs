//! The configuration of a run: TOML, strict, with overrides.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use toml::{Table, Value};
use vmd_core::{Problem, Validate};
use vmd_eval::InfillTask;
use vmd_graph::GraphSpec;
use vmd_model::{ModelConfig, ObjectiveConfig};
use vmd_sampler::{RemaskRule, RevealRule, SamplerConfig, ValueRule};
use vmd_train::TrainConfig;

use crate::Error;
use crate::data_config::DataConfig;

/// Everything that decides a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunConfig {
    /// Name of the run's folder.
    pub name: String,
    /// Seed of every random stream.
    #[serde(default)]
    pub seed: u64,
    /// What is learned.
    pub data: DataConfig,
    /// The model; `vocab` and `seq_len` are filled in from the data.
    pub model: ModelConfig,
    /// The bound.
    #[serde(default)]
    pub objective: ObjectiveConfig,
    /// How it is trained.
    pub train: TrainConfig,
    /// What is measured at the end.
    #[serde(default)]
    pub evaluate: EvaluateConfig,
}

/// What is measured when training is done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvaluateConfig {
    /// Reveal rules.
    #[serde(default = "default_reveal")]
    pub reveal: Vec<RevealRule>,
    /// Steps of the sampler.
    #[serde(default = "default_nfe")]
    pub nfe: Vec<usize>,
    /// Value rule.
    #[serde(default)]
    pub value: ValueRule,
    /// Remask rule.
    #[serde(default)]
    pub remask: RemaskRule,
    /// Attempts at every sequence.
    #[serde(default = "default_best_of")]
    pub best_of: usize,
    /// Samples of a synthetic set that are counted beside what is exact, or unconditional grids beside puzzles; absent where
    /// that is enough.
    #[serde(default)]
    pub samples: Option<usize>,
    /// Held-out texts, lines or rows whose bound is estimated; all of them if absent.
    #[serde(default)]
    pub texts: Option<usize>,
    /// Whether texts, lines or rows are those of the test part. Choose on the validation part, report on this one once.
    #[serde(default)]
    pub test: bool,
    /// Clues to complete beside unconditional generation, on a synthetic set.
    #[serde(default)]
    pub given: Option<Given>,
    /// Sequences of which clues are given.
    #[serde(default = "default_contexts")]
    pub contexts: usize,
    /// Completions of each of them.
    #[serde(default = "default_completions")]
    pub completions: usize,
}

/// Which tokens are clues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Given {
    /// A random half of them.
    Half,
}

impl FromStr for Given {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "half" => Ok(Self::Half),
            _ => Err(format!("`{text}` is no share of clues; use half")),
        }
    }
}

impl Given {
    /// What is completed.
    pub fn task(self, contexts: usize, completions: usize) -> InfillTask {
        match self {
            Self::Half => InfillTask { contexts, completions },
        }
    }
}

/// Contexts of an infilling task unless another number is given.
pub fn default_contexts() -> usize {
    InfillTask::default().contexts
}

/// Completions of every context unless another number is given.
pub fn default_completions() -> usize {
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
            remask: RemaskRule::default(),
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
    pub fn samplers(&self) -> Vec<SamplerConfig> {
        samplers(&self.reveal, &self.nfe, &self.rest())
    }

    /// What is completed from clues.
    pub fn infill(&self) -> Option<InfillTask> {
        self.given.map(|given| given.task(self.contexts, self.completions))
    }

    fn rest(&self) -> SamplerConfig {
        SamplerConfig { value: self.value, remask: self.remask, best_of: self.best_of, ..Default::default() }
    }
}

/// Every reveal rule with every number of steps, else as `rest`.
pub fn samplers(reveal: &[RevealRule], nfe: &[usize], rest: &SamplerConfig) -> Vec<SamplerConfig> {
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
    ///
    /// # Errors
    ///
    /// [`Error::Usage`].
    pub fn resolve(text: &str, overrides: &[String], seed: Option<u64>) -> Result<Self, Error> {
        let mut table: Table =
            text.parse().map_err(|error| Error::usage(format!("not valid TOML: {error}")))?;
        for assignment in overrides {
            set(&mut table, assignment)?;
        }
        if let Some(seed) = seed {
            let seed = i64::try_from(seed).map_err(|_| Error::usage("--seed must be below 2^63"))?;
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
            _ => Err(Error::usage(format!("the configuration has problems:\n  {}", problems.join("\n  ")))),
        }
    }

    /// The same without its latent, called `NAME-mdm`, to be compared with.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] if there is no latent, or something else needs it.
    pub fn without_latent(&self) -> Result<Self, Error> {
        if self.model.latent.is_none() {
            return Err(Error::usage(format!("{} has no latent to be trained without", self.name)));
        }
        let mut twin = self.clone();
        twin.name += "-mdm";
        twin.model.latent = None;
        twin.model.scope = Default::default();
        twin.objective.latent_free_share = 0.0;
        match twin.problems() {
            problems if problems.is_empty() => Ok(twin),
            problems => {
                let problems = problems.join("\n  ");
                Err(Error::usage(format!(
                    "{} cannot be trained without its latent:\n  {problems}",
                    self.name
                )))
            }
        }
    }

    /// The resolved configuration as TOML.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("a configuration serialises")
    }

    fn problems(&self) -> Vec<String> {
        let mut problems: Vec<String> =
            self.model.problems_under("model", ()).iter().map(Problem::to_string).collect();
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
        let graph = self.model.graph.is_some();
        let mut problems = Vec::new();
        for sampler in samplers(&self.evaluate.reveal, &[1], &self.evaluate.rest()) {
            for problem in sampler.problems_on(graph) {
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
fn set(table: &mut Table, assignment: &str) -> Result<(), Error> {
    let (path, text) = assignment.split_once('=').ok_or_else(|| {
        Error::usage(format!("--set {assignment}: write it as KEY=VALUE, such as train.steps=2000"))
    })?;
    let value = format!("value = {text}")
        .parse::<Table>()
        .ok()
        .and_then(|mut table| table.remove("value"))
        .unwrap_or_else(|| Value::String(text.into()));
    let mut keys: Vec<&str> = path.trim().split('.').collect();
    let last = keys.pop().filter(|key| !key.is_empty()).ok_or_else(|| Error::usage("--set needs a key"))?;
    let mut table = table;
    for key in keys {
        let entry = table.entry(key).or_insert_with(|| Value::Table(Table::new()));
        table = entry
            .as_table_mut()
            .ok_or_else(|| Error::usage(format!("--set {assignment}: `{key}` is a value, not a table")))?;
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
