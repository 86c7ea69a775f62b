//! Recipe for models of text.

use super::TextTask;
use crate::recipe::{blocks_for, set_blocks, steps_for};
use crate::{EvaluateConfig, Recipe, Task};

/// Tokens per block.
const BLOCK: usize = 4;

/// Tokens per batch.
const BATCH: usize = 2048;

impl TextTask {
    pub(super) fn own_recipe(&self) -> Recipe {
        let sizes = self.sizes();
        let mut recipe =
            Recipe::built_in("text", include_str!("recipe.toml"), sizes, EvaluateConfig::default());
        set_blocks(&mut recipe, blocks_for(sizes.seq_len, BLOCK));
        recipe.train.batch_size = (BATCH / sizes.seq_len).clamp(4, 64);
        recipe.train.steps = steps_for(&sizes, recipe.train.batch_size, 1000..=5000);
        recipe
    }
}
