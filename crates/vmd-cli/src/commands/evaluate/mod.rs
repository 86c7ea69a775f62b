//! `evaluate`: measures a model on the data that it was trained on.

mod console;
mod plot;

use std::path::PathBuf;

use vmd::eval::Record;
use vmd::tasks::sudoku::SudokuTask;
use vmd::tasks::synthetic::{SyntheticConfig, SyntheticSet};
use vmd::tasks::{Evaluation, Options, Task, TaskConfig, TaskError};

use crate::args::EvaluateArgs;
use crate::failure::usage;
use crate::output::print_records;
pub(in crate::commands) use console::Console;
use vmd::models::LoadedModel;
use vmd::run::RunConfig;

/// Which models a command accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// All models.
    Any,
    /// Models that can be evaluated on Sudoku.
    Sudoku,
    /// Models of synthetic sets.
    Synthetic,
    /// Models of data in files: text, lines, molecules, tables.
    File,
}

impl Kind {
    /// Whether the data of a run are of this kind.
    fn includes(self, data: &TaskConfig) -> bool {
        match self {
            Self::Any => true,
            Self::Sudoku => matches!(data, TaskConfig::Sudoku(_)),
            Self::Synthetic => matches!(data, TaskConfig::Synthetic(_)),
            Self::File => data.options().contains(&"texts"),
        }
    }

    fn find(self, args: &EvaluateArgs, folder: Option<PathBuf>) -> anyhow::Result<LoadedModel> {
        let (options, device) = (args.common.load_options(args.sampler.loops)?, args.common.device()?);
        match self {
            Self::Any => Ok(LoadedModel::find_or_shipped(folder, |_: &RunConfig| true, options, &device)?),
            Self::Sudoku => Ok(LoadedModel::find_sudoku(folder, options, &device)?),
            Self::Synthetic => {
                let wanted = |run: &RunConfig| Self::Synthetic.includes(&run.data);
                Ok(LoadedModel::find(folder, "model of a synthetic set", wanted, options, &device)?)
            }
            Self::File => {
                let wanted = |run: &RunConfig| Self::File.includes(&run.data);
                Ok(LoadedModel::find(folder, "model of text", wanted, options, &device)?)
            }
        }
    }

    /// Opens the data to evaluate on.
    fn task(self, loaded: &LoadedModel, set: Option<&str>) -> anyhow::Result<Box<dyn Task>> {
        let data = loaded.run.as_ref().map(|run| &run.data);
        if let Some(set) = set {
            return synthetic(self, set, data);
        }
        match data.filter(|data| self.includes(data)) {
            Some(data) => Ok(data.open()?),
            None if self == Self::Sudoku || loaded.is_shipped() => {
                Ok(Box::new(SudokuTask::of_cells(loaded.model.config().seq_len)?))
            }
            None if self == Self::Synthetic => {
                Err(usage("give --set: the model's folder does not name its data"))
            }
            None => Err(usage(
                "the model is not in a run folder with such data; give --model RUN, where RUN/config.toml names the data",
            )),
        }
    }
}

/// The set given by `--set`. If the model's run used the same set, its held-out sequences are held
/// out here too.
fn synthetic(kind: Kind, set: &str, data: Option<&TaskConfig>) -> anyhow::Result<Box<dyn Task>> {
    let trained_on = match (kind, data) {
        (Kind::Any | Kind::Synthetic, Some(TaskConfig::Synthetic(config))) => Some(config),
        (Kind::Any, Some(other)) => {
            let (option, tasks, task) = ("set", vec!["synthetic"], other.name());
            return Err(TaskError::Option { option, tasks, task }.into());
        }
        (Kind::Any | Kind::Synthetic, _) => None,
        (Kind::Sudoku | Kind::File, _) => {
            return Err(usage("--set is for synthetic sets; leave it out, or use `evaluate`"));
        }
    };
    let set = set.parse::<SyntheticSet>().map_err(usage)?;
    let hold_out = trained_on.filter(|own| own.set == set).map_or(0, |own| own.hold_out);
    Ok(TaskConfig::Synthetic(SyntheticConfig { set, hold_out }).open()?)
}

/// Loads model and data, evaluates, and prints the records.
pub(crate) fn run(args: &EvaluateArgs, kind: Kind) -> anyhow::Result<()> {
    let model = kind.find(args, args.model.clone())?;
    let task = kind.task(&model, args.set.as_deref())?;
    let baseline = args.baseline.clone().map(|folder| kind.find(args, Some(folder))).transpose()?;
    let judge = match args.judge.clone() {
        Some(folder) => {
            let (options, device) = (args.common.load_options(None)?, args.common.device()?);
            Some(LoadedModel::find(Some(folder), "judge", |_: &RunConfig| true, options, &device)?)
        }
        None => None,
    };
    let evaluation = evaluation(args);
    let subjects: Vec<_> = [Some(&model), baseline.as_ref()]
        .into_iter()
        .flatten()
        .map(|loaded| {
            let mut subject = loaded.subject();
            subject.judge = judge.as_ref().map(|judge| &judge.model);
            subject
        })
        .collect();
    // Check all subjects before the first one is evaluated.
    subjects.iter().try_for_each(|subject| task.check(subject, &evaluation))?;
    let mut measured: Vec<Vec<Record>> = Vec::new();
    for subject in &subjects {
        measured.push(task.evaluate(subject, &evaluation, &mut Console::new(args.common.json))?);
    }
    if !args.common.json {
        print_records(&measured);
    }
    args.plot.as_deref().map_or(Ok(()), |path| plot::draw(&measured, path))
}

/// The evaluation that the arguments describe.
fn evaluation(args: &EvaluateArgs) -> Evaluation {
    Evaluation {
        reveal: Some(args.sampler.reveal.clone()).filter(|reveal| !reveal.is_empty()),
        nfe: Some(args.sampler.nfe.clone()).filter(|nfe| !nfe.is_empty()),
        value: args.sampler.value(),
        rest: args.sampler.rest(),
        options: Options {
            search: args.sampler.search,
            puzzles: args.puzzles.clone(),
            limit: args.limit,
            unconditional: args.unconditional,
            samples: args.samples,
            iwae: args.iwae,
            given: args.given,
            contexts: args.contexts,
            completions: args.completions,
            test: args.test,
            texts: args.texts,
            length: args.length,
            span: args.span,
            candidates: args.candidates,
            order: args.order,
        },
        seed: args.common.seed.unwrap_or(0),
    }
}

/// Evaluates a model at the end of a training run and prints the records.
pub(super) fn report_trained(
    task: &dyn Task,
    loaded: &LoadedModel,
    evaluation: &Evaluation,
    json: bool,
) -> anyhow::Result<()> {
    let records = task.evaluate(&loaded.subject(), evaluation, &mut Console::new(json))?;
    if !json {
        print_records(&[records]);
    }
    Ok(())
}

/// The task of the grids that a model generates. Grids with six cells per row have boxes of 3×2 or
/// 2×3; only the configuration of the run specifies which.
pub(super) fn sudoku_task(loaded: &LoadedModel) -> anyhow::Result<SudokuTask> {
    Ok(match loaded.run.as_ref().map(|run| &run.data) {
        Some(TaskConfig::Sudoku(config)) => SudokuTask::new(config.clone())?,
        _ => SudokuTask::of_cells(loaded.model.config().seq_len)?,
    })
}
