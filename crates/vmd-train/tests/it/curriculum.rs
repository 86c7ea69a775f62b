//! Curricula.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use std::collections::BTreeSet;
use std::sync::Mutex;

use burn::tensor::Device;
use vmd_core::{DataSource, Purpose, Validate, keyed_rng};
use vmd_model::{Difficulty, ModelConfig, ObjectiveConfig, TrainingBatch, VmdModel};
use vmd_train::{Curriculum, TrainConfig, Trainer, TrainerParts};

const SEQ: usize = 8;
const MASK: u32 = 3;

fn model() -> ModelConfig {
    let text = format!("vocab = 3\nseq_len = {SEQ}\n[denoiser.trunk]\nwidth = 8\nlayers = 1\nheads = 2");
    toml::from_str(&text).unwrap()
}

fn curriculum(text: &str) -> Curriculum {
    toml::from_str(text).unwrap()
}

#[test]
fn difficulty_rises_steadily_and_ends_at_the_objective() {
    let curriculum = curriculum("until = 0.5\nmask = 0.2\ngiven = 0.8\nlength = 0.4");
    assert_eq!(curriculum.difficulty(0.0), Difficulty { mask: 0.2, given: 0.8, length: 0.4 });
    let half = curriculum.difficulty(0.25);
    assert!((half.mask - 0.6).abs() < 1e-12 && (half.given - 0.4).abs() < 1e-12);
    assert!((half.length - 0.7).abs() < 1e-12);
    for progress in [0.5, 0.9, 1.0] {
        assert_eq!(curriculum.difficulty(progress), Difficulty::FULL);
    }
}

#[test]
fn the_number_of_examples_grows_by_a_factor() {
    let curriculum = curriculum("until = 0.5\nsubset = 10");
    assert_eq!(curriculum.subset(0.0, 1000.0), Some(10));
    // The geometric mean of 10 and 1000, at half of the curriculum.
    assert_eq!(curriculum.subset(0.25, 1000.0), Some(100));
    assert_eq!(curriculum.subset(0.5, 1000.0), None);
}

#[test]
fn batches_are_as_hard_as_asked() {
    let config = model();
    let model = VmdModel::new(&config, keyed_rng(1, 0, Purpose::Init), &Device::flex()).unwrap();
    let objective: ObjectiveConfig = toml::from_str("steps = [1, 4]").unwrap();
    let x0: Vec<u32> = (0..400 * SEQ as u32).map(|i| i % 3).collect();
    let draw = |difficulty| TrainingBatch::draw_at(x0.clone(), &[], &model, &objective, difficulty, 1, 0);
    let share = |tokens: &[u32]| tokens.iter().filter(|&&t| t == MASK).count() as f64 / x0.len() as f64;
    let full = draw(Difficulty::FULL);
    assert_eq!(full, TrainingBatch::draw(x0.clone(), &model, &objective, 1, 0));

    let few = draw(Difficulty { mask: 0.3, ..Difficulty::FULL });
    assert!(few.t.iter().all(|&t| t < 0.3 + 1e-12));
    // The share of masked tokens is 0.3 times that of the full objective, up to the noise of 3,200 draws.
    assert!((share(&few.xt) - 0.3 * share(&full.xt)).abs() < 0.03);

    let given = draw(Difficulty { given: 0.75, ..Difficulty::FULL });
    assert!((share(&given.observed) - 0.25).abs() < 0.03, "{}", share(&given.observed));
    assert!((share(&given.xt) - 0.25 * share(&full.xt)).abs() < 0.03);

    let clues: Vec<bool> = (0..x0.len()).map(|i| i % 3 == 0).collect();
    let puzzles = TrainingBatch::draw_at(x0.clone(), &clues, &model, &objective, Difficulty::FULL, 1, 0);
    for i in 0..x0.len() {
        // The masks are the same as without clues, except at the clues.
        assert_eq!(puzzles.xt[i], if clues[i] { x0[i] } else { full.xt[i] });
        assert_eq!(puzzles.observed[i], if clues[i] { x0[i] } else { MASK });
    }

    let short = draw(Difficulty { length: 0.5, ..Difficulty::FULL });
    for row in 0..400 {
        let (start, middle, end) = (row * SEQ, row * SEQ + SEQ / 2, (row + 1) * SEQ);
        assert!(short.xt[middle..end].iter().all(|&t| t == MASK));
        assert!(short.loss_mask[middle..end].iter().chain(&short.latent_mask[middle..end]).all(|&t| t == 0));
        assert_eq!(short.latent_mask[start..middle], [1; SEQ / 2]);
    }
}

/// Records the indices of the examples read.
struct Noted(Mutex<BTreeSet<u64>>);

impl DataSource for Noted {
    fn seq_len(&self) -> usize {
        SEQ
    }

    fn vocab(&self) -> usize {
        3
    }

    fn fill(&self, index: u64, tokens: &mut [u32]) {
        self.0.lock().unwrap().insert(index);
        tokens.fill(1);
    }
}

#[test]
fn training_begins_with_the_subset() {
    let train: TrainConfig = toml::from_str(
        "steps = 40\nbatch_size = 8\nlearning_rate = 0.001\ncurriculum = { until = 0.5, subset = 4 }",
    )
    .unwrap();
    assert!(train.problems(()).is_empty());
    let (model, objective, device) = (model(), ObjectiveConfig::default(), Device::flex());
    let parts =
        TrainerParts { model: &model, objective: &objective, train: &train, seed: 1, device: &device };
    let mut trainer = Trainer::new(parts).unwrap();
    let data = Noted(Mutex::new(BTreeSet::new()));
    trainer.train_step(&data).unwrap();
    assert_eq!(*data.0.lock().unwrap(), BTreeSet::from([0, 1, 2, 3]));
    for _ in 1..20 {
        trainer.train_step(&data).unwrap();
    }
    let seen = data.0.lock().unwrap().len();
    assert!((40..160).contains(&seen), "{seen} of the 160 that were drawn");
    for _ in 20..40 {
        trainer.train_step(&data).unwrap();
    }
    assert_eq!(data.0.lock().unwrap().len(), seen + 160, "all later examples are new");
}

#[test]
fn impossible_curricula_are_refused() {
    for text in [
        "until = 0.0",
        "until = 0.5\nmask = 0.0",
        "until = 0.5\ngiven = 1.0",
        "until = 2.0",
        "until = 1\nsubset = 0",
    ] {
        let train: TrainConfig = toml::from_str(&format!(
            "steps = 4\nbatch_size = 8\nlearning_rate = 0.001\n[curriculum]\n{text}"
        ))
        .unwrap();
        let problems = train.problems(());
        assert!(problems.len() == 1 && problems[0].key == "curriculum", "{text}: {problems:?}");
    }
}
