//! Integration tests of `vmd-data`: one binary, so that Burn is linked once.

#[cfg(feature = "bpe")]
mod byte_pairs;
#[cfg(feature = "download")]
mod download;
mod lines_and_tables;
mod real_text;
mod rows;
mod text_corpus;
mod text_files;
mod vocabulary;
