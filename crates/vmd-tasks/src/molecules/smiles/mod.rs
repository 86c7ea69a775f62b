//! Parsing, validation and canonical form of SMILES.

mod bracket;
mod canonical;
mod charges;
mod element;
mod error;
mod kekule;
mod matching;
mod parse;
mod resolve;
mod rings;
mod write;

use element::Element;
pub use error::{SmilesError, SmilesReason};

/// A molecule: atoms with charges, isotopes and hydrogens, and the bonds between them.
///
/// Strings follow `OpenSMILES`: atoms of the organic subset and in brackets, the bonds
/// `- = # $ : / \`, branches, ring closures (`%nn` too) and dots. Refused are syntax errors, rings
/// that stay open or whose ends disagree, a second bond between two atoms, aromatic atoms outside
/// of rings, aromatic systems without a Kekulé structure, and atoms with more bonds than their
/// valences allow: H 1; B 3; C, Si, Ge 4; N 3; P, As 3, 5; O 2; S, Se, Te 2, 4, 6; halogens 1. A
/// charged atom has the valences of the isoelectronic element, such as 4 for N⁺. Bracket atoms may
/// have fewer bonds (radicals). N of valence 5 with a terminal `=O` or `#N` is read as a pair of
/// charges (`CN(=O)=O` is `C[N+](=O)[O-]`); other such N, to which `OpenSMILES` would add
/// hydrogens, is refused.
///
/// Not checked are the valences of other elements, Hückel's rule and ring strain. Stereo marks are
/// parsed and dropped. An aromatic atom with a double bond outside the ring may have another one
/// inside it, as in `O=p1ccccc1`; different Kekulé structures of such a ring count as different
/// molecules. The wildcard `*` is refused.
///
/// `RDKit` is slightly more permissive: it accepts other valences of halogens and of ions such as
/// O⁴⁻, aromatic atoms in other rings, and different bonds at a ring's two ends.
///
/// # Source
///
/// C. A. James et al., `OpenSMILES` specification 1.0 (2016).
///
/// ```
/// use vmd_tasks::molecules::Molecule;
///
/// let phenol = Molecule::parse("Oc1ccccc1")?;
/// assert_eq!(phenol.canonical_smiles(), Molecule::parse("C1=CC(O)=CC=C1")?.canonical_smiles());
/// assert!(Molecule::parse("C=O=C").is_err());
/// # Ok::<(), vmd_tasks::molecules::SmilesError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Molecule {
    atoms: Vec<Atom>,
    /// Bonds of each atom.
    bonds: Vec<Vec<(usize, Bond)>>,
}

impl Molecule {
    /// Reads a SMILES string.
    ///
    /// # Errors
    ///
    /// [`SmilesError`] with the first problem. Syntax errors come before errors of rings,
    /// aromaticity and valence.
    pub fn parse(smiles: &str) -> Result<Self, SmilesError> {
        resolve::molecule(parse::parse(smiles)?)
    }

    /// Number of atoms, without hydrogens that are attached to another atom.
    pub fn n_atoms(&self) -> usize {
        self.atoms.len()
    }

    /// Canonical SMILES: equal for all ways to write the molecule.
    ///
    /// Atoms are ranked by their neighbourhoods. For ties every choice is tried, and the first
    /// string in alphabetical order is taken. Bonds that are double in some Kekulé structures and
    /// single in others are written as aromatic, whatever the ring, so the choice of the structure
    /// does not matter. Stereoisomers have the same string; tautomers and other charge assignments
    /// have different ones. If a component needs more than 2000 choices, which requires far more
    /// symmetry than small molecules have, the string may depend on the order of atoms. The string
    /// can be parsed again if at most 99 rings are open at once.
    pub fn canonical_smiles(&self) -> String {
        canonical::smiles(self)
    }

    /// A SMILES string that starts at the atom of lowest priority and visits neighbours of lower
    /// priority first. Missing priorities are 0; ties keep the order of the parsed string.
    pub fn smiles_in_order(&self, priority: &[usize]) -> String {
        let of_atom = |atom: usize| (priority.get(atom).copied().unwrap_or(0), atom);
        let mut order: Vec<usize> = (0..self.atoms.len()).collect();
        order.sort_by_key(|&atom| of_atom(atom));
        let mut ranks = vec![0; order.len()];
        order.iter().enumerate().for_each(|(rank, &atom)| ranks[atom] = rank);
        let mut parts = self.components();
        parts.sort_by_key(|part| part.iter().map(|&atom| ranks[atom]).min());
        let parts: Vec<String> = parts.iter().map(|part| write::component(self, part, &ranks)).collect();
        parts.join(".")
    }

    /// Connected components, each with ascending atoms.
    fn components(&self) -> Vec<Vec<usize>> {
        let mut is_seen = vec![false; self.atoms.len()];
        let mut parts = Vec::new();
        for start in 0..self.atoms.len() {
            if is_seen[start] {
                continue;
            }
            is_seen[start] = true;
            let (mut part, mut next) = (vec![start], 0);
            while let Some(&atom) = part.get(next) {
                next += 1;
                for &(other, _) in &self.bonds[atom] {
                    if !std::mem::replace(&mut is_seen[other], true) {
                        part.push(other);
                    }
                }
            }
            part.sort_unstable();
            parts.push(part);
        }
        parts
    }

    /// Sum of the orders of an atom's bonds in a Kekulé structure, without hydrogens.
    fn valence(&self, atom: usize) -> u32 {
        let bonds = &self.bonds[atom];
        let is_delocalised = bonds.iter().any(|&(_, bond)| bond == Bond::Delocalised);
        bonds.iter().map(|&(_, bond)| bond.order()).sum::<u32>() + u32::from(is_delocalised)
    }

    fn is_delocalised(&self, atom: usize) -> bool {
        self.bonds[atom].iter().any(|&(_, bond)| bond == Bond::Delocalised)
    }
}

/// An atom with its implicit hydrogens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Atom {
    element: Element,
    /// 0 if absent.
    isotope: u16,
    charge: i8,
    hydrogens: u32,
}

/// Type of a bond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Bond {
    Single,
    Double,
    Triple,
    Quadruple,
    /// Double in some Kekulé structures, single in others. An atom with such bonds has exactly one
    /// double bond, and it is one of them.
    Delocalised,
}

impl Bond {
    /// The bond of an order from 1 to 4.
    fn of(order: u32) -> Self {
        match order {
            ..=1 => Self::Single,
            2 => Self::Double,
            3 => Self::Triple,
            4.. => Self::Quadruple,
        }
    }

    /// Bond order; 1 for a delocalised bond.
    fn order(self) -> u32 {
        match self {
            Self::Single | Self::Delocalised => 1,
            Self::Double => 2,
            Self::Triple => 3,
            Self::Quadruple => 4,
        }
    }
}
