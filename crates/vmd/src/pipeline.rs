//! A trained model, ready to use.

use std::path::Path;

use burn::tensor::Device;
use thiserror::Error;
use vmd_data::text::{Encoding, TextError};
use vmd_model::{Conditioned, LoadOptions, VmdModel, Writing, load_model_dir};
use vmd_sampler::{SampleOutput, Sampler, SamplerConfig};

/// A trained model from a folder.
#[derive(Debug)]
pub struct VariationalMaskedDiffusion {
    model: VmdModel,
    encoding: Option<Encoding>,
}

/// Why a model folder cannot be opened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The model cannot be loaded.
    #[error(transparent)]
    Model(#[from] vmd_model::LoadError),
    /// Its vocabulary cannot be loaded.
    #[error(transparent)]
    Text(#[from] TextError),
}

/// Why a text cannot be completed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CompleteError {
    /// The model was not trained on text.
    #[error("the model's folder has no vocabulary.json: it is no model of text; use `sample` or `infill`")]
    NotText,
    /// The text holds a character that the model does not know.
    #[error(transparent)]
    Text(#[from] TextError),
    /// The sampler does not fit the model.
    #[error("the sampler does not fit the model: {}", .problems.join("; "))]
    Sampler {
        /// What is wrong, with the names of the keys.
        problems: Vec<String>,
    },
    /// The text is longer than the model's.
    #[error(
        "{tokens} tokens, and this model writes all {most} of a sequence at once; give no more than that"
    )]
    TooLong {
        /// Tokens of the text.
        tokens: usize,
        /// Tokens of the model's sequences.
        most: usize,
    },
}

impl VariationalMaskedDiffusion {
    /// Loads `model.safetensors` and `config.json` from `folder`, strictly.
    ///
    /// # Errors
    ///
    /// [`OpenError`] that names the file and, where it applies, the tensor.
    pub fn from_dir(folder: impl AsRef<Path>, device: &Device) -> Result<Self, OpenError> {
        let model = load_model_dir(folder.as_ref(), LoadOptions::default(), device)?;
        let encoding = Encoding::load(folder.as_ref(), model.config().vocab)?;
        Ok(Self { model, encoding })
    }

    /// What the tokens of a model of text mean.
    pub fn encoding(&self) -> Option<&Encoding> {
        self.encoding.as_ref()
    }

    /// Fills every `▁` of a text with a token, as in `to be ▁▁▁▁ not to be`; `sampler` fills each block.
    ///
    /// # Errors
    ///
    /// [`CompleteError`] if the model is not of text, or text or sampler do not fit it.
    pub fn complete(&self, text: &str, sampler: &SamplerConfig, seed: u64) -> Result<String, CompleteError> {
        let encoding = self.encoding.as_ref().ok_or(CompleteError::NotText)?;
        let (config, template) = (self.model.config(), encoding.template(text)?);
        if !config.causal && template.len() > config.seq_len {
            return Err(CompleteError::TooLong { tokens: template.len(), most: config.seq_len });
        }
        let sampler = Sampler::new(sampler.clone());
        let problems = sampler.problems_with(&Conditioned::next_block(&self.model, None));
        if !problems.is_empty() {
            return Err(CompleteError::Sampler { problems });
        }
        let writing = Writing { template: &template, texts: 1, stop: encoding.stop(), seed };
        Ok(encoding.decode(&self.model.write(&sampler, writing, &mut ()).tokens))
    }

    /// The model itself.
    pub fn model(&self) -> &VmdModel {
        &self.model
    }

    /// `count` unconditional sequences.
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
    /// [`Sampler::problems_with`] says beforehand; or if it makes several attempts, which
    /// [`Sampler::sample_checked`] does.
    pub fn infill(&self, xt: &[u32], sampler: &SamplerConfig, seed: u64) -> SampleOutput {
        Sampler::new(sampler.clone()).sample(&self.model, xt, seed)
    }
}
