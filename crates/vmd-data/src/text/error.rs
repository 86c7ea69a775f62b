//! What can be wrong with a text, a table or a vocabulary.

use std::path::PathBuf;

use thiserror::Error;

use super::{Split, VocabularyKind};

/// A text file, a table, a vocabulary or a split that cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TextError {
    /// Byte pairs were asked of a build that does not have them.
    #[error(
        "byte pairs are not built in; build the program with --features bpe, or use the symbols text27, bytes or chars"
    )]
    NoBpe,
    /// A character without a token.
    #[error("{character:?} at position {position} is not in the vocabulary `{vocabulary}`; {}", vocabulary.remedy())]
    Character {
        /// The character.
        character: char,
        /// Its position in the text, from 1.
        position: usize,
        /// What the text was to be encoded with.
        vocabulary: VocabularyKind,
    },
    /// A character of a file without a token.
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
        /// What the file was to be encoded with.
        vocabulary: VocabularyKind,
    },
    /// More characters than a vocabulary may have.
    #[error(
        "{} has more than {limit} different characters; use the vocabulary `bytes`, which takes any text",
        path.display()
    )]
    TooManyCharacters {
        /// The file.
        path: PathBuf,
        /// Most characters.
        limit: usize,
    },
    /// A vocabulary that was saved or written by hand breaks a rule.
    #[error(
        "{what} are not distinct and sorted, or there are none; save the vocabulary anew instead of editing it"
    )]
    Unsorted {
        /// What is out of order.
        what: String,
    },
    /// A tokenizer cannot be read, trained or applied.
    #[error("the byte-pair vocabulary fails: {reason}; train it anew")]
    BytePairs {
        /// The reason that the tokenizer gives.
        reason: String,
    },
    /// A byte-pair vocabulary of an impossible size.
    #[error("a byte-pair vocabulary of {size} tokens; choose {least} to {most}")]
    BytePairCount {
        /// Tokens asked for.
        size: usize,
        /// Fewest tokens.
        least: usize,
        /// Most tokens.
        most: usize,
    },
    /// A row has not one value per column.
    #[error("{found} values for {expected} columns; give one for each column")]
    RowLength {
        /// Columns.
        expected: usize,
        /// Values found.
        found: usize,
    },
    /// A value that the column does not have.
    #[error("`{value}` is no value of column `{column}`; use one that the vocabulary lists")]
    Value {
        /// The value.
        value: String,
        /// Name of the column.
        column: String,
    },
    /// Bytes that are no text.
    #[error("{}, line {line}, column {column}: this is not text in UTF-8; convert the file", path.display())]
    NotText {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: u64,
        /// Character in the line, from 1.
        column: u64,
    },
    /// The file has nothing to learn from.
    #[error("{} holds no {what}; give a file with content", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
        /// What was looked for.
        what: &'static str,
    },
    /// A part of a text is shorter than one window.
    #[error(
        "{}: the {split} split has {tokens} tokens, fewer than one window of {seq_len}; \
         lower seq_len, raise the share of this split or give a longer file",
        path.display()
    )]
    ShortPart {
        /// The file.
        path: PathBuf,
        /// The part.
        split: Split,
        /// Tokens of the part.
        tokens: u64,
        /// Tokens of a window.
        seq_len: usize,
    },
    /// A window of no tokens.
    #[error("seq_len is 0; set it to 1 or more")]
    NoWindow,
    /// A part of a file has no examples.
    #[error(
        "{}: of {total} examples none is left for the {split} split; raise its share or give a longer file",
        path.display()
    )]
    EmptyPart {
        /// The file.
        path: PathBuf,
        /// The part.
        split: Split,
        /// Examples of the file.
        total: u64,
    },
    /// Lines that do not fit.
    #[error(
        "{}, line {line}: too many tokens for seq_len = {seq_len}, the stop token included (lines like it: {count}, tokens \
         of the longest: {longest}); set seq_len to {} or more, or remove these lines",
        path.display(),
        longest + 1
    )]
    LongLines {
        /// The file.
        path: PathBuf,
        /// The first of them, from 1.
        line: u64,
        /// How many there are.
        count: u64,
        /// Tokens of the longest.
        longest: usize,
        /// Tokens of an example.
        seq_len: usize,
    },
    /// Shares of the parts that make no whole.
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
    /// A CSV file has not the column that is asked for.
    #[error("{}, line 1: no column {asked}; the columns are {}", path.display(), found.join(", "))]
    NoColumn {
        /// The file.
        path: PathBuf,
        /// Name or number of the column.
        asked: String,
        /// What the file has.
        found: Vec<String>,
    },
    /// Two columns of a table have one name.
    #[error("{}, line 1: two columns are called `{column}`; rename one", path.display())]
    TwinColumns {
        /// The file.
        path: PathBuf,
        /// The name.
        column: String,
    },
    /// A column has too many values to be categories.
    #[error(
        "{}, line {line}: column `{column}` has more than {limit} different values; \
         leave it out, round it, or raise the limit",
        path.display()
    )]
    TooManyValues {
        /// The file.
        path: PathBuf,
        /// Line at which it became too many, from 1.
        line: u64,
        /// Name of the column.
        column: String,
        /// Most values.
        limit: usize,
    },
    /// The file is no sound CSV.
    #[error("{}: {source}; correct that line, its commas, quotes and encoding", path.display())]
    Csv {
        /// The file.
        path: PathBuf,
        /// What the reader says, with the line.
        source: csv::Error,
    },
    /// An archive holds not exactly one file.
    #[error("{} is an archive of {members} files; unpack it and give one of them", path.display())]
    Members {
        /// The archive.
        path: PathBuf,
        /// Files in it.
        members: usize,
    },
    /// A packed file cannot be unpacked.
    #[error("{} cannot be unpacked: {source}; it is damaged or incomplete, so fetch it again", path.display())]
    Damaged {
        /// The packed file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// A folder, a device or a pipe.
    #[error("{} is no ordinary file; give the path of one", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// The file is too large.
    #[error("{} holds more than {limit} bytes; split it into several files", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Most bytes, unpacked.
        limit: u64,
    },
    /// The vocabulary beside a model is damaged, or belongs to another model.
    #[error("{} {reason}; restore the file", path.display())]
    BadEncoding {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A file cannot be read or written.
    #[error("cannot {action} {}: {source}; check the path, its permissions and the free space", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
}
