//! The data behind an evaluation.

use std::sync::Arc;

use anyhow::Context;
use vmd::data::text::{Corpus, Encoding, Form, Split};

use crate::failure::usage;
use vmd::data_config::Syntax;
use vmd::models::LoadedModel;

/// Held-out examples, and what was trained on.
pub(super) struct Subject {
    pub(super) corpus: Corpus,
    pub(super) encoding: Encoding,
    pub(super) split: Split,
    /// What the data are called in records.
    pub(super) name: String,
    /// What makes a line valid.
    pub(super) syntax: Option<Syntax>,
}

impl Subject {
    /// Opens what `loaded` was trained on.
    pub(super) fn open(loaded: &LoadedModel, split: Split) -> anyhow::Result<Self> {
        let data = loaded.run.as_ref().map(|run| &run.data).filter(|data| data.is_file());
        let (Some(data), Some(encoding)) = (data, &loaded.encoding) else {
            return Err(usage(
                "the model lies in no run on text, lines or a table; give --model RUN, where RUN/config.toml says what it was \
                 trained on",
            ));
        };
        let corpus = data.corpus()?.expect("the data are a file");
        if corpus.encoding() != *encoding {
            return Err(usage(
                "the file in the run's data.path is not the one that the model was trained on: its vocabulary differs; \
                 restore it",
            ));
        }
        let (name, syntax) = (data.file_name(), data.syntax());
        Ok(Self { corpus, encoding: encoding.clone(), split, name, syntax })
    }

    pub(super) fn form(&self) -> Form {
        self.encoding.form
    }

    /// Up to `most` held-out examples, spread over the part, `[n, seq_len]`.
    pub(super) fn held_out(&self, most: usize) -> anyhow::Result<Vec<u32>> {
        self.examples(&self.corpus, most)
    }

    /// The same of `length` tokens each, `[n, length]`; none where the data are no text.
    pub(super) fn held_out_texts(&self, most: usize, length: usize) -> anyhow::Result<Vec<u32>> {
        let Corpus::Text(file, _, vocabulary) = &self.corpus else { return Ok(Vec::new()) };
        let windows = Corpus::Text(Arc::clone(file), length, vocabulary.clone());
        self.examples(&windows, most).with_context(|| format!("--length {length}"))
    }

    fn examples(&self, corpus: &Corpus, most: usize) -> anyhow::Result<Vec<u32>> {
        let source = corpus.source(self.split, 0)?;
        let n = corpus.n_examples(self.split)?.min(most as u64);
        let mut tokens = vec![0; n as usize * source.seq_len()];
        tokens
            .chunks_exact_mut(source.seq_len())
            .zip(0..)
            .for_each(|(tokens, index)| source.fill(index, tokens));
        Ok(tokens)
    }
}
