//! The model to measure.

use vmd_data::text::Encoding;
use vmd_eval::Provenance;
use vmd_model::{ObjectiveConfig, VmdModel};

/// Description of a model in records.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stamp {
    /// Name of the model, such as its folder.
    pub model: String,
    /// Loops of its trunk, if they differ from the model's own number.
    pub loops: Option<usize>,
    /// Revision of the code.
    pub revision: String,
    /// SHA-256 of the model's configuration.
    pub config_sha256: String,
}

/// A model with the data needed to evaluate it.
#[derive(Debug, Clone)]
pub struct Subject<'a> {
    /// The model.
    pub model: &'a VmdModel,
    /// Encoding of its tokens, if saved with the model.
    pub encoding: Option<&'a Encoding>,
    /// Training objective, for bounds.
    pub objective: ObjectiveConfig,
    /// A second model over the same tokens that scores generated samples.
    pub judge: Option<&'a VmdModel>,
    /// Description of the model in records.
    pub stamp: Stamp,
}

impl<'a> Subject<'a> {
    /// `model` without a name, encoding or judge.
    #[must_use]
    pub fn new(model: &'a VmdModel) -> Self {
        Self {
            model,
            encoding: None,
            objective: ObjectiveConfig::default(),
            judge: None,
            stamp: Stamp::default(),
        }
    }

    /// Provenance shared by all figures of this model on one split of a data set.
    #[must_use]
    pub fn provenance(&self, task: &str, dataset: &str, split: &str, seed: u64) -> Provenance {
        Provenance {
            task: task.into(),
            dataset: dataset.into(),
            split: split.into(),
            loops: self.stamp.loops,
            model: self.stamp.model.clone(),
            has_latent: self.model.posterior().is_some(),
            seed,
            revision: self.stamp.revision.clone(),
            config_sha256: self.stamp.config_sha256.clone(),
        }
    }
}
