//! Recipe for models of synthetic sets.

use vmd_model::Budgets;
use vmd_train::KlSchedule;

use super::SyntheticTask;
use crate::{EvaluateConfig, Recipe, Task};

/// Largest number of modes for 1500 training steps.
const FEW_MODES: f64 = 100.0;

/// Sequence length from which samplers of eight steps are trained, too.
const LONG: usize = 16;

impl SyntheticTask {
    pub(super) fn make_recipe(&self) -> Recipe {
        let sizes = self.sizes();
        let name = self.set.to_string();
        let mut recipe =
            Recipe::built_in(&name, include_str!("recipe.toml"), sizes, EvaluateConfig::default());
        if let Some(Budgets::Several(steps)) = &mut recipe.objective.steps {
            if sizes.seq_len >= LONG {
                steps.push(8);
            }
            recipe.evaluate.nfe.clone_from(steps);
        }
        let entropy = self.set.entropy();
        if entropy > FEW_MODES.ln() + 1e-9 {
            recipe.train.steps = 4000;
        }
        let most = sizes.seq_len as f64 * (sizes.vocab as f64).ln();
        if sizes.seq_len > 2 * LONG && entropy > most / 2.0 {
            // With high entropy, the denoiser learns to use the latent more slowly; a lower KL
            // weight prevents posterior collapse.
            recipe.train.hold_posterior = 0.2;
            recipe.train.kl = KlSchedule(vec![[0.4, 0.35], [0.6, 1.0]]);
        }
        recipe
    }
}
