//! Molecules as SMILES, one a line.

#[cfg(feature = "train")]
mod recipe;
mod smiles;
mod task;

pub use smiles::{Molecule, SmilesError, SmilesReason};
pub use task::{MoleculesConfig, MoleculesTask};
