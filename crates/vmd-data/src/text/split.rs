//! Splits of a data set.

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::TextError;

/// Purpose of examples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// For fitting weights.
    Train,
    /// For choices such as early stopping.
    Validation,
    /// For reported figures.
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

/// Shares of the splits; the sum is 1.
///
/// The default of 0.9, 0.05 and 0.05 is the usual split of the 100 million characters of text8.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shares {
    /// Share of the training split.
    pub train: f64,
    /// Share of the validation split.
    pub validation: f64,
    /// Share of the test split.
    pub test: f64,
}

impl Default for Shares {
    fn default() -> Self {
        Self { train: 0.9, validation: 0.05, test: 0.05 }
    }
}

impl Shares {
    /// The items of `0..total` in a split. The order is training, validation, test. Validation and
    /// test sizes are rounded, and training takes the rest.
    ///
    /// # Errors
    ///
    /// [`TextError::Shares`] if a share is not in 0 to 1 or the sum is not 1.
    pub fn range(&self, split: Split, total: u64) -> Result<Range<u64>, TextError> {
        let Self { train, validation, test } = *self;
        let is_share = |share: f64| (0.0..=1.0).contains(&share);
        // Sums of decimal shares such as 0.9 + 0.05 + 0.05 differ from 1 by rounding errors.
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
