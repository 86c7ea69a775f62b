//! Errors of SMILES strings.

use thiserror::Error;

/// A SMILES parse error and its position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("at byte {position}: {reason}")]
pub struct SmilesError {
    /// Byte of the string, from 0.
    pub position: usize,
    /// The problem.
    pub reason: SmilesReason,
}

impl SmilesError {
    pub(super) fn new(position: usize, reason: SmilesReason) -> Self {
        Self { position, reason }
    }
}

/// A problem of a SMILES string.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Error)]
pub enum SmilesReason {
    /// There is no atom.
    #[error("no atom; write at least one")]
    Empty,
    /// No token starts with this character.
    #[error(
        "not an atom, bond, branch or ring; outside brackets atoms are B C N O P S F Cl Br I and b c n o p s"
    )]
    Character,
    /// A bracket atom that is not `[isotope symbol chirality hydrogens charge :class]`.
    #[error(
        "not a bracket atom; write [isotope symbol chirality hydrogens charge :class], all but the symbol optional"
    )]
    Bracket,
    /// A number in a bracket is out of range.
    #[error("a number in brackets is too large; isotopes go to 999, charges from -15 to 15, hydrogens to 9")]
    Number,
    /// A bond lacks an atom at one end.
    #[error("a bond without an atom on either side; put it between two atoms")]
    BondWithoutAtom,
    /// A dot lacks an atom at one side.
    #[error("a dot without an atom on either side; put it between two parts")]
    DotWithoutAtom,
    /// A branch does not follow an atom.
    #[error("a branch that follows no atom; put it after an atom and its ring numbers")]
    BranchWithoutAtom,
    /// A branch is empty.
    #[error("an empty branch; remove it")]
    EmptyBranch,
    /// A `(` is not closed.
    #[error("a branch that is not closed; add a )")]
    UnclosedBranch,
    /// A `)` was not opened.
    #[error("a branch that was not opened; remove the )")]
    UnopenedBranch,
    /// A ring number does not follow an atom.
    #[error("a ring number that follows no atom; put it after an atom")]
    RingWithoutAtom,
    /// A `%` is not followed by two digits.
    #[error("a % without two digits; write %10 to %99")]
    RingNumber,
    /// A ring number occurs only once.
    #[error("a ring that is not closed; repeat its number at another atom")]
    UnclosedRing,
    /// The two ends of a ring bond differ.
    #[error("the bonds at a ring's two ends differ; write one of them, or the same twice")]
    RingBonds,
    /// A ring bond starts and ends at one atom.
    #[error("a ring of one atom; close it at another")]
    RingToItself,
    /// Two bonds connect the same two atoms.
    #[error("a second bond between two atoms; use = or # for a double or triple one")]
    SecondBond,
    /// An aromatic bond connects other atoms, or is outside of rings.
    #[error("an aromatic bond that is not in a ring of aromatic atoms; use another or none")]
    AromaticBond,
    /// An aromatic atom is not in a ring.
    #[error("an aromatic atom outside of rings; write it with a capital letter")]
    AromaticAtom,
    /// The double bonds of an aromatic system cannot be placed.
    #[error(
        "no place for the double bond of this aromatic atom; mark the atom that has a hydrogen, as in [nH]"
    )]
    NotKekule,
    /// An atom has more bonds than its valences allow.
    #[error("more bonds than this atom has; remove some, or give it a charge in brackets")]
    Valence,
}
