//! The definition of a study.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use vmd::train::RunFolder;

use crate::presets;
use vmd::run::RunConfig;
use vmd_cli::failure::usage;

/// Arms in the order in which they run and are listed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Study {
    #[serde(rename = "arm")]
    pub(super) arms: Vec<Arm>,
}

/// One experiment: a preset with overrides, trained once with each seed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Arm {
    /// Name of its folder.
    pub(super) name: String,
    pub(super) section: Section,
    pub(super) preset: String,
    /// Overrides, `KEY=VALUE`, in order. `{needs}` is replaced by the folder of the run that this
    /// arm needs.
    #[serde(default)]
    pub(super) set: Vec<String>,
    /// An arm whose run with the same seed must be finished first.
    #[serde(default)]
    pub(super) needs: Option<String>,
    pub(super) seeds: Vec<u64>,
    /// Number of seeds that are trained by default; absent for all.
    #[serde(default)]
    pub(super) default_seeds: Option<usize>,
    /// Label in tables and figures.
    pub(super) label: String,
    /// The arm whose row is printed below the row of this arm.
    #[serde(default)]
    pub(super) baseline: Option<String>,
}

/// A section of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Section {
    Litmus,
    Tables,
    Long,
    Ablation,
    Infilling,
    Parents,
    Graphs,
    Networks,
    Transfer,
    Curriculum,
    Text,
    Molecules,
    Json,
    Rows,
}

impl Section {
    /// All sections in the order of the report.
    pub(super) const ALL: [Self; 14] = [
        Self::Litmus,
        Self::Tables,
        Self::Long,
        Self::Ablation,
        Self::Infilling,
        Self::Parents,
        Self::Graphs,
        Self::Networks,
        Self::Transfer,
        Self::Curriculum,
        Self::Text,
        Self::Molecules,
        Self::Json,
        Self::Rows,
    ];

    /// Name in study files and in `--only`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Litmus => "litmus",
            Self::Tables => "tables",
            Self::Long => "long",
            Self::Ablation => "ablation",
            Self::Infilling => "infilling",
            Self::Parents => "parents",
            Self::Graphs => "graphs",
            Self::Networks => "networks",
            Self::Transfer => "transfer",
            Self::Curriculum => "curriculum",
            Self::Text => "text",
            Self::Molecules => "molecules",
            Self::Json => "json",
            Self::Rows => "rows",
        }
    }
}

impl Study {
    /// Parses a study; `origin` is its name in messages.
    ///
    /// All problems are reported together, including those of the arms' configurations.
    pub(super) fn parse(text: &str, origin: &str) -> anyhow::Result<Self> {
        let study: Self = toml::from_str(text).map_err(|error| usage(format!("{origin}: {error}")))?;
        match study.problems().as_slice() {
            [] => Ok(study),
            problems => Err(usage(format!("{origin} has problems:\n  {}", problems.join("\n  ")))),
        }
    }

    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for (place, arm) in self.arms.iter().enumerate() {
            let mut problem = |text: String| problems.push(format!("arm {}: {text}", arm.name));
            if self.arms[..place].iter().any(|other| other.name == arm.name) {
                problem("another arm has this name".into());
            }
            if Section::ALL.iter().any(|section| section.name() == arm.name) {
                problem("this is the name of a section".into());
            }
            let is_baseline = |name: &String| self.arms.iter().any(|other| other.name == *name);
            if let Some(name) = arm.baseline.as_ref().filter(|name| !is_baseline(name)) {
                problem(format!("the baseline `{name}` is no arm"));
            }
            // Only earlier arms, so that there are no cycles.
            let before = &self.arms[..place];
            if let Some(name) = &arm.needs {
                let trained = |arm: &Arm| arm.default_seeds.unwrap_or(arm.seeds.len());
                match before.iter().find(|other| other.name == *name) {
                    None => problem(format!("the arm `{name}`, which it needs, does not come before it")),
                    Some(other) if !other.seeds.starts_with(&arm.seeds) || trained(other) < trained(arm) => {
                        problem(format!(
                            "its seeds are not the first ones of the arm `{name}`, which it needs"
                        ));
                    }
                    Some(_) => {}
                }
            }
            let repeated = |(i, seed): (usize, &u64)| arm.seeds[..i].contains(seed);
            if arm.seeds.is_empty() || arm.seeds.iter().enumerate().any(repeated) {
                problem("seeds must be one or more different numbers".into());
            }
            if arm.default_seeds.is_some_and(|n| n == 0 || n > arm.seeds.len()) {
                problem(format!("default_seeds must lie in 1..={}", arm.seeds.len()));
            }
            for &seed in arm.seeds.iter().take(1) {
                let error = arm.resolve(seed, None).err().map(|error| error.to_string());
                // The graph file of a run that this arm needs does not exist yet.
                let absent = |error: &String| error.contains("cannot read the graph file {needs}");
                error.filter(|error| !absent(error)).into_iter().for_each(&mut problem);
            }
        }
        problems
    }

    /// Selects the arms that `only` names by section or name; all arms if it is empty.
    pub(super) fn choose(&self, only: &[String]) -> anyhow::Result<Vec<bool>> {
        let names = |arm: &Arm, name: &str| arm.name == name || arm.section.name() == name;
        if let Some(unknown) = only.iter().find(|name| !self.arms.iter().any(|arm| names(arm, name))) {
            let sections = Section::ALL.map(Section::name).join(", ");
            return Err(usage(format!(
                "--only {unknown}: no arm of this study has that name or section; sections are {sections}, and --list \
                 shows the arms"
            )));
        }
        let chosen = |arm: &Arm| only.is_empty() || only.iter().any(|name| names(arm, name));
        let mut chosen: Vec<bool> = self.arms.iter().map(chosen).collect();
        // The arms that an arm needs come before it.
        for place in (0..self.arms.len()).rev().filter(|&place| self.arms[place].needs.is_some()) {
            let needed =
                self.arms.iter().position(|other| Some(&other.name) == self.arms[place].needs.as_ref());
            if let Some(needed) = needed.filter(|_| chosen[place]) {
                chosen[needed] = true;
            }
        }
        Ok(chosen)
    }

    /// Every arm with every seed, if the runs that it needs are finished.
    pub(super) fn jobs(&self, out: &Path) -> anyhow::Result<Vec<Job>> {
        let mut jobs: Vec<Job> = Vec::new();
        for (index, arm) in self.arms.iter().enumerate() {
            for (place, &seed) in arm.seeds.iter().enumerate() {
                let folder = out.join(&arm.name).join(format!("seed-{seed}"));
                let name = format!("{} seed {seed}", arm.name);
                let needs = arm.needs.as_ref().map(|needs| out.join(needs).join(format!("seed-{seed}")));
                let is_ready = |needs: &PathBuf| {
                    jobs.iter().any(|job| job.folder == *needs && job.state() == State::Finished)
                };
                if needs.as_ref().is_none_or(is_ready) {
                    let config = arm.resolve(seed, needs.as_deref())?;
                    jobs.push(Job { arm: index, place, name, config, folder });
                }
            }
        }
        Ok(jobs)
    }
}

impl Arm {
    /// The configuration with one seed; the run has the name of the arm.
    fn resolve(&self, seed: u64, needs: Option<&Path>) -> anyhow::Result<RunConfig> {
        // A quoted string, because the name of an arm may look like a number.
        let mut overrides = vec![format!("name='{}'", self.name)];
        let needs = needs.map_or_else(|| "{needs}".into(), |needs| needs.display().to_string());
        overrides.extend(self.set.iter().map(|text| text.replace("{needs}", &needs)));
        Ok(RunConfig::plan(presets::text(&self.preset)?, &overrides, Some(seed))?)
    }
}

/// One arm with one seed.
#[derive(Debug)]
pub(super) struct Job {
    /// Index of the arm in the study.
    pub(super) arm: usize,
    /// Index of the seed in the arm's list.
    pub(super) place: usize,
    /// Name in messages.
    pub(super) name: String,
    pub(super) config: RunConfig,
    /// Folder of the run.
    pub(super) folder: PathBuf,
}

/// State of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// There is no run.
    Absent,
    /// Its run was interrupted.
    Unfinished,
    /// Its run has written its records.
    Finished,
    /// The folder holds a run with another configuration.
    Other,
}

impl Job {
    /// The file of the finished run's figures, one per line.
    pub(super) fn records(&self) -> PathBuf {
        self.folder.join("records.jsonl")
    }

    /// The state of the job. Compares parsed configurations instead of texts, so that a new key
    /// with its default does not invalidate old runs.
    pub(super) fn state(&self) -> State {
        let Ok(saved) = RunFolder::read_config(&self.folder) else { return State::Absent };
        let same = RunConfig::read(&saved).is_ok_and(|config| config == self.config);
        match (same, self.records().is_file()) {
            (false, _) => State::Other,
            (true, true) => State::Finished,
            (true, false) => State::Unfinished,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_arm_resolves_and_no_two_are_alike() {
        for (name, text) in super::super::STUDIES {
            let study = Study::parse(text, name).unwrap();
            let jobs = study.jobs("out".as_ref()).unwrap();
            let ready = study.arms.iter().filter(|arm| arm.needs.is_none());
            assert_eq!(jobs.len(), ready.map(|arm| arm.seeds.len()).sum::<usize>());
            let of = |job: &Job| RunConfig { name: String::new(), ..job.config.clone() };
            for (place, job) in jobs.iter().enumerate() {
                let twin = jobs[..place].iter().find(|other| of(other) == of(job));
                assert!(twin.is_none(), "{} is {}", job.name, twin.unwrap().name);
            }
        }
    }

    #[test]
    fn problems_are_reported_together() {
        let arm = |name: &str, rest: &str| {
            format!("[[arm]]\nname = \"{name}\"\nsection = \"long\"\npreset = \"d1\"\nlabel = \"\"\n{rest}\n")
        };
        let text = [
            arm("a", "seeds = [1, 1]"),
            arm("a", "seeds = [1]\nbaseline = \"b\""),
            arm("long", "seeds = [1]"),
            arm("c/d", "seeds = [1]"),
            arm("e", "seeds = [1]\nset = [\"train.step=3\"]"),
            arm("f", "seeds = [1]\ndefault_seeds = 2"),
            arm("g", "seeds = [1]\nneeds = \"g\""),
            arm("h", "seeds = [2]\nneeds = \"e\""),
        ];
        let error = Study::parse(&text.concat(), "mine.toml").unwrap_err().to_string();
        for part in [
            "mine.toml has problems",
            "arm a: seeds must be one or more different numbers",
            "arm a: another arm has this name",
            "arm a: the baseline `b` is no arm",
            "arm f: default_seeds must lie in 1..=1",
            "arm g: the arm `g`, which it needs, does not come before it",
            "arm h: its seeds are not the first ones of the arm `e`, which it needs",
            "arm long: this is the name of a section",
            "arm c/d: the configuration has problems:\n  name: it may hold only",
            "arm e: the configuration has problems:\n  train.step: unknown field `step`",
        ] {
            assert!(error.contains(part), "{part} is missing in {error}");
        }
    }
}
