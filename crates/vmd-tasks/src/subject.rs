//! The model that is measured.

use vmd_data::text::Encoding;
use vmd_eval::Provenance;
use vmd_model::{ObjectiveConfig, VmdModel};

/// What records say about a model.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stamp {
    /// Name of the model, such as its folder.
    pub model: String,
    /// Loops of its trunk, where they are not its own number.
    pub loops: Option<usize>,
    /// Revision of the code.
    pub revision: String,
    /// SHA-256 of the model's configuration.
    pub config_sha256: String,
}

/// A model, and what an evaluation needs to know about it.
#[derive(Debug, Clone)]
pub struct Subject<'a> {
    /// The model.
    pub model: &'a VmdModel,
    /// What its tokens mean, where that is saved beside it.
    pub encoding: Option<&'a Encoding>,
    /// The objective that it was trained with, for bounds.
    pub objective: ObjectiveConfig,
    /// A second model of the same tokens that judges what this one writes.
    pub judge: Option<&'a VmdModel>,
    /// What records say about it.
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

    /// What all figures of this model on a part of a data set share.
    #[must_use]
    pub fn provenance(&self, task: &str, dataset: &str, split: &str, seed: u64) -> Provenance {
        Provenance {
            task: task.into(),
            dataset: dataset.into(),
            split: split.into(),
            loops: self.stamp.loops,
            model: self.stamp.model.clone(),
            seed,
            revision: self.stamp.revision.clone(),
            config_sha256: self.stamp.config_sha256.clone(),
        }
    }
}
