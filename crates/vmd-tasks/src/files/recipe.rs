//! Recipe for models of lines.

use crate::recipe::{blocks_for, set_blocks, steps_for};
use crate::{EvaluateConfig, Recipe, Sizes};

/// Blocks per line.
const BLOCKS: usize = 4;

/// Tokens per batch.
const BATCH: usize = 1024;

/// A recipe with four blocks of equal or nearly equal length.
pub(crate) fn line_recipe(name: &str, sizes: Sizes) -> Recipe {
    let evaluate = EvaluateConfig {
        samples: Some(1000),
        texts: Some(1000),
        nfe: vec![1, 2, 4],
        ..EvaluateConfig::default()
    };
    let mut recipe = Recipe::built_in(name, include_str!("recipe.toml"), sizes, evaluate);
    set_blocks(&mut recipe, blocks_for(sizes.seq_len, (sizes.seq_len / BLOCKS).max(2)));
    recipe.train.batch_size = (BATCH / sizes.seq_len).clamp(4, 64);
    recipe.train.steps = steps_for(&sizes, recipe.train.batch_size, 1500..=4000);
    recipe
}
