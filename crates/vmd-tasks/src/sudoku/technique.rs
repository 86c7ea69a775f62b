//! Names of human techniques.

use std::fmt;

/// A technique; the order is from easy to hard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Technique {
    /// A cell with one candidate.
    NakedSingle,
    /// A digit with one place in a unit.
    HiddenSingle,
    /// A digit whose places in a unit all lie in a second unit: removes it from the rest of the
    /// second unit.
    LockedCandidates,
    /// Two cells of a unit with the same two candidates.
    NakedPair,
    /// Two digits with the same two places in a unit.
    HiddenPair,
    /// Three cells of a unit with three candidates in total.
    NakedTriple,
    /// Three digits with three places in total in a unit.
    HiddenTriple,
}

impl Technique {
    /// All techniques, from easy to hard.
    pub const ALL: [Self; 7] = [
        Self::NakedSingle,
        Self::HiddenSingle,
        Self::LockedCandidates,
        Self::NakedPair,
        Self::HiddenPair,
        Self::NakedTriple,
        Self::HiddenTriple,
    ];
}

impl fmt::Display for Technique {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NakedSingle => "naked single",
            Self::HiddenSingle => "hidden single",
            Self::LockedCandidates => "locked candidates",
            Self::NakedPair => "naked pair",
            Self::HiddenPair => "hidden pair",
            Self::NakedTriple => "naked triple",
            Self::HiddenTriple => "hidden triple",
        })
    }
}
