//! From syntax to a molecule: bond orders, hydrogens, valences.

use super::element::Element;
use super::error::SmilesReason::{AromaticAtom, AromaticBond, Valence};
use super::parse::{Raw, RawAtom, RawBond, Symbol};
use super::{Atom, Bond, Molecule, SmilesError, charges, kekule, rings};

/// Determines bond orders, hydrogens and valences of a parsed string.
pub(super) fn molecule(mut raw: Raw) -> Result<Molecule, SmilesError> {
    let mut orders = orders(&raw)?;
    charges::separate(&mut raw, &mut orders);
    let used = used(&raw, &orders);
    let fill =
        |(atom, used): (&RawAtom, &Used)| fill(atom, *used).ok_or(SmilesError::new(atom.position, Valence));
    let filled: Vec<Filled> = raw.atoms.iter().zip(&used).map(fill).collect::<Result<_, _>>()?;
    let open: Vec<bool> = orders.iter().map(Option::is_none).collect();
    let (filled, is_double) = doubles(&raw, filled, &open)?;
    let of_atom = |(raw, filled): (&RawAtom, &Filled)| Atom {
        element: raw.element,
        isotope: raw.isotope,
        charge: raw.charge,
        hydrogens: filled.hydrogens,
    };
    let atoms: Vec<Atom> = raw.atoms.iter().zip(&filled).map(of_atom).collect();
    let mut bonds = vec![Vec::new(); atoms.len()];
    for ((bond, order), is_double) in raw.bonds.iter().zip(orders).zip(is_double) {
        let ([a, b], bond) = (bond.ends, Bond::of(order.unwrap_or(1 + u32::from(is_double))));
        bonds[a].push((b, bond));
        bonds[b].push((a, bond));
    }
    let mut molecule = without_hydrogen_atoms(Molecule { atoms, bonds });
    kekule::delocalise(&mut molecule);
    Ok(molecule)
}

/// Places double bonds among the `open` ones: first with a second double bond at every atom that
/// may have one, then without.
fn doubles(raw: &Raw, filled: Vec<Filled>, open: &[bool]) -> Result<(Vec<Filled>, Vec<bool>), SmilesError> {
    let place = |filled: Vec<Filled>| {
        let needs: Vec<bool> = filled.iter().map(|atom| atom.needs_double).collect();
        kekule::place_doubles(raw, &needs, open).map(|is_double| (filled, is_double))
    };
    if filled.iter().any(|atom| atom.may_have_second) {
        let with_second = filled.iter().map(Filled::with_second).collect();
        if let Ok(placed) = place(with_second) {
            return Ok(placed);
        }
    }
    place(filled)
}

fn used(raw: &Raw, orders: &[Option<u32>]) -> Vec<Used> {
    let mut used = vec![Used::default(); raw.atoms.len()];
    for (bond, order) in raw.bonds.iter().zip(orders) {
        for end in bond.ends {
            used[end].orders += order.unwrap_or(1);
            used[end].has_multiple |= order.is_some_and(|order| order > 1);
        }
    }
    used
}

/// Bond orders used by an atom, without hydrogens; an aromatic bond counts at least 1.
#[derive(Debug, Clone, Copy, Default)]
struct Used {
    orders: u32,
    has_multiple: bool,
}

#[derive(Debug, Clone, Copy)]
struct Filled {
    hydrogens: u32,
    /// Whether one of the atom's aromatic bonds must be double.
    needs_double: bool,
    /// Whether one of them may be double beside another double bond, as in the phosphorus of
    /// `O=p1ccccc1`.
    may_have_second: bool,
    /// Whether implicit hydrogens fill the valence.
    is_filled_up: bool,
}

impl Filled {
    fn with_second(&self) -> Self {
        let hydrogens = self.hydrogens - u32::from(self.may_have_second && self.is_filled_up);
        Self { hydrogens, needs_double: self.needs_double || self.may_have_second, ..*self }
    }
}

/// Fills the free valence of an atom with hydrogens. `None` if no valence suffices.
fn fill(atom: &RawAtom, used: Used) -> Option<Filled> {
    let taken = used.orders + atom.hydrogens.unwrap_or(0);
    let free = atom.element.valence_from(atom.charge, taken)? - taken;
    let needs_double = atom.is_aromatic && !used.has_multiple && free > 0;
    // An atom can have two double bonds and two others only above its lowest valence.
    let is_expanded = atom.element.valence_from(atom.charge, 0)? < taken;
    let may_have_second = atom.is_aromatic && used.has_multiple && is_expanded && free > 0;
    let hydrogens = atom.hydrogens.unwrap_or(free - u32::from(needs_double));
    Some(Filled { hydrogens, needs_double, may_have_second, is_filled_up: atom.hydrogens.is_none() })
}

/// Order of each bond; `None` for aromatic bonds.
fn orders(raw: &Raw) -> Result<Vec<Option<u32>>, SmilesError> {
    let ends: Vec<[usize; 2]> = raw.bonds.iter().map(|bond| bond.ends).collect();
    let in_ring = rings::in_rings(raw.atoms.len(), &ends);
    let mut ring_atom = vec![false; raw.atoms.len()];
    for (ends, _) in ends.iter().zip(&in_ring).filter(|(_, in_ring)| **in_ring) {
        ends.iter().for_each(|&end| ring_atom[end] = true);
    }
    let outside = raw.atoms.iter().zip(&ring_atom).find(|(atom, in_ring)| atom.is_aromatic && !**in_ring);
    if let Some((atom, _)) = outside {
        return Err(SmilesError::new(atom.position, AromaticAtom));
    }
    let order = |(bond, &in_ring): (&RawBond, &bool)| {
        let may_be_aromatic = in_ring && bond.ends.iter().all(|&end| raw.atoms[end].is_aromatic);
        match bond.symbol {
            Some(Symbol::Order(order)) => Ok(Some(order)),
            Some(Symbol::Aromatic) if !may_be_aromatic => Err(SmilesError::new(bond.position, AromaticBond)),
            None if !may_be_aromatic => Ok(Some(1)),
            _ => Ok(None),
        }
    };
    raw.bonds.iter().zip(&in_ring).map(order).collect()
}

/// Merges `[H]` atoms into their neighbours, so that explicit and implicit hydrogens give the same
/// molecule.
fn without_hydrogen_atoms(molecule: Molecule) -> Molecule {
    let Molecule { mut atoms, bonds } = molecule;
    let plain = Atom { element: Element::HYDROGEN, isotope: 0, charge: 0, hydrogens: 0 };
    let holder = |atom: usize| match bonds[atom].as_slice() {
        [(other, Bond::Single)] if atoms[atom] == plain && atoms[*other].element != Element::HYDROGEN => {
            Some(*other)
        }
        _ => None,
    };
    let holders: Vec<Option<usize>> = (0..atoms.len()).map(holder).collect();
    holders.iter().flatten().for_each(|&holder| atoms[holder].hydrogens += 1);
    let kept: Vec<usize> = (0..atoms.len()).filter(|&atom| holders[atom].is_none()).collect();
    let mut renumbered = vec![0; atoms.len()];
    kept.iter().enumerate().for_each(|(new, &old)| renumbered[old] = new);
    let of_kept = |&atom: &usize| {
        let others = bonds[atom].iter().filter(|(other, _)| holders[*other].is_none());
        others.map(|&(other, bond)| (renumbered[other], bond)).collect()
    };
    Molecule {
        atoms: kept.iter().map(|&atom| atoms[atom]).collect(),
        bonds: kept.iter().map(of_kept).collect(),
    }
}
