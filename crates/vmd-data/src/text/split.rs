//! Parts of a data set.

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::TextError;

/// What examples are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// Weights are fitted to these.
    Train,
    /// Choices such as when to stop are made on these.
    Validation,
    /// Figures to report are measured on these.
    Test,
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Train => "training",
            Self::Validation => "validation",
            Self::Test => "test",
        })
    }
}

/// How much of a data set each part gets; the sum is 1.
///
/// The default of 0.9, 0.05 and 0.05 cuts the 100 million characters of text8 where the literature does.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shares {
    /// Share of training.
    pub train: f64,
    /// Share of validation.
    pub validation: f64,
    /// Share of the test.
    pub test: f64,
}

impl Default for Shares {
    fn default() -> Self {
        Self { train: 0.9, validation: 0.05, test: 0.05 }
    }
}

impl Shares {
    /// The items of `0..total` that belong to a part: first training, then validation, then the test. Validation and test
    /// are rounded, training takes the rest.
    ///
    /// # Errors
    ///
    /// [`TextError::Shares`] if a share is not in 0 to 1 or the sum is not 1.
    pub fn range(&self, split: Split, total: u64) -> Result<Range<u64>, TextError> {
        let Self { train, validation, test } = *self;
        let is_share = |share: f64| (0.0..=1.0).contains(&share);
        // Decimal shares such as 0.9 + 0.05 + 0.05 miss 1 by a few units in the last place.
        if ![train, validation, test].into_iter().all(is_share)
            || (train + validation + test - 1.0).abs() > 1e-9
        {
            return Err(TextError::Shares { train, validation, test });
        }
        let rounded = |share: f64| (share * total as f64).round() as u64;
        let tested = rounded(test).min(total);
        let validated = rounded(validation).min(total - tested);
        let start = total - tested - validated;
        Ok(match split {
            Split::Train => 0..start,
            Split::Validation => start..start + validated,
            Split::Test => start + validated..total,
        })
    }
}
