//! Synthetic sets by name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{grids, rules};

/// Maximum sequence length of a set.
pub const MAX_LENGTH: usize = 8192;

/// A synthetic data set. In configurations it is a string such as `"d1"` or `"chain-16"`.
///
/// Lengths are 2 to [`MAX_LENGTH`]. Parsing checks this; other lengths are programming errors.
///
/// ```
/// use vmd_tasks::synthetic::SyntheticSet;
/// let set: SyntheticSet = "chain-4".parse()?;
/// assert_eq!((set.seq_len(), set.vocab()), (4, 10));
/// assert!(set.contains(&[8, 9, 0, 1]));
/// assert!((set.independent_kl_nfe1() - 3.0 * 10.0_f64.ln()).abs() < 1e-12); // (L−1)·ln 10
/// # Ok::<(), vmd_tasks::synthetic::SyntheticSetError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum SyntheticSet {
    /// `pairs-uniform`: `(k, k+1) mod 10`, k uniform.
    PairsUniform,
    /// `pairs-skewed`: the same pairs with weights `(k+1)/55`.
    PairsSkewed,
    /// `d1`: `(k, k+1, k+2, k+3) mod 10`, k uniform.
    D1,
    /// `d2`: `(k, k+1, l, l+1) mod 10`, k and l uniform.
    D2,
    /// `chain-L`: `x_{i+1} = x_i + 1 mod 10`, the first token uniform.
    Chain(usize),
    /// `needle-L`: uniform tokens of 0..10, the last equal to the first: one long-range dependency.
    Needle(usize),
    /// `parity-L`: uniform bits with an even sum: pairwise independent, jointly dependent.
    Parity(usize),
    /// `grids-4x4`: the 288 Sudoku grids of size 4, row-major, digits 0..4, uniform.
    Grids4x4,
    /// `rules`: the solutions of the rules listed at [`broken_rules`](super::broken_rules),
    /// uniform.
    Rules,
}

/// An invalid name or an impossible split.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SyntheticSetError {
    /// No set has this name.
    #[error(
        "unknown synthetic set {name:?}; use pairs-uniform, pairs-skewed, d1, d2, chain-L, needle-L, parity-L, \
         grids-4x4 or rules, with a length for L"
    )]
    UnknownName {
        /// The name as given.
        name: String,
    },
    /// This many sequences cannot be held out.
    #[error(
        "{set} cannot hold out {n} sequences; choose a set with a small support, and fewer sequences than it has"
    )]
    HoldOut {
        /// Name of the set.
        set: String,
        /// Sequences to hold out.
        n: usize,
    },
    /// The length in the name is out of range.
    #[error("the length in {name:?} is out of range; use 2 to {MAX_LENGTH}")]
    Length {
        /// The name as given.
        name: String,
    },
}

impl SyntheticSet {
    /// The name, as parsed by [`FromStr`].
    #[must_use]
    pub fn name(&self) -> String {
        self.to_string()
    }

    /// Number of tokens of every example.
    #[must_use]
    pub fn seq_len(&self) -> usize {
        match self {
            Self::PairsUniform | Self::PairsSkewed => 2,
            Self::D1 | Self::D2 => 4,
            Self::Chain(length) | Self::Needle(length) | Self::Parity(length) => *length,
            Self::Grids4x4 => grids::N_CELLS,
            Self::Rules => rules::SEQ_LEN,
        }
    }

    /// Number of token values.
    #[must_use]
    pub fn vocab(&self) -> usize {
        match self {
            Self::Parity(_) => 2,
            Self::Grids4x4 => grids::SIDE,
            Self::Rules => rules::VOCAB as usize,
            _ => 10,
        }
    }
}

impl fmt::Display for SyntheticSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PairsUniform => f.write_str("pairs-uniform"),
            Self::PairsSkewed => f.write_str("pairs-skewed"),
            Self::D1 => f.write_str("d1"),
            Self::D2 => f.write_str("d2"),
            Self::Chain(length) => write!(f, "chain-{length}"),
            Self::Needle(length) => write!(f, "needle-{length}"),
            Self::Parity(length) => write!(f, "parity-{length}"),
            Self::Grids4x4 => f.write_str("grids-4x4"),
            Self::Rules => f.write_str("rules"),
        }
    }
}

impl FromStr for SyntheticSet {
    type Err = SyntheticSetError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "pairs-uniform" => return Ok(Self::PairsUniform),
            "pairs-skewed" => return Ok(Self::PairsSkewed),
            "d1" => return Ok(Self::D1),
            "d2" => return Ok(Self::D2),
            "grids-4x4" => return Ok(Self::Grids4x4),
            "rules" => return Ok(Self::Rules),
            _ => {}
        }
        let unknown = || SyntheticSetError::UnknownName { name: name.to_owned() };
        let (family, length) = name.split_once('-').ok_or_else(unknown)?;
        let with_length = match family {
            "chain" => Self::Chain,
            "needle" => Self::Needle,
            "parity" => Self::Parity,
            _ => return Err(unknown()),
        };
        match length.parse() {
            Ok(length) if (2..=MAX_LENGTH).contains(&length) => Ok(with_length(length)),
            _ => Err(SyntheticSetError::Length { name: name.to_owned() }),
        }
    }
}

impl TryFrom<String> for SyntheticSet {
    type Error = SyntheticSetError;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        name.parse()
    }
}

impl From<SyntheticSet> for String {
    fn from(set: SyntheticSet) -> Self {
        set.name()
    }
}
