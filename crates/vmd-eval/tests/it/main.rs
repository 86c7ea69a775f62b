//! Integration tests of `vmd-eval`: one binary, so that Burn is linked once.

mod likelihood;
mod text_generated;
mod text_ngram;
