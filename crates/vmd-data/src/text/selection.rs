//! Which item of a file an example is.

use std::path::Path;

use super::{Permutation, Shares, Split, TextError};

/// Key of the split. Fixed, so that every run of every seed holds out the same items.
const SPLIT: u64 = 0x0005_eed0_0005_9117;

/// The items of one part, in the order of examples.
#[derive(Debug, Clone)]
pub(crate) struct Selection {
    split: Permutation,
    first: u64,
    count: u64,
    /// Seed of the order of the epochs; none for the parts that are measured on, whose order never changes.
    seed: Option<u64>,
}

impl Selection {
    /// Split `part` of `total` items. A permutation that depends on nothing but their number assigns them, because files
    /// are often sorted.
    pub(crate) fn new(
        path: &Path,
        total: u64,
        split: Split,
        shares: Shares,
        seed: u64,
    ) -> Result<Self, TextError> {
        let range = shares.range(split, total)?;
        if range.is_empty() {
            return Err(TextError::EmptyPart { path: path.to_path_buf(), split, total });
        }
        Ok(Self {
            split: Permutation::new(total, SPLIT, 0),
            first: range.start,
            count: range.end - range.start,
            seed: (split == Split::Train).then_some(seed),
        })
    }

    /// Items of the part.
    pub(crate) fn len(&self) -> u64 {
        self.count
    }

    /// The item that example `index` is.
    pub(crate) fn example(&self, index: u64) -> usize {
        let within = index % self.count;
        self.item(
            self.seed
                .map_or(within, |seed| Permutation::new(self.count, seed, index / self.count).at(within)),
        )
    }

    /// All items of the part.
    pub(crate) fn items(&self) -> impl Iterator<Item = usize> {
        (0..self.count).map(|within| self.item(within))
    }

    fn item(&self, within: u64) -> usize {
        self.split.at(self.first + within) as usize
    }
}
