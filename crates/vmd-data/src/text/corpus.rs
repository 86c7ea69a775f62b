//! Text, lines or a table as the corpus of a configuration.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    CsvColumn, LineSet, LineSource, Lines, MAX_VALUES, Normalisation, Shares, Split, Table, TableSource,
    TextError, TextSource, TokenFile, Vocabulary,
};
use vmd_core::DataSource;

/// Vocabulary of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Symbols {
    /// `a` to `z` and the space; the text is normalised like text8.
    Text27,
    /// Bytes of UTF-8.
    Bytes,
    /// The characters that occur in the text.
    #[default]
    Chars,
    /// Byte pairs with this many token values, learned from the text; requires the feature `bpe`.
    Bpe(usize),
}

impl Symbols {
    /// The vocabulary of the text in `path`.
    fn of_text(self, path: &Path) -> Result<Vocabulary, TextError> {
        match self {
            Self::Text27 => Ok(Vocabulary::Text27),
            Self::Bytes => Ok(Vocabulary::Bytes),
            Self::Chars => Vocabulary::chars_of_file(path),
            #[cfg(feature = "bpe")]
            Self::Bpe(size) => Vocabulary::bpe_of_file(path, size),
            #[cfg(not(feature = "bpe"))]
            Self::Bpe(_) => Err(TextError::NoBpe),
        }
    }
}

/// How the tokens of a file form sequences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// Continuous text.
    Text,
    /// Lines, each terminated by a stop token.
    Lines,
    /// Rows of a table, one token per column.
    Table,
}

/// Placeholder for a token to fill in.
const BLANK: char = '▁';

/// Encoding of a model's tokens; saved with the model as `vocabulary.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Encoding {
    /// How tokens form sequences.
    pub form: Form,
    /// Meaning of the tokens.
    pub vocabulary: Vocabulary,
}

impl Encoding {
    /// Number of token values, including the stop token.
    pub fn n_values(&self) -> usize {
        self.vocabulary.len() + usize::from(self.form == Form::Lines)
    }

    /// The token that ends a line, if lines are encoded.
    pub fn stop(&self) -> Option<u32> {
        (self.form == Form::Lines).then(|| self.vocabulary.stop())
    }

    /// The mask token, for positions to fill in.
    pub fn mask_token(&self) -> u32 {
        self.n_values() as u32
    }

    /// Encodes a text in which each `▁` is one token to fill in.
    ///
    /// # Errors
    ///
    /// [`TextError`] for a character that the vocabulary lacks.
    ///
    /// ```
    /// use vmd_data::text::{Encoding, Form, Vocabulary};
    /// let encoding = Encoding { form: Form::Text, vocabulary: Vocabulary::Text27 };
    /// assert_eq!(encoding.template("a▁b")?, [1, 27, 2]);
    /// # Ok::<(), vmd_data::text::TextError>(())
    /// ```
    pub fn template(&self, text: &str) -> Result<Vec<u32>, TextError> {
        let mut tokens = Vec::new();
        for (place, given) in text.split(BLANK).enumerate() {
            if place > 0 {
                tokens.push(self.mask_token());
            }
            if !given.is_empty() {
                tokens.extend(self.vocabulary.encode(given)?);
            }
        }
        Ok(tokens)
    }

    /// Decodes tokens. A mask token is shown as `▁`, and a line ends before its stop token.
    pub fn decode(&self, tokens: &[u32]) -> String {
        match self.form {
            Form::Lines => self.vocabulary.decode_line(tokens),
            Form::Text | Form::Table => self.vocabulary.decode(tokens),
        }
    }
}

/// Sequences of a file.
#[derive(Debug, Clone)]
pub enum Corpus {
    /// Windows of a text, with the number of tokens per window.
    Text(Arc<TokenFile>, usize, Vocabulary),
    /// Lines.
    Lines(Arc<LineSet>),
    /// Rows.
    Table(Arc<Table>),
}

impl Corpus {
    /// Windows of `seq_len` tokens of the text in `path`. The tokens are cached in the folder
    /// `cache`.
    ///
    /// # Errors
    ///
    /// [`TextError`] for a file that cannot be read or contains other characters.
    pub fn text(path: &Path, symbols: Symbols, seq_len: usize, cache: &Path) -> Result<Self, TextError> {
        let normalisation = match symbols {
            Symbols::Text27 => Normalisation::Text27,
            Symbols::Bytes | Symbols::Chars | Symbols::Bpe(_) => Normalisation::None,
        };
        let vocabulary = symbols.of_text(path)?;
        let file = TokenFile::open(path, &vocabulary, normalisation, cache)?;
        Ok(Self::Text(Arc::new(file), seq_len, vocabulary))
    }

    /// The lines of `path`, or the values of one of its columns, as sequences of `seq_len` tokens.
    ///
    /// # Errors
    ///
    /// [`TextError`] for a file that cannot be read, other characters, or lines that are too long.
    pub fn lines(
        path: &Path,
        column: Option<&CsvColumn>,
        symbols: Symbols,
        seq_len: usize,
    ) -> Result<Self, TextError> {
        let lines = Lines::read(path, column)?;
        let vocabulary = match symbols {
            Symbols::Chars => Vocabulary::chars_of_lines(&lines)?,
            _ => symbols.of_text(path)?,
        };
        Ok(Self::Lines(Arc::new(LineSet::new(lines, vocabulary, seq_len)?)))
    }

    /// The rows of the table in `path`.
    ///
    /// # Errors
    ///
    /// [`TextError`] for a file that cannot be read, is malformed, or has a column with too many
    /// values.
    pub fn table(path: &Path) -> Result<Self, TextError> {
        Ok(Self::Table(Arc::new(Table::read(path, MAX_VALUES)?)))
    }

    /// Encoding of the tokens.
    pub fn encoding(&self) -> Encoding {
        let (form, vocabulary) = match self {
            Self::Text(_, _, vocabulary) => (Form::Text, vocabulary),
            Self::Lines(lines) => (Form::Lines, lines.vocabulary()),
            Self::Table(table) => (Form::Table, table.vocabulary()),
        };
        Encoding { form, vocabulary: vocabulary.clone() }
    }

    /// The examples of one split, in an order determined by `seed`.
    ///
    /// # Errors
    ///
    /// [`TextError`] if the split is too short for an example.
    pub fn source(&self, split: Split, seed: u64) -> Result<Box<dyn DataSource>, TextError> {
        let shares = Shares::default();
        Ok(match self {
            Self::Text(file, seq_len, _) => {
                Box::new(TextSource::new(Arc::clone(file), split, shares, *seq_len, seed)?)
            }
            Self::Lines(lines) => Box::new(LineSource::new(Arc::clone(lines), split, shares, seed)?),
            Self::Table(table) => Box::new(TableSource::new(Arc::clone(table), split, shares, seed)?),
        })
    }
}

impl Corpus {
    /// Tokens per example.
    pub fn seq_len(&self) -> usize {
        match self {
            Self::Text(_, seq_len, _) => *seq_len,
            Self::Lines(lines) => lines.seq_len(),
            Self::Table(table) => table.vocabulary().columns().len(),
        }
    }

    /// Number of examples of a split.
    ///
    /// # Errors
    ///
    /// As in [`source`](Self::source).
    pub fn n_examples(&self, split: Split) -> Result<u64, TextError> {
        let shares = Shares::default();
        Ok(match self {
            Self::Text(file, seq_len, _) => {
                TextSource::new(Arc::clone(file), split, shares, *seq_len, 0)?.windows()
            }
            Self::Lines(lines) => LineSource::new(Arc::clone(lines), split, shares, 0)?.len(),
            Self::Table(table) => TableSource::new(Arc::clone(table), split, shares, 0)?.len(),
        })
    }

    /// Up to `most` tokens from the start of a text's training split; empty for lines and tables.
    ///
    /// # Errors
    ///
    /// As in [`source`](Self::source).
    pub fn training_tokens(&self, most: usize) -> Result<Vec<u32>, TextError> {
        let Self::Text(file, ..) = self else { return Ok(Vec::new()) };
        let range = Shares::default().range(Split::Train, file.len())?;
        let n = (range.end - range.start).min(most as u64) as usize;
        let mut tokens = vec![0; n];
        file.read(range.start, &mut tokens);
        Ok(tokens)
    }

    /// The training lines; empty for texts and tables.
    ///
    /// # Errors
    ///
    /// As in [`source`](Self::source).
    pub fn training_lines(&self) -> Result<Vec<String>, TextError> {
        let Self::Lines(lines) = self else { return Ok(Vec::new()) };
        let source = LineSource::new(Arc::clone(lines), Split::Train, Shares::default(), 0)?;
        Ok(source.lines().map(str::to_string).collect())
    }

    /// The training rows of a table; empty for texts and lines.
    ///
    /// # Errors
    ///
    /// As in [`source`](Self::source).
    pub fn training_rows(&self) -> Result<Vec<Vec<u32>>, TextError> {
        let Self::Table(table) = self else { return Ok(Vec::new()) };
        let source = TableSource::new(Arc::clone(table), Split::Train, Shares::default(), 0)?;
        Ok(source.rows().map(<[u32]>::to_vec).collect())
    }
}

/// The folder for cached tokens and downloads: `VMD_CACHE`, or `vmd` in the user's cache folder.
pub fn cache_folder() -> PathBuf {
    let of = |variable: &str| std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    of("VMD_CACHE")
        .or_else(|| of("XDG_CACHE_HOME").map(|cache| cache.join("vmd")))
        .or_else(|| of("HOME").map(|home| home.join(".cache/vmd")))
        .unwrap_or_else(|| std::env::temp_dir().join("vmd"))
}
