//! Recipe for models of molecules.

use super::MoleculesTask;
use crate::files::line_recipe;
use crate::{Recipe, Task};

impl MoleculesTask {
    pub(super) fn own_recipe(&self) -> Recipe {
        line_recipe(self.name(), self.sizes())
    }
}
