//! Mapping from examples to items of a file.

use std::path::Path;

use super::{Permutation, Shares, Split, TextError};

/// Key of the split. Constant, so that all seeds hold out the same items.
const SPLIT: u64 = 0x0005_eed0_0005_9117;

/// The items of one split, in example order.
#[derive(Debug, Clone)]
pub(crate) struct Selection {
    split: Permutation,
    first: u64,
    count: u64,
    /// Seed of the epoch order; `None` for fixed order.
    seed: Option<u64>,
}

impl Selection {
    /// Selects a split of `total` items. Items are assigned by a permutation that depends only on
    /// `total`, because files are often sorted.
    pub(crate) fn new(
        path: &Path,
        total: u64,
        split: Split,
        shares: Shares,
        seed: u64,
    ) -> Result<Self, TextError> {
        let range = shares.range(split, total)?;
        if range.is_empty() {
            return Err(TextError::EmptySplit { path: path.to_path_buf(), split, total });
        }
        Ok(Self {
            split: Permutation::new(total, SPLIT, 0),
            first: range.start,
            count: range.end - range.start,
            seed: (split == Split::Train).then_some(seed),
        })
    }

    /// Number of items of the split.
    pub(crate) fn len(&self) -> u64 {
        self.count
    }

    /// The item of example `index`.
    pub(crate) fn example(&self, index: u64) -> usize {
        let within = index % self.count;
        self.item(
            self.seed
                .map_or(within, |seed| Permutation::new(self.count, seed, index / self.count).at(within)),
        )
    }

    /// All items of the split.
    pub(crate) fn items(&self) -> impl Iterator<Item = usize> {
        (0..self.count).map(|within| self.item(within))
    }

    fn item(&self, within: u64) -> usize {
        self.split.at(self.first + within) as usize
    }
}
