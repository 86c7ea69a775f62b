//! Judges of generated text, tables and molecules that need no network, and measures of models of text.
//!
//! Nothing here draws a random number, and every sum has a fixed order: the same samples give the same bits.

mod bound;
mod drift;
mod generated;
mod infill;
mod ngram;
mod sample_set;
mod smiles;
mod structure;
mod table;

pub use bound::{TextBound, text_bound, text_importance_bound};
pub use drift::{Drift, FrequentWords, word_drift};
pub use generated::{
    MAX_BLEU_REFERENCES, WordSet, bleu, distinct_n, mean_unigram_entropy, self_bleu, unigram_entropy,
    word_share,
};
pub use infill::{SpanScore, infill_spans};
pub use ngram::{NgramError, NgramJudge};
pub use sample_set::Uniqueness;
pub use smiles::{Molecule, SmilesError, SmilesReason};
pub use structure::json_is_valid;
pub use table::{ColumnRule, TableJudge};
