//! A trained model, ready to use.

use std::path::Path;

use burn::tensor::Device;
use vmd_model::{SampleOutput, Sampler, SamplerConfig, VmdModel};
use vmd_train::{LoadOptions, TrainError, load_model_dir};

/// A trained model from a folder.
#[derive(Debug)]
pub struct VariationalMaskedDiffusion {
    model: VmdModel,
}

impl VariationalMaskedDiffusion {
    /// Loads `model.safetensors` and `config.json` from `folder`, strictly.
    ///
    /// # Errors
    ///
    /// [`TrainError`] that names the file and, where it applies, the tensor.
    pub fn from_dir(folder: impl AsRef<Path>, device: &Device) -> Result<Self, TrainError> {
        Ok(Self { model: load_model_dir(folder.as_ref(), LoadOptions::default(), device)? })
    }

    /// The model itself.
    pub fn model(&self) -> &VmdModel {
        &self.model
    }

    /// `count` sequences from nothing.
    ///
    /// # Panics
    ///
    /// As [`infill`](Self::infill).
    pub fn sample(&self, count: usize, sampler: &SamplerConfig, seed: u64) -> SampleOutput {
        let config = self.model.config();
        self.infill(&vec![config.mask_token(); count * config.seq_len], sampler, seed)
    }

    /// Fills the mask tokens (`vocab`) of `xt`, `[rows, seq]`; all other tokens stay as they are.
    ///
    /// # Panics
    ///
    /// If `xt` is no whole number of sequences, or `sampler` does not fit the model, as
    /// [`Sampler::problems_with`] says beforehand; or if it makes several attempts or searches, which
    /// [`Sampler::sample_checked`] does.
    pub fn infill(&self, xt: &[u32], sampler: &SamplerConfig, seed: u64) -> SampleOutput {
        Sampler::new(sampler.clone(), self.model.config().schedule.clone()).sample(&self.model, xt, seed)
    }
}
