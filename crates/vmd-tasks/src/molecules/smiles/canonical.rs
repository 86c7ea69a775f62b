//! Canonical SMILES.

use std::collections::BTreeSet;

use super::{Bond, Molecule, write};

/// Maximum number of tie-breaking choices to try per component.
const MAX_LEAVES: usize = 2000;

/// See [`Molecule::canonical_smiles`].
pub(super) fn smiles(molecule: &Molecule) -> String {
    let mut parts: Vec<String> =
        molecule.components().iter().map(|part| of_component(molecule, part)).collect();
    parts.sort_unstable();
    parts.join(".")
}

fn of_component(molecule: &Molecule, part: &[usize]) -> String {
    let invariant = |atom: usize| (molecule.atoms[atom], molecule.bonds[atom].len());
    let mut ranks = vec![0; molecule.atoms.len()];
    assign(&mut ranks, part, &part.iter().map(|&atom| invariant(atom)).collect::<Vec<_>>());
    let mut search = Search { molecule, part, best: None, leaves: 0 };
    // Iterative: the depth of the search is the number of atoms of the component.
    let mut stack = vec![ranks];
    while let Some(mut ranks) = stack.pop() {
        refine(molecule, part, &mut ranks);
        search.visit(ranks, &mut stack);
    }
    search.best.unwrap_or_default()
}

struct Search<'a> {
    molecule: &'a Molecule,
    part: &'a [usize],
    best: Option<String>,
    leaves: usize,
}

impl Search<'_> {
    /// Writes a string if all ranks differ; else pushes the result of each choice in the first tie.
    fn visit(&mut self, ranks: Vec<usize>, stack: &mut Vec<Vec<usize>>) {
        let tie = first_tie(self.part, &ranks);
        if tie.is_empty() {
            self.leaves += 1;
            let string = write::component(self.molecule, self.part, &ranks);
            if self.best.as_ref().is_none_or(|best| string < *best) {
                self.best = Some(string);
            }
            return;
        }
        let mut tried: Vec<usize> = Vec::new();
        for &atom in &tie {
            // Swapping twins does not change the result, so trying one of them is enough.
            if tried.iter().any(|&other| are_twins(self.molecule, atom, other)) {
                continue;
            }
            tried.push(atom);
            let mut chosen = ranks.clone();
            tie.iter().filter(|&&other| other != atom).for_each(|&other| chosen[other] += 1);
            stack.push(chosen);
            if self.leaves + stack.len() >= MAX_LEAVES {
                return;
            }
        }
    }
}

/// Atoms that share the lowest tied rank.
fn first_tie(part: &[usize], ranks: &[usize]) -> Vec<usize> {
    let mut sorted: Vec<usize> = part.to_vec();
    sorted.sort_by_key(|&atom| (ranks[atom], atom));
    let mut groups = sorted.chunk_by(|&a, &b| ranks[a] == ranks[b]);
    groups.find(|group| group.len() > 1).map(<[usize]>::to_vec).unwrap_or_default()
}

/// Whether two atoms of one rank have the same bonds to the same other atoms.
fn are_twins(molecule: &Molecule, a: usize, b: usize) -> bool {
    let others = |atom: usize, twin: usize| -> BTreeSet<(usize, Bond)> {
        molecule.bonds[atom].iter().copied().filter(|&(other, _)| other != twin).collect()
    };
    others(a, b) == others(b, a)
}

/// Splits ranks by the bonds to atoms of other ranks, until nothing changes.
fn refine(molecule: &Molecule, part: &[usize], ranks: &mut [usize]) {
    loop {
        let around = |atom: usize| {
            let bonds = molecule.bonds[atom].iter();
            let mut around: Vec<(Bond, usize)> = bonds.map(|&(other, bond)| (bond, ranks[other])).collect();
            around.sort_unstable();
            (ranks[atom], around)
        };
        let keys: Vec<_> = part.iter().map(|&atom| around(atom)).collect();
        if !assign(ranks, part, &keys) {
            return;
        }
    }
}

/// Sets each rank to the number of atoms with a smaller key; returns whether a rank changed.
fn assign<K: Ord>(ranks: &mut [usize], part: &[usize], keys: &[K]) -> bool {
    let mut order: Vec<usize> = (0..part.len()).collect();
    order.sort_by(|&a, &b| keys[a].cmp(&keys[b]));
    let (mut rank, mut has_changed) = (0, false);
    for i in 0..order.len() {
        if i > 0 && keys[order[i - 1]] != keys[order[i]] {
            rank = i;
        }
        has_changed |= std::mem::replace(&mut ranks[part[order[i]]], rank) != rank;
    }
    has_changed
}
