//! Vocabularies: mappings between tokens and text.

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

#[cfg(feature = "bpe")]
use super::Bpe;
use super::read::{MAX_BYTES, for_each_chunk};
use super::{Column, Lines, TextError};

/// Maximum number of characters of [`Vocabulary::Chars`].
pub const MAX_CHARACTERS: usize = 4096;

/// Meaning of tokens. Saved with a model to decode its samples.
///
/// Tokens are `0..len`. A source of lines adds the stop token `len`; the mask follows all tokens of
/// a source.
///
/// ```
/// use vmd_data::text::Vocabulary;
/// let tokens = Vocabulary::Text27.encode("a cab")?;
/// assert_eq!(tokens, [1, 0, 3, 1, 2]);
/// assert_eq!(Vocabulary::Text27.decode(&tokens), "a cab");
/// # Ok::<(), vmd_data::text::TextError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", try_from = "Saved")]
pub enum Vocabulary {
    /// The symbols of text8: the space is 0, `a` to `z` are 1 to 26.
    Text27,
    /// The 256 bytes of UTF-8.
    Bytes,
    /// The characters of a text.
    Chars {
        /// Character of each token, sorted and distinct.
        chars: Vec<char>,
    },
    /// The values of a table's columns, numbered over all columns.
    Columns {
        /// The columns from left to right.
        columns: Vec<Column>,
    },
    /// Byte pairs: frequent strings and all single bytes.
    #[cfg(feature = "bpe")]
    Bpe {
        /// The merges.
        tokenizer: Bpe,
    },
}

/// The kinds of [`Vocabulary`]; displayed by the names that files use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum VocabularyKind {
    /// `text27`.
    Text27,
    /// `bytes`.
    Bytes,
    /// `chars`.
    Chars,
    /// `columns`.
    Columns,
    /// `bpe`.
    Bpe,
}

impl fmt::Display for VocabularyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text27 => "text27",
            Self::Bytes => "bytes",
            Self::Chars => "chars",
            Self::Columns => "columns",
            Self::Bpe => "bpe",
        })
    }
}

impl VocabularyKind {
    /// A remedy for a character that the vocabulary lacks.
    pub(crate) fn remedy(self) -> &'static str {
        match self {
            Self::Text27 => "it has a to z and the space: normalise the text, or use `chars` or `bytes`",
            Self::Chars => "build it from this text as well, or use `bytes`",
            Self::Bytes | Self::Columns | Self::Bpe => "use `bytes`, which encodes any text",
        }
    }
}

impl Vocabulary {
    /// The characters of a file.
    ///
    /// # Errors
    ///
    /// [`TextError`] if the file cannot be read, is not text, is empty or has more than
    /// [`MAX_CHARACTERS`] characters.
    pub fn chars_of_file(path: &Path) -> Result<Self, TextError> {
        let mut characters = Characters::new(path);
        for_each_chunk(path, MAX_BYTES, |text, _| characters.add(text))?;
        characters.vocabulary()
    }

    /// The characters of lines, or of the values of a CSV column.
    ///
    /// # Errors
    ///
    /// [`TextError::TooManyCharacters`] beyond [`MAX_CHARACTERS`].
    pub fn chars_of_lines(lines: &Lines) -> Result<Self, TextError> {
        let mut characters = Characters::new(lines.path());
        lines.iter().try_for_each(|line| characters.add(line))?;
        characters.vocabulary()
    }

    /// Number of tokens, without stop and mask.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "no vocabulary is empty")]
    pub fn len(&self) -> usize {
        match self {
            Self::Text27 => 27,
            Self::Bytes => 256,
            Self::Chars { chars } => chars.len(),
            Self::Columns { columns } => columns.iter().map(|column| column.values.len()).sum(),
            #[cfg(feature = "bpe")]
            Self::Bpe { tokenizer } => tokenizer.len(),
        }
    }

    /// The kind of the vocabulary.
    #[must_use]
    pub fn kind(&self) -> VocabularyKind {
        match self {
            Self::Text27 => VocabularyKind::Text27,
            Self::Bytes => VocabularyKind::Bytes,
            Self::Chars { .. } => VocabularyKind::Chars,
            Self::Columns { .. } => VocabularyKind::Columns,
            #[cfg(feature = "bpe")]
            Self::Bpe { .. } => VocabularyKind::Bpe,
        }
    }

    /// The token that ends a line.
    #[must_use]
    pub fn stop(&self) -> u32 {
        self.len() as u32
    }
}

/// A vocabulary as saved, before validation. The braces of the unit variants make serde refuse
/// unknown keys.
#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
enum Saved {
    Text27 {},
    Bytes {},
    Chars {
        chars: Vec<char>,
    },
    Columns {
        columns: Vec<Column>,
    },
    #[cfg(feature = "bpe")]
    Bpe {
        tokenizer: Bpe,
    },
}

impl TryFrom<Saved> for Vocabulary {
    type Error = TextError;

    fn try_from(saved: Saved) -> Result<Self, TextError> {
        let unsorted = |what: &str| Err(TextError::Unsorted { what: what.into() });
        Ok(match saved {
            Saved::Text27 {} => Self::Text27,
            Saved::Bytes {} => Self::Bytes,
            Saved::Chars { chars } if !is_ordered(&chars) => return unsorted("the characters"),
            Saved::Chars { chars } => Self::Chars { chars },
            Saved::Columns { columns } if columns.is_empty() => return unsorted("the columns"),
            Saved::Columns { columns } => match columns.iter().find(|column| !is_ordered(&column.values)) {
                Some(column) => return unsorted(&format!("the values of column `{}`", column.name)),
                None => Self::Columns { columns },
            },
            #[cfg(feature = "bpe")]
            Saved::Bpe { tokenizer } => Self::Bpe { tokenizer },
        })
    }
}

/// Whether a list is sorted and distinct, as binary search requires.
fn is_ordered<T: Ord>(list: &[T]) -> bool {
    !list.is_empty() && list.is_sorted_by(|a, b| a < b)
}

/// The distinct characters seen so far.
struct Characters<'a> {
    path: &'a Path,
    seen: std::collections::BTreeSet<char>,
    /// Seen ASCII characters; faster than the tree for most texts.
    ascii: [bool; 128],
}

impl<'a> Characters<'a> {
    fn new(path: &'a Path) -> Self {
        Self { path, seen: std::collections::BTreeSet::new(), ascii: [false; 128] }
    }

    fn add(&mut self, text: &str) -> Result<(), TextError> {
        for character in text.chars() {
            match self.ascii.get_mut(character as usize) {
                Some(seen) if *seen => {}
                Some(seen) => *seen = self.seen.insert(character),
                None if self.seen.insert(character) && self.seen.len() > MAX_CHARACTERS => {
                    return Err(TextError::TooManyCharacters {
                        path: self.path.to_path_buf(),
                        limit: MAX_CHARACTERS,
                    });
                }
                None => {}
            }
        }
        Ok(())
    }

    fn vocabulary(self) -> Result<Vocabulary, TextError> {
        if self.seen.is_empty() {
            return Err(TextError::Empty { path: self.path.to_path_buf(), what: "characters" });
        }
        Ok(Vocabulary::Chars { chars: self.seen.into_iter().collect() })
    }
}
