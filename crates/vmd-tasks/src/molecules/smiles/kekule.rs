//! Kekulé structures and delocalised bonds.

use super::error::SmilesReason::NotKekule;
use super::matching::{Mates, augment};
use super::parse::{Raw, RawBond};
use super::{Bond, Molecule, SmilesError};

/// Makes one of the open bonds double at every atom that needs it. Returns which bonds are double.
///
/// # Errors
///
/// [`NotKekule`] at an atom that gets no double bond.
pub(super) fn place_doubles(raw: &Raw, needs: &[bool], open: &[bool]) -> Result<Vec<bool>, SmilesError> {
    let mut neighbours = vec![Vec::new(); needs.len()];
    for (bond, _) in raw.bonds.iter().zip(open).filter(|(_, open)| **open) {
        let [a, b] = bond.ends;
        if needs[a] && needs[b] {
            neighbours[a].push(b);
            neighbours[b].push(a);
        }
    }
    let mut mates: Mates = vec![None; needs.len()];
    let is_blocked = vec![false; needs.len()];
    for atom in (0..needs.len()).filter(|&atom| needs[atom]) {
        if mates[atom].is_none() && !augment(&neighbours, &mut mates, &is_blocked, atom) {
            return Err(SmilesError::new(raw.atoms[atom].position, NotKekule));
        }
    }
    let is_double = |(bond, open): (&RawBond, &bool)| *open && mates[bond.ends[0]] == Some(bond.ends[1]);
    Ok(raw.bonds.iter().zip(open).map(is_double).collect())
}

/// Marks the bonds that are double in some Kekulé structures and single in others.
///
/// Such bonds lie on a cycle of alternating double and single bonds: the double bonds have a
/// matching both with and without the bond.
pub(super) fn delocalise(molecule: &mut Molecule) {
    let n = molecule.atoms.len();
    let mates: Mates = (0..n).map(|atom| only_double(molecule, atom)).collect();
    let mates: Mates = (0..n).map(|atom| mates[atom].filter(|&mate| mates[mate] == Some(atom))).collect();
    // A cycle has at least two double bonds.
    if mates.iter().flatten().count() < 4 {
        return;
    }
    let others = |atom: usize| molecule.bonds[atom].iter().map(|&(other, _)| other);
    let neighbours: Vec<Vec<usize>> = (0..n)
        .map(|atom| others(atom).filter(|&other| mates[atom].is_some() && mates[other].is_some()).collect())
        .collect();
    let mut moved = Vec::new();
    for (a, others) in neighbours.iter().enumerate() {
        for &b in others.iter().filter(|&&b| a < b) {
            if can_move(&neighbours, &mates, a, b) {
                moved.push([a, b]);
            }
        }
    }
    for [a, b] in moved {
        for (from, to) in [(a, b), (b, a)] {
            let bonds = molecule.bonds[from].iter_mut().filter(|(other, _)| *other == to);
            bonds.for_each(|(_, bond)| *bond = Bond::Delocalised);
        }
    }
}

/// The other end of an atom's double bond. `None` unless the atom has one double and no triple
/// bond, and would need a double bond if it were aromatic.
fn only_double(molecule: &Molecule, atom: usize) -> Option<usize> {
    let mut multiple = molecule.bonds[atom].iter().filter(|(_, bond)| *bond != Bond::Single);
    let (Some(&(mate, Bond::Double)), None) = (multiple.next(), multiple.next()) else { return None };
    let is = molecule.atoms[atom];
    let taken = molecule.valence(atom) - 1 + is.hydrogens;
    let is_read = is.element.valence_from(is.charge, taken).is_some_and(|valence| valence > taken);
    (is.element.can_be_aromatic() && is_read).then_some(mate)
}

/// Whether an alternating path changes the bond from double to single or back.
fn can_move(neighbours: &[Vec<usize>], mates: &Mates, a: usize, b: usize) -> bool {
    let (mut changed, mut is_blocked) = (mates.clone(), vec![false; mates.len()]);
    if mates[a] == Some(b) {
        let mut without = neighbours.to_vec();
        without[a].retain(|&other| other != b);
        without[b].retain(|&other| other != a);
        (changed[a], changed[b]) = (None, None);
        return augment(&without, &mut changed, &is_blocked, a);
    }
    let Some((left, right)) = mates[a].zip(mates[b]) else { return false };
    (is_blocked[a], is_blocked[b]) = (true, true);
    (changed[left], changed[right]) = (None, None);
    augment(neighbours, &mut changed, &is_blocked, left)
}
