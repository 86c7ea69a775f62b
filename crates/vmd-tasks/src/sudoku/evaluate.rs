//! Evaluation of Sudoku models: puzzles and unconditional grids.

use vmd_eval::{Figure, Record, mean_interval, wilson_interval};
use vmd_sampler::{Method, SamplerConfig, SearchConfig, ValueRule};

use super::generate::{distinct, draw_grids};
use super::{PuzzleRecord, SudokuScore, SudokuTask, embedded_puzzles, evaluate_sudoku, read_puzzles};
use crate::{Evaluation, Observer, Recorder, Subject, Task, TaskError, check_method};

/// Default number of unconditional grids if there are no puzzles of the model's size.
const UNCONDITIONAL: usize = 1000;

/// A validated evaluation.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    task: &'a SudokuTask,
    subject: &'a Subject<'a>,
    seed: u64,
    puzzles: Option<Puzzles>,
    unconditional: Option<(usize, Vec<Method>)>,
}

/// Puzzles to solve.
#[derive(Debug)]
struct Puzzles {
    records: Vec<PuzzleRecord>,
    dataset: String,
    methods: Vec<Method>,
}

impl<'a> Plan<'a> {
    pub(super) fn of(
        task: &'a SudokuTask,
        subject: &'a Subject<'a>,
        evaluation: &Evaluation,
    ) -> Result<Self, TaskError> {
        evaluation.check(task.name(), task.options(), subject.judge.is_some())?;
        check_model(task, subject)?;
        let options = &evaluation.options;
        let puzzles = match options.unconditional {
            Some(_) => None,
            None => puzzles(task, subject, evaluation)?,
        };
        let count = options.unconditional.or(options.samples);
        let count = count.or(puzzles.is_none().then_some(UNCONDITIONAL));
        // Argmax values would repeat one grid.
        let is_drawn = puzzles.is_some() || evaluation.value.is_none();
        let drawn = |method: Method| match method {
            Method::Steps(config) if is_drawn && config.value == ValueRule::Argmax => {
                SamplerConfig { value: ValueRule::default(), ..config }.into()
            }
            Method::Search(config) if is_drawn && config.value == ValueRule::Argmax => {
                SearchConfig { value: ValueRule::default(), ..config }.into()
            }
            method => method,
        };
        let methods: Vec<Method> = evaluation.methods(&task.defaults()).into_iter().map(drawn).collect();
        methods.iter().try_for_each(|method| check_method(subject.model, method))?;
        let unconditional = count.map(|count| (count, methods));
        Ok(Self { task, subject, seed: evaluation.seed, puzzles, unconditional })
    }

    pub(super) fn run(&self, observer: &mut dyn Observer) -> Vec<Record> {
        let mut recorder = Recorder::new(observer);
        if let Some(puzzles) = &self.puzzles {
            self.solve(puzzles, &mut recorder);
        }
        if let Some((count, methods)) = &self.unconditional {
            self.draw(*count, methods, &mut recorder);
        }
        recorder.finish()
    }

    fn solve(&self, puzzles: &Puzzles, recorder: &mut Recorder<'_>) {
        let provenance = self.subject.provenance(self.task.name(), &puzzles.dataset, "test", self.seed);
        for method in &puzzles.methods {
            let measured = evaluate_sudoku(self.subject.model, method, &puzzles.records, self.seed, &mut ());
            recorder.extend(&provenance, method, None, figures(&measured.all));
            let n = puzzles.records.len();
            let seconds = Figure { n, ..Figure::exact(measured.seconds) };
            recorder.extend(&provenance, method, None, [("seconds", seconds)]);
            for (group, score) in &measured.groups {
                recorder.extend(&provenance, method, Some(&group.to_string()), figures(score));
            }
        }
    }

    fn draw(&self, count: usize, methods: &[Method], recorder: &mut Recorder<'_>) {
        let layout = self.task.layout;
        let dataset = format!("{} cells, unconditional", layout.cells());
        let provenance = self.subject.provenance(self.task.name(), &dataset, "samples", self.seed);
        for method in methods {
            let (grids, output) = draw_grids(self.subject.model, method, layout, count, self.seed);
            let figures = [
                ("valid_unconditional", wilson_interval(grids.len(), count)),
                ("distinct", Figure { n: count, ..Figure::exact(distinct(&grids) as f64) }),
                ("mean_nfe_unconditional", mean_interval(&output.nfe_values())),
            ];
            recorder.extend(&provenance, method, None, figures);
        }
    }
}

/// Refuses a model whose sequences are not grids of the task's shape.
pub(super) fn check_model(task: &SudokuTask, subject: &Subject<'_>) -> Result<(), TaskError> {
    let (config, layout) = (subject.model.config(), task.layout);
    if (config.vocab, config.seq_len) == (layout.size(), layout.cells()) {
        return Ok(());
    }
    let (tokens, values, size) = (config.seq_len, config.vocab, layout.size());
    Err(TaskError::Model(format!(
        "a model of {tokens} tokens with {values} values does not fit Sudoku grids of {size}×{size}; use another model"
    )))
}

/// The requested puzzles, or the embedded ones if they have the model's size.
fn puzzles(
    task: &SudokuTask,
    subject: &Subject<'_>,
    evaluation: &Evaluation,
) -> Result<Option<Puzzles>, TaskError> {
    let options = &evaluation.options;
    let (mut records, dataset) = match &options.puzzles {
        Some(file) => (read_puzzles(file).map_err(TaskError::Puzzles)?, file.display().to_string()),
        None => (embedded_puzzles(), "sudoku-easy".to_string()),
    };
    let cells = task.layout.cells();
    let other = records.iter().map(|record| record.puzzle.cells().len()).find(|&other| other != cells);
    match other {
        Some(_) if options.puzzles.is_none() => return Ok(None),
        Some(other) => {
            return Err(TaskError::Model(format!(
                "the puzzles have {other} cells, but the model {} has {cells}; use a matching model or puzzle file",
                subject.stamp.model
            )));
        }
        None => records.truncate(options.limit.unwrap_or(records.len())),
    }
    if records.is_empty() {
        let reason = "there are no puzzles to solve; raise the limit, or use another puzzle file";
        return Err(TaskError::Nothing(reason.into()));
    }
    let methods = evaluation.methods(&task.defaults());
    methods.iter().try_for_each(|method| check_method(subject.model, method))?;
    Ok(Some(Puzzles { records, dataset, methods }))
}

fn figures(score: &SudokuScore) -> [(&'static str, Figure); 5] {
    [
        ("solved", score.solved),
        ("valid", score.valid),
        ("cell_accuracy", score.cell_accuracy),
        ("mean_nfe", score.mean_nfe),
        ("p95_nfe", Figure { n: score.mean_nfe.n, ..Figure::exact(score.p95_nfe) }),
    ]
}
