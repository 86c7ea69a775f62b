//! The file that says what the tokens of a model of text mean.

use std::path::Path;

use super::{Encoding, TextError};
use crate::files::write_whole;

/// Its name in a model folder.
const FILE: &str = "vocabulary.json";

impl Encoding {
    /// Saves it to `folder`.
    ///
    /// # Errors
    ///
    /// [`TextError::Io`].
    pub fn save(&self, folder: &Path) -> Result<(), TextError> {
        let path = folder.join(FILE);
        let text = serde_json::to_string(self).expect("an encoding serialises");
        let failed = |source| TextError::Io { action: "write", path: path.clone(), source };
        write_whole(&path, failed, |file| file.write_all(text.as_bytes()).map_err(failed))
    }

    /// The encoding of the model in `folder`, which has `vocab` values; `None` for a model that is not of text.
    ///
    /// # Errors
    ///
    /// [`TextError`] if the file cannot be read, is damaged, or is about another number of values.
    pub fn load(folder: &Path, vocab: usize) -> Result<Option<Self>, TextError> {
        let path = folder.join(FILE);
        if !path.is_file() {
            return Ok(None);
        }
        let bytes = std::fs::read(&path).map_err(|source| TextError::Io {
            action: "read",
            path: path.clone(),
            source,
        })?;
        let damaged = |reason: String| TextError::Encoding { path: path.clone(), reason };
        let encoding: Self = serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
        if encoding.n_values() != vocab {
            return Err(damaged(format!("it has {} values, but the model {vocab}", encoding.n_values())));
        }
        Ok(Some(encoding))
    }
}
