//! Byte-pair encoding.

use std::path::Path;

use serde::{Deserialize, Serialize};
use tokenizers::Tokenizer;
use tokenizers::models::TrainerWrapper;
use tokenizers::models::bpe::{BPE, BpeTrainer};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;

use super::read::{MAX_BYTES, for_each_chunk};
use super::{TextError, Vocabulary};

/// Minimum number of tokens: one for every byte, so that any text can be encoded.
const LEAST: usize = 256;

/// Maximum number of tokens: 16-bit values.
const MOST: usize = 1 << 16;

/// Maximum number of bytes of text for learning merges; more text hardly changes the frequent
/// pairs.
const LEARNED: usize = 64 << 20;

/// Merges of byte pairs, serialised as the JSON of the `tokenizers` crate in one string.
///
/// # Source
///
/// Sennrich, Haddow and Birch, arXiv:1508.07909, on the bytes of UTF-8.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Bpe {
    json: String,
    tokenizer: Box<Tokenizer>,
    size: usize,
}

impl PartialEq for Bpe {
    fn eq(&self, other: &Self) -> bool {
        self.json == other.json
    }
}

impl Eq for Bpe {}

impl From<Bpe> for String {
    fn from(bpe: Bpe) -> Self {
        bpe.json
    }
}

impl TryFrom<String> for Bpe {
    type Error = TextError;

    fn try_from(json: String) -> Result<Self, TextError> {
        let tokenizer: Tokenizer = json.parse().map_err(failed)?;
        let size = tokenizer.get_vocab_size(true);
        // Every token below the size must exist, and every byte must have a token.
        let is_whole = (0..size as u32).all(|token| tokenizer.id_to_token(token).is_some())
            && ByteLevel::alphabet().iter().all(|byte| tokenizer.token_to_id(&byte.to_string()).is_some());
        if !is_whole {
            return Err(TextError::BytePairs { reason: "tokens are missing".into() });
        }
        Ok(Self { json, tokenizer: Box::new(tokenizer), size })
    }
}

impl Bpe {
    /// Number of tokens.
    pub(crate) fn len(&self) -> usize {
        self.size
    }

    pub(crate) fn encode(&self, text: &str) -> Result<Vec<u32>, TextError> {
        Ok(self.tokenizer.encode_fast(text, false).map_err(failed)?.get_ids().to_vec())
    }

    /// The text of valid tokens.
    pub(crate) fn decode(&self, tokens: &[u32]) -> String {
        self.tokenizer.decode(tokens, false).unwrap_or_default()
    }
}

impl Vocabulary {
    /// Learns `size` tokens from a file, or fewer if it has too few distinct pairs. Uses the first
    /// 64 MiB of a large file.
    ///
    /// # Errors
    ///
    /// [`TextError`] if `size` is not 256 to 65,536, and if the file cannot be read or is not text.
    pub fn bpe_of_file(path: &Path, size: usize) -> Result<Self, TextError> {
        if !(LEAST..=MOST).contains(&size) {
            return Err(TextError::BytePairCount { size, least: LEAST, most: MOST });
        }
        let mut pieces = Vec::new();
        let mut held = 0;
        for_each_chunk(path, MAX_BYTES, |text, _| {
            if held < LEARNED && !text.is_empty() {
                held += text.len();
                pieces.push(text.to_string());
            }
            Ok(())
        })?;
        if pieces.is_empty() {
            return Err(TextError::Empty { path: path.to_path_buf(), what: "text" });
        }
        let tokenizer = learned(&pieces, size).map_err(failed)?;
        Ok(Self::Bpe { tokenizer: tokenizer.try_into()? })
    }
}

/// Trains a tokenizer and returns its JSON.
fn learned(pieces: &[String], size: usize) -> tokenizers::Result<String> {
    // No prefix space: decoding would return one more than was encoded.
    let level = ByteLevel::new(false, true, true);
    let mut tokenizer = Tokenizer::new(BPE::default());
    tokenizer.with_pre_tokenizer(Some(level));
    tokenizer.with_decoder(Some(level));
    let trainer = BpeTrainer::builder()
        .vocab_size(size)
        .show_progress(false)
        .initial_alphabet(ByteLevel::alphabet().into_iter().collect())
        .build();
    tokenizer.train(&mut TrainerWrapper::from(trainer), pieces.iter())?;
    tokenizer.to_string(false)
}

fn failed(error: tokenizers::Error) -> TextError {
    TextError::BytePairs { reason: error.to_string() }
}
