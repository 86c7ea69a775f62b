//! Molecules as SMILES, one per line.

#[cfg(feature = "train")]
mod recipe;
mod smiles;
mod task;

pub use smiles::{Molecule, SmilesError, SmilesReason};
pub use task::{MoleculesConfig, MoleculesTask};
