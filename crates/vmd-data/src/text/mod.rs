//! Text, lines and tables from files: vocabularies, readers, splits and sources of examples.
//!
//! A file contains text ([`TextSource`], windows of it), lines ([`LineSource`], one sequence each,
//! or a column of a CSV file) or a table ([`TableSource`], one sequence per row). All three use the
//! same [`Split`]s and visit every training example once per epoch, in an order that is computed,
//! not stored.

#[cfg(feature = "bpe")]
mod bpe;
mod columns;
mod corpus;
#[cfg(feature = "download")]
mod download;
mod encode;
mod error;
mod lines;
mod normalise;
mod permutation;
mod read;
mod saved;
mod selection;
mod split;
mod table;
mod token_file;
mod vocabulary;
mod width;
mod windows;
mod zip;

#[cfg(feature = "bpe")]
pub use bpe::Bpe;
pub use columns::Column;
pub use corpus::{Corpus, Encoding, Form, Symbols, cache_folder};
#[cfg(feature = "download")]
pub use download::{DownloadError, download};
pub use error::TextError;
pub use lines::{CsvColumn, LineSet, LineSource, Lines};
pub use normalise::{Normalisation, Normaliser27, normalise27};
pub use permutation::Permutation;
pub use split::{Shares, Split};
pub use table::{MAX_VALUES, Table, TableSource};
pub use token_file::TokenFile;
pub use vocabulary::{MAX_CHARACTERS, Vocabulary, VocabularyKind};
pub use windows::TextSource;
