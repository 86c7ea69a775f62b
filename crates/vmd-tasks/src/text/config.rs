//! Settings of text tasks.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use vmd_data::text::{Corpus, Symbols, Vocabulary, cache_folder};

use super::TextTask;
use crate::files::{FileData, file_name};
use crate::{Sizes, Task, TaskError, TaskSettings};

/// Keys of `kind = "text"`: windows of a text. The first 90 % are for training, the next 5 % for
/// validation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextConfig {
    /// The file, plain or compressed with gzip or zip.
    pub path: PathBuf,
    /// Vocabulary.
    #[serde(default)]
    pub symbols: Symbols,
    /// Tokens per window.
    pub seq_len: usize,
}

/// Keys of `kind = "text8"`: the 100 million characters of text8. Downloaded if `path` is absent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text8Config {
    /// Path of `text8` or `text8.zip`.
    #[serde(default)]
    pub path: Option<PathBuf>,
    /// Tokens per window.
    pub seq_len: usize,
}

/// Evaluation options: those of every file task, and those of text.
const OPTIONS: &[&str] =
    &["samples", "iwae", "test", "texts", "length", "span", "candidates", "order", "judge"];

fn open(path: &Path, symbols: Symbols, seq_len: usize, dataset: String) -> Result<Box<dyn Task>, TaskError> {
    if seq_len == 0 {
        let problem = "it is 0; set it to 1 or more".into();
        return Err(TaskError::Setting { key: "seq_len", problem });
    }
    let corpus = Corpus::text(path, symbols, seq_len, &cache_folder()).map_err(TaskError::File)?;
    Ok(Box::new(TextTask::new(FileData { corpus, dataset })))
}

impl TaskSettings for TextConfig {
    const NAME: &'static str = "text";
    const OPTIONS: &'static [&'static str] = OPTIONS;

    fn known_sizes(&self) -> Option<Sizes> {
        let vocab = match self.symbols {
            Symbols::Text27 => Vocabulary::Text27.len(),
            Symbols::Bytes => Vocabulary::Bytes.len(),
            Symbols::Chars | Symbols::Bpe(_) => return None,
        };
        Some(Sizes { vocab, seq_len: self.seq_len, examples: None })
    }

    fn open(&self) -> Result<Box<dyn Task>, TaskError> {
        open(&self.path, self.symbols, self.seq_len, file_name(&self.path))
    }
}

impl TaskSettings for Text8Config {
    const NAME: &'static str = "text";
    const OPTIONS: &'static [&'static str] = OPTIONS;

    fn known_sizes(&self) -> Option<Sizes> {
        Some(Sizes { vocab: Vocabulary::Text27.len(), seq_len: self.seq_len, examples: None })
    }

    fn open(&self) -> Result<Box<dyn Task>, TaskError> {
        let path = match &self.path {
            Some(path) => path.clone(),
            None => downloaded()?,
        };
        open(&path, Symbols::Text27, self.seq_len, "text8".into())
    }
}

#[cfg(not(feature = "download"))]
fn downloaded() -> Result<PathBuf, TaskError> {
    Err(TaskError::NoDownload)
}

/// Address of text8, as in `datasets/text8/dataset.toml`.
#[cfg(feature = "download")]
const URL: &str = "http://mattmahoney.net/dc/text8.zip";

/// SHA-256 of the file.
#[cfg(feature = "download")]
const SHA256: &str = "a6640522afe85d1963ad56c05b0ede0a0c000dddc9671758a6cc09b7a38e5232";

/// text8 in the cache folder, downloaded if absent.
#[cfg(feature = "download")]
fn downloaded() -> Result<PathBuf, TaskError> {
    let to = cache_folder().join("text8.zip");
    vmd_data::text::download(URL, SHA256, &to, &mut |_, _| ()).map_err(TaskError::Download)?;
    Ok(to)
}

#[cfg(all(test, feature = "download"))]
mod tests {
    use super::*;

    #[test]
    fn what_is_downloaded_is_what_the_card_says() {
        let card: toml::Table = include_str!("../../datasets/text8.toml").parse().unwrap();
        let file = &card["files"][0];
        assert_eq!((file["url"].as_str(), file["sha256"].as_str()), (Some(URL), Some(SHA256)));
        assert_eq!(file["path"].as_str(), Some("text8.zip"));
    }
}
