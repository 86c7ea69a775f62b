//! A trained model with what sampling needs.

use std::path::Path;

use burn::tensor::Device;
use vmd_core::Problem;
use vmd_data::text::Encoding;
use vmd_model::{Conditioned, LoadOptions, VmdModel, Writing, load_model_dir, model_folder, save_model_dir};
use vmd_sampler::{SampleOutput, Sampler, SamplerConfig};

use crate::{Error, shipped};

/// A trained model, with the encoding of its tokens for a model of text.
#[derive(Debug)]
pub struct VariationalMaskedDiffusion {
    model: VmdModel,
    encoding: Option<Encoding>,
}

impl VariationalMaskedDiffusion {
    /// Loads `model.safetensors` and `config.json` from `folder`, or from the folder `model` in it,
    /// strictly.
    ///
    /// # Errors
    ///
    /// [`Error`] that names the file and, where it applies, the tensor.
    pub fn from_dir(folder: impl AsRef<Path>, device: &Device) -> Result<Self, Error> {
        let folder = model_folder(folder.as_ref());
        let model = load_model_dir(&folder, LoadOptions::default(), device)?;
        let encoding = Encoding::load(&folder, model.config().vocab)?;
        Ok(Self { model, encoding })
    }

    /// Saves `model.safetensors`, `config.json` and a short `README.md` to `folder`, which
    /// [`from_dir`](Self::from_dir) reads.
    ///
    /// # Errors
    ///
    /// [`Error`] if a file cannot be written.
    pub fn save(&self, folder: impl AsRef<Path>) -> Result<(), Error> {
        let card = format!(
            "---\nlibrary_name: vmd\ntags: [masked-diffusion, variational-masked-diffusion]\n---\n\nA model made by `vmd` {}. \
             Load it with `vmd::VariationalMaskedDiffusion::from_dir`.\n",
            env!("CARGO_PKG_VERSION")
        );
        save_model_dir(&self.model, &card, folder.as_ref())?;
        if let Some(encoding) = &self.encoding {
            encoding.save(folder.as_ref())?;
        }
        Ok(())
    }

    /// The Sudoku model that comes with this crate: 81 cells, row after row, the digits 1 to 9 as
    /// tokens 0 to 8.
    ///
    /// # Errors
    ///
    /// [`Error`] if it cannot be loaded on `device`.
    pub fn shipped(device: &Device) -> Result<Self, Error> {
        Ok(Self::from_model(shipped::load(LoadOptions::default(), device)?))
    }

    /// Wraps a model whose tokens have no vocabulary.
    pub fn from_model(model: VmdModel) -> Self {
        Self { model, encoding: None }
    }

    /// Encoding of the tokens, for a model of text.
    pub fn encoding(&self) -> Option<&Encoding> {
        self.encoding.as_ref()
    }

    /// Fills every `▁` of a text with a token, as in `to be ▁▁▁▁ not to be`; `sampler` fills each
    /// block.
    ///
    /// # Errors
    ///
    /// [`Error`] if the model is not a model of text, or `text` or `sampler` do not fit it.
    pub fn complete(&self, text: &str, sampler: &SamplerConfig, seed: u64) -> Result<String, Error> {
        let encoding = self.encoding.as_ref().ok_or_else(|| {
            Error::usage("the model has no vocabulary.json, so it is not of text; use `sample` or `infill`")
        })?;
        let (config, template) = (self.model.config(), encoding.template(text)?);
        if !config.is_causal() && template.len() > config.seq_len {
            return Err(Error::usage(format!(
                "the text has {} tokens, and this model's sequences have at most {}; shorten the text",
                template.len(),
                config.seq_len
            )));
        }
        let sampler = Sampler::new(sampler.clone());
        let problems = sampler.problems_with(&Conditioned::next_block(&self.model, None));
        if !problems.is_empty() {
            let problems = Problem::joined(&problems);
            return Err(Error::usage(format!("the sampler does not fit the model: {problems}")));
        }
        let writing = Writing { template: &template, texts: 1, stop: encoding.stop(), seed };
        Ok(encoding.decode(&self.model.write(&sampler, writing, &mut ()).tokens))
    }

    /// The model.
    pub fn model(&self) -> &VmdModel {
        &self.model
    }

    /// Draws `count` unconditional sequences.
    ///
    /// # Panics
    ///
    /// As [`infill`](Self::infill).
    pub fn sample(&self, count: usize, sampler: &SamplerConfig, seed: u64) -> SampleOutput {
        let config = self.model.config();
        self.infill(&vec![config.mask_token(); count * config.seq_len], sampler, seed)
    }

    /// Fills the mask tokens (`vocab`) of `xt`, `[rows, seq]`; other tokens do not change.
    ///
    /// # Panics
    ///
    /// If `xt` is not a whole number of sequences, if `sampler` does not fit the model (see
    /// [`Sampler::problems_with`]), or if it makes several attempts (use
    /// [`Sampler::sample_checked`]).
    pub fn infill(&self, xt: &[u32], sampler: &SamplerConfig, seed: u64) -> SampleOutput {
        Sampler::new(sampler.clone()).sample(&self.model, xt, seed)
    }
}
