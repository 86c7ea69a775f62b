//! Recipe for models of lines.

use super::LinesTask;
use crate::files::line_recipe;
use crate::{Recipe, Task};

impl LinesTask {
    pub(super) fn own_recipe(&self) -> Recipe {
        line_recipe(self.name(), self.sizes())
    }
}
