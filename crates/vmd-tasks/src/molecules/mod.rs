//! Molecules as SMILES, one a line.

mod smiles;
mod task;

pub use smiles::{Molecule, SmilesError, SmilesReason};
pub use task::{MoleculesConfig, MoleculesTask};
