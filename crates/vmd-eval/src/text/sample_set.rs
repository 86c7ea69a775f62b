//! How many samples are valid, unique and novel.

use std::collections::BTreeSet;

use crate::{Figure, wilson_interval};

/// Validity, uniqueness and novelty of a list of samples.
///
/// Intervals are [`wilson_interval`]s. Uniqueness and novelty fall with the number of samples: give it with them.
///
/// # Source
///
/// N. Brown et al., `GuacaMol`, arXiv:1811.09621.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Uniqueness {
    /// Valid samples among all.
    pub valid: Figure,
    /// Different keys among valid samples.
    pub unique: Figure,
    /// Different keys that the training set lacks, among different keys.
    pub novel: Figure,
    /// The product of the three: different valid samples that the training set lacks, among all samples.
    pub all_three: Figure,
}

impl Uniqueness {
    /// Judges `samples`: `judge` gives a valid one's key, which is the same for samples that say the same, such as a canonical
    /// SMILES, and `None` for an invalid one. `training` has the keys of what was trained on. A share with an empty denominator is NaN.
    pub fn of<S: AsRef<str>>(
        samples: &[S],
        training: &BTreeSet<String>,
        judge: impl Fn(&str) -> Option<String>,
    ) -> Self {
        let keys: Vec<String> = samples.iter().filter_map(|sample| judge(sample.as_ref())).collect();
        let valid = keys.len();
        let different: BTreeSet<String> = keys.into_iter().collect();
        let novel = different.iter().filter(|key| !training.contains(*key)).count();
        Self {
            valid: wilson_interval(valid, samples.len()),
            unique: wilson_interval(different.len(), valid),
            novel: wilson_interval(novel, different.len()),
            all_three: wilson_interval(novel, samples.len()),
        }
    }
}
