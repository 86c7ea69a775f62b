//! Recipe for models of tables.

use super::TableTask;
use crate::{EvaluateConfig, Recipe, Task};

impl TableTask {
    pub(super) fn own_recipe(&self) -> Recipe {
        let evaluate = EvaluateConfig {
            samples: Some(1000),
            texts: Some(1000),
            nfe: vec![1, 2, 4],
            ..EvaluateConfig::default()
        };
        Recipe::general(self.name(), self.sizes(), evaluate)
    }
}
