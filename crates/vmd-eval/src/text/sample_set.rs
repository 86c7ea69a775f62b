//! Validity, uniqueness and novelty of samples.

use std::collections::BTreeSet;

use crate::{Figure, wilson_interval};

/// Validity, uniqueness and novelty of a list of samples.
///
/// Intervals are [`wilson_interval`]s. Uniqueness and novelty fall with the number of samples, so
/// report it with them.
///
/// # Source
///
/// N. Brown et al., `GuacaMol`, arXiv:1811.09621.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Uniqueness {
    /// Share of valid samples.
    pub valid: Figure,
    /// Share of distinct keys among valid samples.
    pub unique: Figure,
    /// Share of keys outside the training set among distinct keys.
    pub novel: Figure,
    /// Product of the three: distinct valid samples outside the training set, among all samples.
    pub all_three: Figure,
}

impl Uniqueness {
    /// Computes the metrics of `samples`. `judge` returns the key of a valid sample, such as a
    /// canonical SMILES, which is equal for equivalent samples, and `None` for an invalid one.
    /// `training` contains the keys of the training set. A share with an empty denominator is NaN.
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
