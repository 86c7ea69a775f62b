//! Code shared by the tasks whose data are in a file.

mod bounds;
#[cfg(feature = "train")]
mod recipe;
mod run;
mod task;
mod uniqueness;

use std::path::Path;
use std::sync::Arc;

use vmd_data::text::{Corpus, Encoding, Split};
use vmd_eval::Figure;

use crate::{Sizes, Sources, TaskError};

#[cfg(feature = "train")]
pub(crate) use recipe::line_recipe;
pub(crate) use run::FileRun;
pub(crate) use task::FileTask;
pub(crate) use uniqueness::uniqueness_figures;

/// Named figures.
pub(crate) type Figures = Vec<(&'static str, Figure)>;

/// Options of every task whose data are in a file.
pub(crate) const OPTIONS: &[&str] = &["samples", "iwae", "test", "texts", "length"];

/// An opened file.
#[derive(Debug, Clone)]
pub(crate) struct FileData {
    pub(crate) corpus: Corpus,
    /// Name of the data set in records.
    pub(crate) dataset: String,
}

/// The last component of a path.
pub(crate) fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

impl FileData {
    pub(crate) fn encoding(&self) -> Encoding {
        self.corpus.encoding()
    }

    pub(crate) fn sizes(&self) -> Sizes {
        Sizes {
            vocab: self.encoding().n_values(),
            seq_len: self.corpus.seq_len(),
            examples: self.corpus.n_examples(Split::Train).ok(),
        }
    }

    pub(crate) fn sources(&self, seed: u64) -> Result<Sources, TaskError> {
        let part = |split| self.corpus.source(split, seed).map_err(TaskError::File);
        Ok(Sources { training: part(Split::Train)?, validation: part(Split::Validation)? })
    }

    /// Up to `most` held-out examples, spread over the split, `[n, seq_len]`.
    pub(crate) fn held_out(&self, split: Split, most: usize) -> Result<Vec<u32>, TaskError> {
        examples(&self.corpus, split, most).map_err(TaskError::File)
    }

    /// Up to `most` held-out texts of `length` tokens, `[n, length]`; empty if the data are not
    /// text.
    pub(crate) fn held_out_texts(
        &self,
        split: Split,
        most: usize,
        length: usize,
    ) -> Result<Vec<u32>, TaskError> {
        let Corpus::Text(file, _, vocabulary) = &self.corpus else { return Ok(Vec::new()) };
        let windows = Corpus::Text(Arc::clone(file), length, vocabulary.clone());
        examples(&windows, split, most).map_err(|reason| TaskError::Length { length, reason })
    }
}

fn examples(corpus: &Corpus, split: Split, most: usize) -> Result<Vec<u32>, vmd_data::text::TextError> {
    let source = corpus.source(split, 0)?;
    let n = corpus.n_examples(split)?.min(most as u64);
    let mut tokens = vec![0; n as usize * source.seq_len()];
    tokens.chunks_exact_mut(source.seq_len()).zip(0..).for_each(|(tokens, index)| source.fill(index, tokens));
    Ok(tokens)
}
