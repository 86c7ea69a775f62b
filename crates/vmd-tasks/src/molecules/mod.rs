//! Molecules as SMILES.

mod smiles;

pub use smiles::{Molecule, SmilesError, SmilesReason};
