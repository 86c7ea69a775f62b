//! The curriculum.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use burn::tensor::Device;
use vmd_core::{Purpose, Validate, keyed_rng};
use vmd_model::{ModelConfig, ObjectiveConfig, TrainingBatch, VmdModel};
use vmd_train::{Curriculum, TrainConfig};

const SEQ: usize = 8;
const MASK: u32 = 3;

fn model() -> ModelConfig {
    let text = format!("vocab = 3\nseq_len = {SEQ}\n[denoiser.trunk]\nwidth = 8\nlayers = 1\nheads = 2");
    toml::from_str(&text).unwrap()
}

#[test]
fn the_share_of_given_tokens_falls_steadily_to_none() {
    let curriculum = Curriculum { until: 0.5, given: 0.8 };
    assert_eq!(curriculum.given_at(0.0), 0.8);
    assert!((curriculum.given_at(0.25) - 0.4).abs() < 1e-12);
    for progress in [0.5, 0.9, 1.0] {
        assert_eq!(curriculum.given_at(progress), 0.0);
    }
}

#[test]
fn batches_have_the_clues_that_are_asked_for() {
    let config = model();
    let model = VmdModel::new(&config, keyed_rng(1, 0, Purpose::Init), &Device::flex()).unwrap();
    let objective: ObjectiveConfig = toml::from_str("steps = [1, 4]").unwrap();
    let x0: Vec<u32> = (0..400 * SEQ as u32).map(|i| i % 3).collect();
    let draw = |clues: &[bool], given| {
        TrainingBatch::draw_given(x0.clone(), clues, &model, &objective, given, (1, 0))
    };
    let share = |tokens: &[u32]| tokens.iter().filter(|&&t| t == MASK).count() as f64 / x0.len() as f64;
    let full = draw(&[], 0.0);
    assert_eq!(full, TrainingBatch::draw(x0.clone(), &model, &objective, 1, 0));

    // The shares of 3,200 tokens are within 0.03, more than three standard deviations.
    let given = draw(&[], 0.75);
    assert!((share(&given.observed) - 0.25).abs() < 0.03, "{}", share(&given.observed));
    assert!((share(&given.xt) - 0.25 * share(&full.xt)).abs() < 0.03);

    let clues: Vec<bool> = (0..x0.len()).map(|i| i % 3 == 0).collect();
    let puzzles = draw(&clues, 0.0);
    for i in 0..x0.len() {
        // The masks are the same as without clues, except at the clues.
        assert_eq!(puzzles.xt[i], if clues[i] { x0[i] } else { full.xt[i] });
        assert_eq!(puzzles.observed[i], if clues[i] { x0[i] } else { MASK });
    }
}

#[test]
fn impossible_curricula_are_refused() {
    for text in ["until = 0.0\ngiven = 0.5", "until = 0.5\ngiven = 1.0", "until = 2.0\ngiven = 0.5"] {
        let train: TrainConfig = toml::from_str(&format!(
            "steps = 4\nbatch_size = 8\nlearning_rate = 0.001\n[curriculum]\n{text}"
        ))
        .unwrap();
        let problems = train.problems(());
        assert!(problems.len() == 1 && problems[0].key == "curriculum", "{text}: {problems:?}");
    }
}
