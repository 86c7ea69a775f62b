//! Recipes: settings that train a good model.

use serde::{Deserialize, Serialize};
use toml::{Table, Value};
use vmd_model::{Budgets, ModelConfig, ObjectiveConfig};
use vmd_train::TrainConfig;

use crate::{EvaluateConfig, Sizes};

/// Maximum sequence length for a latent in the general recipe, whose prior draws latents in order
/// without a recurrence.
const LONGEST_WITH_LATENT: usize = 128;

/// Model, objective, training and evaluation for one data set.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Recipe {
    /// Name of the run.
    pub name: String,
    /// The model.
    pub model: ModelConfig,
    /// The training objective.
    pub objective: ObjectiveConfig,
    /// Training settings.
    pub train: TrainConfig,
    /// Evaluation after training.
    pub evaluate: EvaluateConfig,
}

/// Contents of a recipe file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    model: Table,
    #[serde(default)]
    objective: ObjectiveConfig,
    train: TrainConfig,
}

impl Recipe {
    /// Parses a recipe for data of `sizes`: TOML with the tables `model`, `objective` and `train`.
    /// Drops steps of the objective above the sequence length.
    ///
    /// # Errors
    ///
    /// If `text` is not a valid recipe.
    pub fn parse(
        name: &str,
        text: &str,
        sizes: Sizes,
        evaluate: EvaluateConfig,
    ) -> Result<Self, toml::de::Error> {
        let File { mut model, mut objective, train } = toml::from_str(text)?;
        for (key, size) in [("vocab", sizes.vocab), ("seq_len", sizes.seq_len)] {
            model.insert(key.into(), Value::Integer(size as i64));
        }
        if let Some(Budgets::Several(steps)) = &mut objective.steps {
            steps.retain(|steps| *steps <= sizes.seq_len.max(1));
        }
        Ok(Self { name: name.into(), model: Value::Table(model).try_into()?, objective, train, evaluate })
    }

    /// A recipe for data of which only the sizes are known.
    #[must_use]
    pub fn general(name: &str, sizes: Sizes, evaluate: EvaluateConfig) -> Self {
        let mut recipe = Self::built_in(name, include_str!("recipe.toml"), sizes, evaluate);
        recipe.train.steps = steps_for(&sizes, recipe.train.batch_size, 1500..=6000);
        if sizes.seq_len > LONGEST_WITH_LATENT {
            recipe.model.latent = None;
            recipe.objective.latent_free_share = 0.0;
            recipe.train.batch_size = (8192 / sizes.seq_len).clamp(4, 64);
        }
        recipe
    }

    /// Parses a recipe of this crate.
    pub(crate) fn built_in(name: &str, text: &str, sizes: Sizes, evaluate: EvaluateConfig) -> Self {
        Self::parse(name, text, sizes, evaluate).expect("every recipe is tested")
    }

    /// The recipe as a configuration, with `table` merged over it; see [`merge`].
    ///
    /// # Panics
    ///
    /// Never: every recipe can be serialised as TOML.
    #[must_use]
    pub fn under(&self, table: Table) -> Table {
        merge(Table::try_from(self).expect("a recipe serialises to TOML"), table)
    }
}

/// Merges `over` into `base`, key by key. Values of `over` take precedence. Two tables are merged
/// recursively, unless their keys `kind` differ. `false` in `over` removes a table of `base`.
#[must_use]
pub fn merge(mut base: Table, over: Table) -> Table {
    for (key, value) in over {
        match (base.remove(&key), value) {
            (Some(Value::Table(_)), Value::Boolean(false)) => {}
            (Some(Value::Table(old)), Value::Table(new)) if !differ_in_kind(&old, &new) => {
                base.insert(key, Value::Table(merge(old, new)));
            }
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
    base
}

fn differ_in_kind(old: &Table, new: &Table) -> bool {
    new.get("kind").is_some_and(|kind| old.get("kind") != Some(kind))
}

/// Number of steps in one epoch, clamped to `range`.
pub(crate) fn steps_for(sizes: &Sizes, batch_size: usize, range: std::ops::RangeInclusive<u64>) -> u64 {
    let once = sizes.examples.map_or(0, |examples| examples / batch_size.max(1) as u64);
    once.clamp(*range.start(), *range.end())
}

/// The number of blocks whose length is closest to `len`. It divides `seq_len`, is at least 2, and
/// gives blocks of 2 to `2·len` tokens.
pub(crate) fn blocks_for(seq_len: usize, len: usize) -> Option<usize> {
    let fits = |block: &usize| seq_len.is_multiple_of(*block) && seq_len / block >= 2;
    let block = (2..=2 * len).filter(fits).min_by_key(|block| block.abs_diff(len))?;
    Some(seq_len / block)
}

/// Makes the model generate `blocks` blocks in order, or all tokens together if `None`.
pub(crate) fn set_blocks(recipe: &mut Recipe, blocks: Option<usize>) {
    match blocks {
        Some(blocks) => recipe.model.blocks = blocks,
        None => {
            recipe.model.blocks = 1;
            if let Some(latent) = &mut recipe.model.latent {
                latent.sees_past = false;
            }
        }
    }
    let longest = recipe.model.unit_len().max(1);
    if let Some(Budgets::Several(steps)) = &mut recipe.objective.steps {
        steps.retain(|steps| *steps <= longest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Table {
        text.parse().unwrap()
    }

    #[test]
    fn tables_are_merged_and_kinds_and_values_replaced() {
        let base = table("a = 1\n[b]\nc = 2\nd = { kind = \"x\", e = 3 }\n[f]\ng = 4");
        let over = table("f = false\nh = 5\n[b]\nd = { kind = \"y\" }");
        let expected = table("a = 1\nh = 5\n[b]\nc = 2\nd = { kind = \"y\" }");
        assert_eq!(merge(base.clone(), over), expected);
        assert_eq!(merge(base.clone(), table("b.d.e = 6"))["b"]["d"]["e"], Value::Integer(6));
        assert_eq!(merge(base.clone(), Table::new()), base);
    }

    #[test]
    fn blocks_divide_the_sequence() {
        assert_eq!(blocks_for(256, 4), Some(64));
        assert_eq!(blocks_for(32, 8), Some(4));
        assert_eq!(blocks_for(15, 4), Some(5), "of two lengths as close, the shorter");
        assert_eq!(blocks_for(13, 4), None);
    }
}
