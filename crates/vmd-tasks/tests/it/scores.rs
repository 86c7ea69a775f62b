//! Intervals, records and Sudoku scores.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use std::path::Path;

use rand::rngs::ChaCha8Rng;
use vmd_core::{Purpose, keyed_rng};
use vmd_eval::{Figure, Provenance, Record, mean_interval, wilson_interval};
use vmd_process::NoiseSchedule;
use vmd_sampler::{Prediction, Predictor, Query, RemaskRule, RevealRule, SamplerConfig, Scope, ValueRule};
use vmd_tasks::sudoku::{
    Grid, Layout, PuzzleRecord, SudokuEvaluation, evaluate_sudoku, make_puzzles, parse_puzzles, random_grid,
    test_digits,
};

#[test]
fn intervals_are_the_known_ones() {
    // Wilson's interval for 8 of 10, as printed by R's binom package.
    let figure = wilson_interval(8, 10);
    assert!(
        (figure.ci95[0] - 0.490_162).abs() < 1e-6 && (figure.ci95[1] - 0.943_318).abs() < 1e-6,
        "{figure:?}"
    );
    for n in [1, 7, 500] {
        let (none, all) = (wilson_interval(0, n), wilson_interval(n, n));
        assert!(none.ci95[0] < 1e-12 && none.ci95[1] > 0.0 && none.ci95[1] < 1.0);
        assert!(all.ci95[1] > 1.0 - 1e-12 && all.ci95[0] < 1.0 && all.ci95[0] > 0.0);
    }
    // Mean 2, standard deviation 1, three values: 2 ± 4.302653/√3 by Student's t.
    let figure = mean_interval(&[1.0, 2.0, 3.0]);
    assert_eq!((figure.value, figure.n), (2.0, 3));
    assert!((figure.ci95[1] - 2.0 - 2.484_138).abs() < 1e-6, "{figure:?}");
}

fn provenance() -> Provenance {
    Provenance {
        task: "sudoku".into(),
        dataset: "d".into(),
        split: "test".into(),
        loops: None,
        model: "m".into(),
        has_latent: false,
        seed: 3,
        revision: "r".into(),
        config_sha256: "c".into(),
    }
}

#[test]
fn a_record_has_the_agreed_keys() {
    let sampler =
        SamplerConfig { nfe: 5, reveal: RevealRule::Margin, value: ValueRule::Argmax, ..Default::default() };
    let figure = Figure { ci95: [0.4, 0.6], n: 10, ..Figure::exact(0.5) };
    let all = provenance().record("solved", figure, &sampler, None);
    let json = serde_json::to_value(&all).unwrap();
    let keys: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
    let mut expected = [
        "task",
        "dataset",
        "split",
        "metric",
        "value",
        "ci95",
        "n",
        "nfe",
        "reveal",
        "value_rule",
        "remask",
        "best_of",
        "has_latent",
        "model",
        "seed",
        "revision",
        "config_sha256",
    ];
    expected.sort_unstable();
    let mut sorted = keys.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, expected);
    assert_eq!((&json["nfe"], &json["reveal"]), (&5.into(), &"margin".into()));
    assert_eq!(serde_json::from_value::<Record>(json).unwrap(), all);

    let band = provenance().record("solved", figure, &sampler, Some("30-32 clues".into()));
    assert_eq!(serde_json::to_value(&band).unwrap()["band"], "30-32 clues");
    let own_pace = SamplerConfig { reveal: RevealRule::Threshold { tau: 0.9 }, ..sampler };
    assert_eq!(provenance().record("solved", figure, &own_pace, None).nfe, None);
    let changed = SamplerConfig {
        remask: RemaskRule::PredictRemask,
        best_of: 4,
        reveal: RevealRule::Margin,
        ..own_pace
    };
    let record = provenance().record("solved", figure, &changed, None);
    assert_eq!((record.remask.as_str(), record.best_of), ("predict-remask", 4));
}

/// Always predicts a fixed grid.
struct Fixed(Vec<u32>);

impl Predictor for Fixed {
    fn vocab(&self) -> usize {
        4
    }

    fn seq_len(&self) -> usize {
        16
    }

    fn latent_scope(&self) -> Scope {
        Scope::Block
    }

    fn schedule(&self) -> NoiseSchedule {
        NoiseSchedule::default()
    }

    fn draw_latents(&self, _: &[usize], _: &[u32], _: &mut [&mut ChaCha8Rng]) -> Vec<f32> {
        Vec::new()
    }

    fn predict(&self, query: Query<'_>) -> Prediction {
        let row: Vec<f32> = self
            .0
            .iter()
            .flat_map(|&token| (0..4).map(move |v| if v == token { 9.0 } else { 0.0 }))
            .collect();
        row.repeat(query.t.len()).into()
    }
}

const SOLUTION: &str = "1234341221434321";

/// Two puzzles with that solution, of 6 and 12 clues; the records lack the solution.
fn puzzles() -> Vec<PuzzleRecord> {
    let blanked = |blank: usize| -> String {
        SOLUTION.chars().enumerate().map(|(i, c)| if i * 7 % 16 < blank { '.' } else { c }).collect()
    };
    parse_puzzles(&format!("{}\n{}\n", blanked(10), blanked(4)), Path::new("puzzles")).unwrap()
}

fn solution() -> Vec<u32> {
    SOLUTION.chars().map(|c| c.to_digit(10).unwrap() - 1).collect()
}

fn score(predictor: &Fixed) -> SudokuEvaluation {
    let config =
        SamplerConfig { nfe: 5, reveal: RevealRule::Margin, value: ValueRule::Argmax, ..Default::default() };
    evaluate_sudoku(predictor, &config.into(), &puzzles(), 1, &mut ())
}

#[test]
fn a_solver_gets_full_marks() {
    let SudokuEvaluation { all, groups, .. } = score(&Fixed(solution()));
    assert_eq!((all.solved.value, all.valid.value, all.cell_accuracy.value), (1.0, 1.0, 1.0));
    assert_eq!((all.solved.n, all.cell_accuracy.n), (2, 14));
    // Five steps for ten blank cells, four steps for four.
    assert_eq!((all.mean_nfe.value, all.p95_nfe), (4.5, 5.0));
    let found: Vec<(String, f64)> = groups.iter().map(|(g, s)| (g.to_string(), s.mean_nfe.value)).collect();
    // The puzzle of six clues has several solutions.
    let levels = [("needs naked single", 4.0), ("beyond techniques", 5.0)];
    let expected = [("6-8 clues", 5.0), ("12-14 clues", 4.0), levels[0], levels[1]];
    assert_eq!(found, expected.map(|(group, nfe)| (group.to_string(), nfe)));
}

#[test]
fn a_wrong_grid_gets_its_right_cells() {
    // One value everywhere: no valid grid, but some cells are right.
    let all = score(&Fixed(vec![1; 16])).all;
    assert_eq!((all.solved.value, all.valid.value), (0.0, 0.0));
    let right: usize = puzzles()
        .iter()
        .flat_map(|record| record.puzzle.to_tokens().into_iter().zip(solution()))
        .filter(|&(clue, token)| clue == 4 && token == 1)
        .count();
    assert!(right > 0);
    assert_eq!(all.cell_accuracy.value, right as f64 / 14.0);

    // A valid grid with another solution, which contradicts the clues of these puzzles.
    let swapped = solution().into_iter().map(|token| [1, 0, 2, 3][token as usize]).collect();
    let all = score(&Fixed(swapped)).all;
    assert_eq!(all.solved.value, 0.0);
}

#[test]
fn attempts_at_a_puzzle_end_with_a_grid_that_breaks_no_rule() {
    let nfe = |cells: Vec<u32>| {
        let config = SamplerConfig { nfe: 5, reveal: RevealRule::Margin, best_of: 3, ..Default::default() };
        let method = SamplerConfig { value: ValueRule::Argmax, ..config }.into();
        evaluate_sudoku(&Fixed(cells), &method, &puzzles(), 1, &mut ()).all.mean_nfe.value
    };
    // Five and four evaluations per attempt; a valid grid is the last.
    assert_eq!(nfe(solution()), 4.5);
    assert_eq!(nfe(vec![1; 16]), 3.0 * 4.5);
}

#[test]
fn random_grids_pass_for_random_and_rotated_copies_of_one_do_not() {
    let layout = Layout::new(3, 3).unwrap();
    let draw = |seed| -> Vec<Grid> {
        let grid = |index| random_grid(layout, &mut keyed_rng(seed, index, Purpose::Data));
        (0..100).map(grid).collect()
    };
    let p_value = |grids: &[Grid]| test_digits(grids, 1).unwrap().p_value;
    let fair: Vec<f64> = (0..10).map(|seed| p_value(&draw(seed))).collect();
    // The chance that all are below a fifth is one in ten million.
    assert!(fair.iter().any(|&p| p > 0.2), "{fair:?}");
    let same = vec![draw(1)[0].clone(); 100];
    assert_eq!(p_value(&same), 0.01);
    assert!(test_digits(&[], 1).is_none());
}

#[test]
fn puzzles_have_the_clues_of_their_pattern_and_are_what_the_solver_says() {
    let grids: Vec<Grid> = vec![SOLUTION.parse().unwrap(); 4];
    let pattern = |text: &str| text.parse::<Grid>().unwrap();
    // Alternately all but one cell given, and no cell given.
    let quality = make_puzzles(&grids, &[pattern("111111111111111."), pattern("................")]);
    assert_eq!((quality.unique.value, quality.human.value, quality.unique.n), (0.5, 0.5, 4));
}
