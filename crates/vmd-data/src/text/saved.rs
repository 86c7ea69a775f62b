//! Saving and loading the encoding of a model.

use std::fs;
use std::path::Path;

use super::{Encoding, TextError};
use crate::files::write_whole;

/// Name of the file in a model folder.
const FILE: &str = "vocabulary.json";

impl Encoding {
    /// Saves the encoding to `vocabulary.json` in the model folder `folder`.
    ///
    /// # Errors
    ///
    /// [`TextError::Io`].
    pub fn save(&self, folder: &Path) -> Result<(), TextError> {
        let path = folder.join(FILE);
        let failed = |source| TextError::Io { action: "write", path: path.clone(), source };
        let text = serde_json::to_string(self).expect("an encoding serialises to JSON");
        write_whole(&path, failed, |file| file.write_all(text.as_bytes()).map_err(failed))
    }

    /// Loads the encoding of a model with `vocab` token values; `None` if the folder has none.
    ///
    /// # Errors
    ///
    /// [`TextError`] if the file cannot be read, is damaged, or has another number of token values.
    pub fn load(folder: &Path, vocab: usize) -> Result<Option<Self>, TextError> {
        let path = folder.join(FILE);
        if !path.is_file() {
            return Ok(None);
        }
        let bad = |reason: String| TextError::BadEncoding { path: path.clone(), reason };
        let bytes =
            fs::read(&path).map_err(|source| TextError::Io { action: "read", path: path.clone(), source })?;
        let encoding: Self =
            serde_json::from_slice(&bytes).map_err(|error| bad(format!("is not a vocabulary: {error}")))?;
        if encoding.n_values() != vocab {
            return Err(bad(format!("has {} values, but the model {vocab}", encoding.n_values())));
        }
        Ok(Some(encoding))
    }
}
