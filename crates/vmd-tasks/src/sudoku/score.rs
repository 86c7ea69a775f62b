//! Sudoku scores: the share of puzzles that a sampler solves.

use std::collections::BTreeSet;
use std::time::Instant;

use vmd_eval::{Figure, mean_interval, wilson_interval};
use vmd_sampler::{Checker, Method, Observer, Predictor, Request, SampleOutput};

use super::{
    Grade, Grid, Layout, PuzzleRecord, Technique, grade, imbalance, is_consistent, is_valid_solution, solve,
};

/// A range of the number of clues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Band {
    /// Fewest clues.
    pub from: usize,
    /// Most clues.
    pub to: usize,
}

impl Band {
    /// Width of a band.
    const WIDTH: usize = 3;

    /// The band of a puzzle with `clues` clues.
    pub fn of(clues: usize) -> Self {
        let from = clues - clues % Self::WIDTH;
        Self { from, to: from + Self::WIDTH - 1 }
    }
}

impl std::fmt::Display for Band {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{} clues", self.from, self.to)
    }
}

/// A group of puzzles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// About the same number of clues.
    Clues(Band),
    /// The same hardest technique of the grader.
    Needs(Technique),
    /// Not solved by the grader's techniques.
    BeyondTechniques,
}

impl std::fmt::Display for Group {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Clues(band) => band.fmt(f),
            Self::Needs(technique) => write!(f, "needs {technique}"),
            Self::BeyondTechniques => f.write_str("beyond techniques"),
        }
    }
}

/// Penalty, in nats, for an imbalance of 1. Tuned on generated puzzles.
const NATS_PER_IMBALANCE: f64 = 10.0;

/// The rules of Sudoku as a checker for repeated attempts and search. The penalty is proportional
/// to the [`imbalance`] of the probabilities, which is 0 for a mixture of grids and large
/// everywhere for an untrained network.
#[derive(Debug, Clone, Copy)]
pub struct SudokuRules {
    layout: Layout,
}

impl SudokuRules {
    /// Creates the checker of a layout.
    pub fn new(layout: Layout) -> Self {
        Self { layout }
    }
}

impl Checker for SudokuRules {
    fn accepts(&self, _row: usize, tokens: &[u32]) -> bool {
        Grid::from_tokens(self.layout, tokens).is_ok_and(|grid| is_consistent(&grid))
    }

    fn penalty(&self, _row: usize, probabilities: &[f64]) -> f64 {
        NATS_PER_IMBALANCE * imbalance(self.layout, probabilities)
    }
}

/// Scores of a sampler on a set of puzzles.
#[derive(Debug, Clone, PartialEq)]
pub struct SudokuScore {
    /// Share of puzzles solved: the grid keeps the clues and equals the solution, or is any valid
    /// solution if there are several.
    pub solved: Figure,
    /// Share of grids that break no rule.
    pub valid: Figure,
    /// Share of blank cells that equal the solution.
    pub cell_accuracy: Figure,
    /// Mean network evaluations.
    pub mean_nfe: Figure,
    /// 95th percentile of the network evaluations per puzzle.
    pub p95_nfe: f64,
}

/// Scores of a sampler by group, and the sampling time.
#[derive(Debug, Clone, PartialEq)]
pub struct SudokuEvaluation {
    /// All puzzles.
    pub all: SudokuScore,
    /// Each band of clue counts and each level of the grader with at least one puzzle.
    pub groups: Vec<(Group, SudokuScore)>,
    /// Sampling time in seconds.
    pub seconds: f64,
}

/// Outcome of one puzzle.
#[derive(Debug, Clone, Copy)]
struct Outcome {
    groups: [Group; 2],
    solved: bool,
    valid: bool,
    right_cells: usize,
    blank_cells: usize,
    nfe: usize,
}

/// Fills every puzzle with `method` and scores all puzzles, each band of clue counts and each level
/// of the grader ([`grade`]). With several attempts, the first grid that breaks no rule is kept.
///
/// # Panics
///
/// If there are no puzzles, their layouts differ or do not match the model's sequences, or the
/// method has [`problems`](Method::problems_with) with the model.
pub fn evaluate_sudoku(
    model: &dyn Predictor,
    method: &Method,
    puzzles: &[PuzzleRecord],
    seed: u64,
    observer: &mut dyn Observer,
) -> SudokuEvaluation {
    let xt: Vec<u32> = puzzles.iter().flat_map(|record| record.puzzle.to_tokens()).collect();
    let layout = puzzles[0].puzzle.layout();
    assert!(puzzles.iter().all(|record| record.puzzle.layout() == layout), "puzzles of one shape");
    let start = Instant::now();
    let rules = SudokuRules::new(layout);
    let output = method.run(model, &Request::new(&xt, seed).checked(&rules), observer);
    let seconds = start.elapsed().as_secs_f64();
    let outcomes = outcomes(puzzles, &output, model.seq_len());
    let groups: BTreeSet<Group> = outcomes.iter().flat_map(|outcome| outcome.groups).collect();
    let of_group = |group: Group| {
        let part: Vec<Outcome> = outcomes.iter().copied().filter(|o| o.groups.contains(&group)).collect();
        (group, score(&part))
    };
    SudokuEvaluation { all: score(&outcomes), groups: groups.into_iter().map(of_group).collect(), seconds }
}

fn outcomes(puzzles: &[PuzzleRecord], output: &SampleOutput, seq: usize) -> Vec<Outcome> {
    let of_puzzle = |((record, tokens), &nfe): ((&PuzzleRecord, &[u32]), &usize)| {
        let grid = Grid::from_tokens(record.puzzle.layout(), tokens).ok();
        let valid = grid.as_ref().is_some_and(is_valid_solution);
        let solved = valid && grid.as_ref().is_some_and(|grid| grid.extends(&record.puzzle));
        let solution = record.solution.clone().or_else(|| solve(&record.puzzle, 1).first);
        let blank: Vec<usize> = blank_cells(&record.puzzle);
        let right = |cell: &&usize| {
            solution.as_ref().zip(grid.as_ref()).is_some_and(|(s, g)| s.cells()[**cell] == g.cells()[**cell])
        };
        let level = match grade(&record.puzzle) {
            // A puzzle without blanks needs no technique.
            Grade { solved: true, hardest } => Group::Needs(hardest.unwrap_or(Technique::NakedSingle)),
            Grade { solved: false, .. } => Group::BeyondTechniques,
        };
        Outcome {
            groups: [Group::Clues(Band::of(record.puzzle.n_clues())), level],
            solved,
            valid,
            right_cells: blank.iter().filter(right).count(),
            blank_cells: blank.len(),
            nfe,
        }
    };
    puzzles.iter().zip(output.tokens.chunks_exact(seq)).zip(&output.nfe).map(of_puzzle).collect()
}

fn blank_cells(puzzle: &Grid) -> Vec<usize> {
    let blank = puzzle.layout().size() as u8;
    (0..puzzle.cells().len()).filter(|&cell| puzzle.cells()[cell] == blank).collect()
}

fn score(outcomes: &[Outcome]) -> SudokuScore {
    let n = outcomes.len();
    let count = |test: fn(&Outcome) -> bool| outcomes.iter().filter(|outcome| test(outcome)).count();
    let sum = |part: fn(&Outcome) -> usize| outcomes.iter().map(part).sum::<usize>();
    let mut nfe: Vec<usize> = outcomes.iter().map(|outcome| outcome.nfe).collect();
    nfe.sort_unstable();
    let nfe_values: Vec<f64> = nfe.iter().map(|&nfe| nfe as f64).collect();
    SudokuScore {
        solved: wilson_interval(count(|outcome| outcome.solved), n),
        valid: wilson_interval(count(|outcome| outcome.valid), n),
        cell_accuracy: wilson_interval(sum(|o| o.right_cells), sum(|o| o.blank_cells)),
        mean_nfe: mean_interval(&nfe_values),
        p95_nfe: nfe.get((n * 95).div_ceil(100).max(1) - 1).map_or(0.0, |&nfe| nfe as f64),
    }
}
