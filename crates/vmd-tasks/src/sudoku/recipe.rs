//! Recipe for Sudoku models.

use vmd_graph::GraphSpec;
use vmd_model::Budgets;
use vmd_sampler::{RevealRule, ValueRule};

use super::SudokuTask;
use crate::{EvaluateConfig, Recipe, Task};

/// Largest side of a small grid.
const SMALL: usize = 6;
const MEDIUM: usize = 9;

impl SudokuTask {
    pub(super) fn make_recipe(&self) -> Recipe {
        let layout = self.layout;
        let name = format!("sudoku-{0}x{0}", layout.size());
        let mut recipe =
            Recipe::built_in(&name, include_str!("recipe.toml"), self.sizes(), EvaluateConfig::default());
        let (box_rows, box_cols) = (layout.box_rows(), layout.box_cols());
        recipe.model.graph = Some(GraphSpec::Sudoku { box_rows, box_cols });
        if layout.size() <= SMALL {
            small(&mut recipe);
        } else if layout.size() > MEDIUM {
            large(&mut recipe, layout.size());
        } else {
            let evaluate = &mut recipe.evaluate;
            (evaluate.reveal, evaluate.nfe) = (vec![RevealRule::Margin], vec![1, 5, 10]);
            evaluate.value = ValueRule::Argmax;
        }
        recipe
    }
}

/// A small recipe with few steps, trained in less than a minute.
fn small(recipe: &mut Recipe) {
    let trunk = &mut recipe.model.denoiser.trunk;
    (trunk.width, trunk.loops) = (32, 2);
    recipe.objective.steps = Some(Budgets::Several(vec![1, 2, 4, 8]));
    let train = &mut recipe.train;
    (train.steps, train.batch_size) = (1500, 64);
    (train.learning_rate, train.warmup_steps, train.ema_decay) = (0.005, 50, 0.99);
    (train.validation_examples, train.recurrence) = (64, None);
    recipe.evaluate = EvaluateConfig {
        reveal: vec![RevealRule::Entropy],
        nfe: vec![1, 2, 4],
        samples: Some(1000),
        ..EvaluateConfig::default()
    };
}

/// Large grids: one or a few cells per step, with a low temperature because one wrong draw breaks
/// the grid.
fn large(recipe: &mut Recipe, size: usize) {
    let trunk = &mut recipe.model.denoiser.trunk;
    (trunk.width, trunk.loops) = (128, 4);
    recipe.model.denoiser.parents = None;
    recipe.objective.steps = None;
    let train = &mut recipe.train;
    (train.steps, train.warmup_steps, train.ema_decay) = (1000, 50, 0.99);
    (train.validation_examples, train.recurrence) = (32, None);
    recipe.evaluate = EvaluateConfig {
        reveal: vec![RevealRule::Entropy],
        nfe: vec![size * size / 4, size * size],
        value: ValueRule::Categorical { temperature: 0.5, top_p: 1.0 },
        samples: Some(100),
        ..EvaluateConfig::default()
    };
}
