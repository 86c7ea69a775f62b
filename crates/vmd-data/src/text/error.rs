//! Errors of texts, tables and vocabularies.

use std::path::PathBuf;

use thiserror::Error;

use super::{Split, VocabularyKind};

/// A text file, table, vocabulary or split that cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TextError {
    /// The build lacks byte-pair vocabularies.
    #[error(
        "this build has no byte-pair vocabularies; build with --features bpe, or use the symbols text27, bytes or chars"
    )]
    NoBpe,
    /// A character has no token.
    #[error("{character:?} at position {position} is not in the vocabulary `{vocabulary}`; {}", vocabulary.remedy())]
    Character {
        /// The character.
        character: char,
        /// Its position in the text, from 1.
        position: usize,
        /// The vocabulary.
        vocabulary: VocabularyKind,
    },
    /// A character of a file has no token.
    #[error(
        "{}, line {line}, column {column}: {character:?} is not in the vocabulary `{vocabulary}`; {}",
        path.display(),
        vocabulary.remedy()
    )]
    CharacterInFile {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: u64,
        /// Character in the line, from 1.
        column: u64,
        /// The character.
        character: char,
        /// The vocabulary.
        vocabulary: VocabularyKind,
    },
    /// The file has too many distinct characters.
    #[error(
        "{} has more than {limit} different characters; use the vocabulary `bytes`, which encodes any text",
        path.display()
    )]
    TooManyCharacters {
        /// The file.
        path: PathBuf,
        /// Maximum number of characters.
        limit: usize,
    },
    /// A saved or edited vocabulary is invalid.
    #[error("{what} are empty, duplicate or unsorted; save the vocabulary again instead of editing it")]
    Unsorted {
        /// The unordered part.
        what: String,
    },
    /// A tokenizer cannot be loaded, trained or applied.
    #[error("invalid byte-pair vocabulary: {reason}; train it again")]
    BytePairs {
        /// The error of the tokenizer.
        reason: String,
    },
    /// The size of a byte-pair vocabulary is out of range.
    #[error("a byte-pair vocabulary of {size} tokens; choose {least} to {most}")]
    BytePairCount {
        /// Requested tokens.
        size: usize,
        /// Minimum.
        least: usize,
        /// Maximum.
        most: usize,
    },
    /// The number of values of a row differs from the number of columns.
    #[error("{found} values for {expected} columns; give one for each column")]
    RowLength {
        /// Columns.
        expected: usize,
        /// Values in the row.
        found: usize,
    },
    /// The column does not have this value.
    #[error("`{value}` is not a value of column `{column}`; use one of the vocabulary")]
    Value {
        /// The value.
        value: String,
        /// Name of the column.
        column: String,
    },
    /// The file is not text.
    #[error("{}, line {line}, column {column}: this is not text in UTF-8; convert the file", path.display())]
    NotText {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: u64,
        /// Character in the line, from 1.
        column: u64,
    },
    /// The file is empty.
    #[error("{} holds no {what}; give a file with content", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
        /// The missing content.
        what: &'static str,
    },
    /// A split of a text is shorter than one window.
    #[error(
        "{}: the {split} split has {tokens} tokens, fewer than one window of {seq_len}; \
         lower seq_len, raise the share of this split or give a longer file",
        path.display()
    )]
    ShortSplit {
        /// The file.
        path: PathBuf,
        /// The split.
        split: Split,
        /// Tokens of the split.
        tokens: u64,
        /// Tokens of a window.
        seq_len: usize,
    },
    /// The window length is 0.
    #[error("seq_len is 0; set it to 1 or more")]
    NoWindow,
    /// A split of a file has no examples.
    #[error(
        "{}: none of the {total} examples is in the {split} split; raise its share or give a longer file",
        path.display()
    )]
    EmptySplit {
        /// The file.
        path: PathBuf,
        /// The split.
        split: Split,
        /// Examples of the file.
        total: u64,
    },
    /// Lines exceed the sequence length.
    #[error(
        "{}, line {line}: too many tokens for seq_len = {seq_len}, the stop token included (lines like it: {count}, tokens \
         of the longest: {longest}); set seq_len to {} or more, or remove these lines",
        path.display(),
        longest + 1
    )]
    LongLines {
        /// The file.
        path: PathBuf,
        /// The first such line, from 1.
        line: u64,
        /// Number of such lines.
        count: u64,
        /// Tokens of the longest line.
        longest: usize,
        /// Tokens of an example.
        seq_len: usize,
    },
    /// The shares of the splits are not in 0 to 1, or their sum is not 1.
    #[error(
        "shares of {train} for training, {validation} for validation and {test} for the test; \
         give numbers from 0 to 1 whose sum is 1"
    )]
    Shares {
        /// Share of training.
        train: f64,
        /// Share of validation.
        validation: f64,
        /// Share of the test.
        test: f64,
    },
    /// A CSV file lacks the requested column.
    #[error("{}, line 1: no column {asked}; the columns are {}", path.display(), found.join(", "))]
    NoColumn {
        /// The file.
        path: PathBuf,
        /// Name or number of the column.
        asked: String,
        /// Columns of the file.
        found: Vec<String>,
    },
    /// Two columns of a table have the same name.
    #[error("{}, line 1: duplicate column `{column}`; rename one", path.display())]
    TwinColumns {
        /// The file.
        path: PathBuf,
        /// The name.
        column: String,
    },
    /// A column has too many distinct values to be categorical.
    #[error(
        "{}, line {line}: column `{column}` has more than {limit} different values; \
         leave it out, round it, or raise the limit",
        path.display()
    )]
    TooManyValues {
        /// The file.
        path: PathBuf,
        /// Line of the first value beyond the limit, from 1.
        line: u64,
        /// Name of the column.
        column: String,
        /// Maximum number of values.
        limit: usize,
    },
    /// The file is not valid CSV.
    #[error("{}: {source}; correct that line, its commas, quotes and encoding", path.display())]
    Csv {
        /// The file.
        path: PathBuf,
        /// The error of the CSV reader, with the line.
        source: csv::Error,
    },
    /// An archive does not contain exactly one file.
    #[error("{} is an archive of {members} files; unpack it and give one of them", path.display())]
    Members {
        /// The archive.
        path: PathBuf,
        /// Files in it.
        members: usize,
    },
    /// A compressed file cannot be unpacked.
    #[error("{} cannot be unpacked: {source}; it is damaged or incomplete, so fetch it again", path.display())]
    Damaged {
        /// The compressed file.
        path: PathBuf,
        /// The I/O error.
        source: std::io::Error,
    },
    /// The file of a zip archive is compressed by another method than deflate.
    #[error("{} uses a compression method other than deflate; unpack it first", path.display())]
    Compression {
        /// The archive.
        path: PathBuf,
    },
    /// The path is a folder, a device or a pipe.
    #[error("{} is not a regular file; give the path of one", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// The file is too large.
    #[error("{} holds more than {limit} bytes; split it into several files", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Maximum size in bytes, unpacked.
        limit: u64,
    },
    /// The vocabulary of a model is damaged, or belongs to another model.
    #[error("{} {reason}; restore the file", path.display())]
    BadEncoding {
        /// The file.
        path: PathBuf,
        /// The problem.
        reason: String,
    },
    /// A file cannot be read or written.
    #[error("cannot {action} {}: {source}; check the path, its permissions and the free space", path.display())]
    Io {
        /// The failed action.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The I/O error.
        source: std::io::Error,
    },
}
