//! Integration tests of `vmd-eval`: one binary, so that Burn is linked once.

mod exact;
mod infill;
mod likelihood;
mod scopes;
mod scores;
mod tables;
mod text_generated;
mod text_ngram;
mod text_smiles;
mod text_structure;
