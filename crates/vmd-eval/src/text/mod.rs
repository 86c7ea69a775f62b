//! Judges of generated text that need no network, and bounds on the likelihood of sequences.
//!
//! Nothing here draws random numbers, and every sum has a fixed order: equal samples give equal
//! bits.

mod bound;
mod drift;
mod generated;
mod ngram;
mod sample_set;

pub use bound::{TextBound, text_bound, text_importance_bound};
pub use drift::{Drift, FrequentWords, word_drift};
pub use generated::{
    MAX_BLEU_REFERENCES, WordSet, bleu, distinct_n, mean_unigram_entropy, self_bleu, unigram_entropy,
    word_share,
};
pub use ngram::{NgramError, NgramJudge};
pub use sample_set::Uniqueness;
