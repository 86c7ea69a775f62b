//! Encoding and decoding of text.

use super::{TextError, Vocabulary, columns};

/// Placeholder for a masked token: `▁`.
const MASKED: char = '\u{2581}';

impl Vocabulary {
    /// Encodes a text; for a vocabulary of columns, a line of CSV.
    ///
    /// # Errors
    ///
    /// [`TextError::Character`] for the first character without a token; [`TextError::RowLength`]
    /// and [`TextError::Value`] for a row of a table.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, TextError> {
        let by = |token: &dyn Fn(char) -> Option<u32>| {
            let coded = text.chars().zip(1..).map(|(character, position)| {
                let missing = || TextError::Character { character, position, vocabulary: self.kind() };
                token(character).ok_or_else(missing)
            });
            coded.collect()
        };
        match self {
            Self::Text27 => by(&symbol27),
            Self::Bytes => Ok(text.bytes().map(u32::from).collect()),
            Self::Chars { chars } => by(&|c| chars.binary_search(&c).ok().map(|token| token as u32)),
            Self::Columns { columns } => columns::encode(columns, text),
            #[cfg(feature = "bpe")]
            Self::Bpe { tokenizer } => tokenizer.encode(text),
        }
    }

    /// Decodes tokens: the inverse of [`encode`](Self::encode), with `▁` for each number from
    /// [`len`](Self::len) on, such as the mask of a window. Bytes that are not valid UTF-8 are
    /// shown as `U+FFFD`.
    #[must_use]
    pub fn decode(&self, tokens: &[u32]) -> String {
        let by = |character: &dyn Fn(u32) -> Option<char>| {
            tokens.iter().map(|&token| character(token).unwrap_or(MASKED)).collect()
        };
        match self {
            Self::Text27 => by(&character27),
            Self::Chars { chars } => by(&|token| chars.get(token as usize).copied()),
            Self::Bytes => {
                let mut mask = [0; 4];
                let mask = MASKED.encode_utf8(&mut mask).as_bytes();
                let byte = |&token: &u32| u8::try_from(token).map_or(mask.to_vec(), |byte| vec![byte]);
                String::from_utf8_lossy(&Vec::from_iter(tokens.iter().flat_map(byte))).into_owned()
            }
            Self::Columns { columns } => {
                let mut mask = [0; 4];
                let mask = &*MASKED.encode_utf8(&mut mask);
                columns::line(tokens.iter().map(|&token| columns::value(columns, token).unwrap_or(mask)))
            }
            #[cfg(feature = "bpe")]
            Self::Bpe { tokenizer } => {
                let is_known = |&token: &u32| (token as usize) < tokenizer.len();
                let runs = tokens.chunk_by(|a, b| is_known(a) == is_known(b));
                let shown = |run: &[u32]| match run.iter().all(is_known) {
                    true => tokenizer.decode(run),
                    false => String::from_iter(run.iter().map(|_| MASKED)),
                };
                runs.map(shown).collect()
            }
        }
    }

    /// Decodes a line's tokens up to the first [`stop`](Self::stop), with `▁` for numbers above it,
    /// such as the mask of a line.
    #[must_use]
    pub fn decode_line(&self, tokens: &[u32]) -> String {
        self.decode(tokens.split(|&token| token == self.stop()).next().unwrap_or_default())
    }
}

fn symbol27(character: char) -> Option<u32> {
    match character {
        ' ' => Some(0),
        'a'..='z' => Some(character as u32 - 'a' as u32 + 1),
        _ => None,
    }
}

fn character27(token: u32) -> Option<char> {
    match token {
        0 => Some(' '),
        1..=26 => char::from_u32('a' as u32 + token - 1),
        _ => None,
    }
}
