//! Judges of generated text, programs and molecules that need no network.
//!
//! Nothing here draws a random number, and every sum has a fixed order: the same samples give the same bits.

mod drift;
mod generated;
mod ngram;
mod sample_set;
mod smiles;
mod structure;

pub use drift::{Drift, FrequentWords, word_drift};
pub use generated::{
    MAX_BLEU_REFERENCES, WordSet, bleu, distinct_n, mean_unigram_entropy, self_bleu, unigram_entropy,
    word_share,
};
pub use ngram::{NgramError, NgramJudge};
pub use sample_set::Uniqueness;
pub use smiles::{Molecule, SmilesError, SmilesReason};
pub use structure::json_is_valid;
