//! Configurations of runs: strict TOML with overrides.

use serde::{Deserialize, Serialize};
use toml::{Table, Value};
use vmd_core::{Problem, Validate};
use vmd_graph::GraphSpec;
use vmd_model::{ModelConfig, ObjectiveConfig};
use vmd_tasks::{EvaluateConfig, Sizes, Task, TaskConfig};
use vmd_train::TrainConfig;

use crate::Error;

/// The complete configuration of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunConfig {
    /// Name of the run's folder.
    pub name: String,
    /// Seed of all random streams.
    #[serde(default)]
    pub seed: u64,
    /// The data.
    pub data: TaskConfig,
    /// The model; `vocab` and `seq_len` are filled in from the data.
    pub model: ModelConfig,
    /// The objective.
    #[serde(default)]
    pub objective: ObjectiveConfig,
    /// Training settings.
    pub train: TrainConfig,
    /// Evaluation at the end of the run.
    #[serde(default)]
    pub evaluate: EvaluateConfig,
}

impl RunConfig {
    /// Parses `text`, applies `overrides` (`a.b=value`) and `seed`, opens the data, and validates
    /// the configuration.
    ///
    /// A configuration without `[model]` or `[train]`, or with `recipe = true`, is merged over the
    /// recipe of its data.
    ///
    /// All problems are reported together, each with the path of its key. The data are opened once,
    /// after everything that does not depend on them has been validated.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] with all problems, or an error of the data.
    pub fn resolve(
        text: &str,
        overrides: &[String],
        seed: Option<u64>,
    ) -> Result<(Self, Box<dyn Task>), Error> {
        let (mut table, wants_recipe) = with_overrides(text, overrides, seed)?;
        if let Some(data) = data_of(&table).filter(|_| wants_recipe) {
            let task = data.open()?;
            let table = task.recipe().under(table);
            let sizes = task.sizes();
            return Ok((Self::parse(table, |config| config.problems(Some(sizes)))?, task));
        }
        let known = data_of(&table).as_ref().and_then(TaskConfig::known_sizes);
        let mut checked = table.clone();
        // Placeholder sizes; nothing that depends on them is validated here.
        fill_in_sizes(&mut checked, known.unwrap_or(Sizes { vocab: 1, seq_len: 1, examples: None }));
        let config = Self::parse(checked, |config| match known {
            Some(sizes) => config.problems(Some(sizes)),
            None => config.problems_without_data(),
        })?;
        let task = config.data.open()?;
        if known.is_some() {
            return Ok((config, task));
        }
        let sizes = task.sizes();
        fill_in_sizes(&mut table, sizes);
        Ok((Self::parse(table, |config| config.problems(Some(sizes)))?, task))
    }

    /// Like [`resolve`](Self::resolve), but opens the data only if their sizes are unknown, and
    /// uses placeholder sizes if they cannot be opened.
    ///
    /// # Errors
    ///
    /// As [`resolve`](Self::resolve).
    pub fn plan(text: &str, overrides: &[String], seed: Option<u64>) -> Result<Self, Error> {
        let (mut table, wants_recipe) = with_overrides(text, overrides, seed)?;
        if wants_recipe {
            return Self::resolve(text, overrides, seed).map(|(config, _)| config);
        }
        let sizes = data_of(&table)
            .and_then(|data| data.known_sizes().or_else(|| data.open().ok().map(|task| task.sizes())));
        fill_in_sizes(&mut table, sizes.unwrap_or(Sizes { vocab: 1, seq_len: 1, examples: None }));
        Self::parse(table, |config| match sizes {
            Some(_) => config.problems(sizes),
            None => config.problems_without_data(),
        })
    }

    /// Reads the configuration of an existing run without opening its data.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] with all problems.
    pub fn read(text: &str) -> Result<Self, Error> {
        let table: Table = text.parse().map_err(|error| Error::usage(format!("not valid TOML: {error}")))?;
        Self::parse(table, |config| config.problems(None))
    }

    /// Deserialises and validates `table`.
    fn parse(mut table: Table, problems_of: impl Fn(&Self) -> Vec<Problem>) -> Result<Self, Error> {
        drop_causal(&mut table);
        let mut problems = Vec::new();
        let mut config = parse_reporting_all(table, &mut problems);
        if let Some(config) = &mut config {
            // A graph file is read once: the run and its model keep the graph that it contained at
            // the start.
            let written_out = config.model.graph.clone().map(GraphSpec::without_file).transpose();
            // An unreadable file is reported with the problems of the model.
            config.model.graph = written_out.unwrap_or_else(|_| config.model.graph.take());
            problems.extend(problems_of(config).iter().map(Problem::to_string));
        }
        match config {
            Some(config) if problems.is_empty() => Ok(config),
            _ => Err(Error::usage(format!("the configuration has problems:\n  {}", problems.join("\n  ")))),
        }
    }

    /// The same configuration without its latent, named `NAME-mdm`, for comparison.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] if there is no latent, or another setting requires it.
    pub fn without_latent(&self) -> Result<Self, Error> {
        if self.model.latent.is_none() {
            return Err(Error::usage(format!("{} has no latent to be trained without", self.name)));
        }
        let mut twin = self.clone();
        twin.name += "-mdm";
        twin.model.latent = None;
        twin.model.scope = Default::default();
        twin.objective.latent_free_share = 0.0;
        match twin.problems(None) {
            problems if problems.is_empty() => Ok(twin),
            problems => {
                let problems: Vec<String> = problems.iter().map(Problem::to_string).collect();
                Err(Error::usage(format!(
                    "{} cannot be trained without its latent:\n  {}",
                    self.name,
                    problems.join("\n  ")
                )))
            }
        }
    }

    /// The resolved configuration as TOML.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("a configuration serialises")
    }

    /// All problems; `sizes` are those of the data, if known.
    fn problems(&self, sizes: Option<Sizes>) -> Vec<Problem> {
        let mut problems = self.model.problems_under("model", ());
        problems.extend(self.problems_without_data());
        let recurrence = self.train.recurrence.iter();
        let recurrence = recurrence.filter_map(|recurrence| recurrence.problem_on(&self.model));
        problems.extend(recurrence.map(|problem| problem.under("train")));
        if let Some(Sizes { vocab, seq_len, .. }) = sizes
            && (self.model.vocab, self.model.seq_len) != (vocab, seq_len)
        {
            let message =
                format!("vocab and seq_len must be the data's own ({vocab} and {seq_len}); leave them out");
            problems.push(Problem::new("model", message));
        }
        problems
    }

    /// Problems that do not depend on the sizes of the data.
    fn problems_without_data(&self) -> Vec<Problem> {
        let mut problems = self.objective.problems_under("objective", ());
        problems.extend(self.train.problems_under("train", ()));
        problems.extend(self.evaluate_problems().into_iter().map(|problem| problem.under("evaluate")));
        let name_is_plain = !self.name.is_empty()
            && self.name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
        if !name_is_plain {
            problems.push(Problem::new("name", "it may hold only letters, digits, '-', '_' and '.'"));
        }
        problems
    }

    /// Problems of `[evaluate]`, so that they are reported before training.
    fn evaluate_problems(&self) -> Vec<Problem> {
        let evaluate = &self.evaluate;
        let counts = [("samples", evaluate.samples.unwrap_or(1)), ("texts", evaluate.texts.unwrap_or(1))];
        let mut problems: Vec<Problem> = Problem::zeros(counts).collect();
        if evaluate.nfe.is_empty() {
            problems.push(Problem::new("nfe", "it needs one entry or more, such as [1, 2, 4]"));
        }
        let blocks = self.model.blocks;
        let counts_all_blocks = matches!(self.data, TaskConfig::Synthetic(_) | TaskConfig::Sudoku(_));
        if counts_all_blocks && evaluate.nfe.iter().any(|nfe| blocks > 0 && !nfe.is_multiple_of(blocks)) {
            let message = format!("every entry must be a multiple of model.blocks = {blocks}");
            problems.push(Problem::new("nfe", message));
        }
        if evaluate.reveal.is_empty() {
            problems.push(Problem::new("reveal", "it needs one rule or more, such as [\"ancestral\"]"));
        }
        let evaluation = evaluate.evaluation(self.seed);
        let asked = evaluation.options.set();
        for option in asked.into_iter().filter(|option| !self.data.options().contains(option)) {
            let tasks = TaskConfig::tasks_with(option).join(", ");
            problems.push(Problem::new(option, format!("it is for {tasks}; leave it out")));
        }
        let graph = self.model.graph.is_some();
        let samplers = evaluation.samplers(evaluate);
        for problem in samplers.iter().flat_map(|sampler| sampler.problems_on(graph)) {
            if !problems.contains(&problem) {
                problems.push(problem);
            }
        }
        problems
    }
}

/// The configuration in `text` with `overrides` and `seed`, and whether to merge it over the recipe
/// of its data. A missing table is detected before the overrides are applied, because they may name
/// any key.
fn with_overrides(text: &str, overrides: &[String], seed: Option<u64>) -> Result<(Table, bool), Error> {
    let mut table: Table = text.parse().map_err(|error| Error::usage(format!("not valid TOML: {error}")))?;
    let is_complete = table.contains_key("model") && table.contains_key("train");
    for assignment in overrides {
        set(&mut table, assignment)?;
    }
    if let Some(seed) = seed {
        let seed = i64::try_from(seed).map_err(|_| Error::usage("--seed must be below 2^63"))?;
        table.insert("seed".into(), Value::Integer(seed));
    }
    match table.remove("recipe") {
        None => Ok((table, !is_complete)),
        Some(Value::Boolean(recipe)) => Ok((table, recipe)),
        Some(_) => Err(Error::usage("recipe: set it to true or false")),
    }
}

/// Removes `causal = true` from a model of several blocks. Earlier versions needed it; now these
/// models are always causal.
fn drop_causal(table: &mut Table) {
    let Some(Value::Table(model)) = table.get_mut("model") else { return };
    let blocks = model.get("blocks").and_then(Value::as_integer);
    if blocks.is_some_and(|blocks| blocks > 1) && model.get("causal") == Some(&Value::Boolean(true)) {
        model.remove("causal");
    }
}

/// The `[data]` table, if it can be parsed.
fn data_of(table: &Table) -> Option<TaskConfig> {
    table.get("data").cloned().and_then(|data| data.try_into().ok())
}

/// Sets `a.b = value`. The value is parsed as TOML, or else used as plain text.
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

/// Sets `model.vocab` and `model.seq_len` if they are absent.
fn fill_in_sizes(table: &mut Table, sizes: Sizes) {
    let Some(Value::Table(model)) = table.get_mut("model") else { return };
    for (key, size) in [("vocab", sizes.vocab), ("seq_len", sizes.seq_len)] {
        model.entry(key).or_insert(Value::Integer(size as i64));
    }
}

/// Deserialises `table`. Serde stops at the first problem, so each problem is recorded, its key is
/// removed, and the rest is deserialised again.
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
        // A key that was removed because of an error is not missing.
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

/// Removes the key at a dotted path; returns `false` if there is none.
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
