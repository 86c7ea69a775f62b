//! Byte pairs.

use std::path::Path;

use serde::{Deserialize, Serialize};
use tokenizers::Tokenizer;
use tokenizers::models::TrainerWrapper;
use tokenizers::models::bpe::{BPE, BpeTrainer};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;

use super::read::{MAX_BYTES, for_each_chunk};
use super::{TextError, Vocabulary};

/// Tokens of the bytes, without which some text could not be encoded.
const LEAST: usize = 256;

/// Most tokens, as numbers of 16 bits.
const MOST: usize = 1 << 16;

/// Bytes of text that merges are learned from; the counts of more text hardly change which pairs are frequent.
const LEARNED: usize = 64 << 20;

/// Merges of byte pairs, saved as the JSON of the `tokenizers` crate in one string.
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
        // Every number below the size must mean something, and every byte must have a number.
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

    /// The text of known tokens.
    pub(crate) fn decode(&self, tokens: &[u32]) -> String {
        self.tokenizer.decode(tokens, false).unwrap_or_default()
    }
}

impl Vocabulary {
    /// Learns `size` tokens from a file; fewer, if it has not enough different pairs. Of a large file, the first 64 MiB
    /// are looked at.
    ///
    /// # Errors
    ///
    /// [`TextError`] if `size` is not 256 to 65,536, and if the file cannot be read or is no text.
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

/// The JSON of a tokenizer.
fn learned(pieces: &[String], size: usize) -> tokenizers::Result<String> {
    // No space is put before the first word: what is decoded would have one more than what was encoded.
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
