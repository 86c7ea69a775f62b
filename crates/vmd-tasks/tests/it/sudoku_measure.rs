//! Measurements for the documentation; run with
//! `cargo test --release --test it sudoku_measure -- --ignored --nocapture`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use vmd_core::{Purpose, keyed_rng};
use vmd_tasks::sudoku::{Layout, PuzzleConfig, generate_puzzle, grade, random_grid, read_puzzles, solve};

fn rate(what: &str, n: usize, mut step: impl FnMut(u64)) {
    let start = Instant::now();
    (0..n as u64).for_each(&mut step);
    println!("{what}: {:.0} a second", n as f64 / start.elapsed().as_secs_f64());
}

#[test]
#[ignore = "a measurement"]
fn grids_and_puzzles_a_second() {
    for (rows, columns, n) in [(2, 2, 200_000), (2, 3, 50_000), (3, 3, 50_000), (4, 4, 200)] {
        let layout = Layout::new(rows, columns).unwrap();
        rate(&format!("{rows}x{columns} grids"), n, |index| {
            random_grid(layout, &mut keyed_rng(1, index, Purpose::Data));
        });
    }
    let layout = Layout::new(3, 3).unwrap();
    for clues in [24, 26, 30, 36] {
        let config = PuzzleConfig { min_clues: clues, max_clues: clues };
        rate(&format!("puzzles of {clues} clues"), 200, |index| {
            generate_puzzle(layout, &config, &mut keyed_rng(2, index, Purpose::Data)).unwrap();
        });
    }
}

#[test]
#[ignore = "a measurement"]
fn files() {
    for file in ["easy_500.csv", "17clue_1000.csv", "top1465.csv", "not_unique_2000.txt", "sudoku4x4_500.csv"]
    {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/sudoku");
        let puzzles = match read_puzzles(&PathBuf::from(folder).join(file)) {
            Ok(puzzles) => puzzles,
            Err(error) => {
                println!("{error}");
                continue;
            }
        };
        let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
        rate(&format!("{file} solved"), puzzles.len(), |index| {
            *counts.entry(solve(&puzzles[index as usize].puzzle, 2).count).or_default() += 1;
        });
        println!("{file} solutions (2 is 2 or more): {counts:?}");
        let mut grades: BTreeMap<String, usize> = BTreeMap::new();
        rate(&format!("{file} graded"), puzzles.len(), |index| {
            let grade = grade(&puzzles[index as usize].puzzle);
            let hardest = grade.hardest.map_or("none".into(), |t| t.to_string());
            *grades.entry(if grade.solved { hardest } else { "unsolved".into() }).or_default() += 1;
        });
        println!("{file} grades: {grades:?}");
    }
}
