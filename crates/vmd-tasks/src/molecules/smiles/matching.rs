//! Maximum matching of atoms along bonds: Edmonds' algorithm.

use std::collections::VecDeque;

/// Partner of each atom.
pub(super) type Mates = Vec<Option<usize>>;

/// Augments the matching from the unmatched atom `root`. Returns `false`, and changes nothing, if
/// that is impossible. Atoms with `is_blocked` are excluded.
///
/// # Source
///
/// J. Edmonds, Paths, trees, and flowers, Can. J. Math. 17 (1965).
pub(super) fn augment(
    neighbours: &[Vec<usize>],
    mates: &mut Mates,
    is_blocked: &[bool],
    root: usize,
) -> bool {
    let n = neighbours.len();
    let mut search = Search {
        mates,
        parents: vec![None; n],
        bases: (0..n).collect(),
        is_even: vec![false; n],
        queue: VecDeque::from([root]),
        root,
    };
    search.is_even[root] = true;
    while let Some(atom) = search.queue.pop_front() {
        for &other in neighbours[atom].iter().filter(|&&other| !is_blocked[other]) {
            if search.reach(atom, other) {
                return true;
            }
        }
    }
    false
}

struct Search<'a> {
    mates: &'a mut Mates,
    /// Predecessor of each atom at an odd distance from the root.
    parents: Vec<Option<usize>>,
    /// Base atom of the contracted odd cycle of each atom.
    bases: Vec<usize>,
    /// Whether the atom is at an even distance from the root.
    is_even: Vec<bool>,
    queue: VecDeque<usize>,
    root: usize,
}

impl Search<'_> {
    /// Extends the search from an atom at an even distance; `true` if an unmatched atom was found
    /// and the matching augmented.
    fn reach(&mut self, atom: usize, other: usize) -> bool {
        if self.bases[atom] == self.bases[other] || self.mates[atom] == Some(other) {
            return false;
        }
        if self.is_even(other) {
            self.contract(atom, other);
        } else if self.parents[other].is_none() {
            self.parents[other] = Some(atom);
            let Some(mate) = self.mates[other] else {
                self.flip(other);
                return true;
            };
            self.is_even[mate] = true;
            self.queue.push_back(mate);
        }
        false
    }

    fn is_even(&self, atom: usize) -> bool {
        atom == self.root || self.mates[atom].is_some_and(|mate| self.parents[mate].is_some())
    }

    /// Contracts the odd cycle that the bond closes.
    fn contract(&mut self, a: usize, b: usize) {
        let base = self.common_base(a, b);
        let mut is_inside = vec![false; self.bases.len()];
        self.mark(a, base, b, &mut is_inside);
        self.mark(b, base, a, &mut is_inside);
        for atom in 0..self.bases.len() {
            if is_inside[self.bases[atom]] {
                self.bases[atom] = base;
                if !self.is_even[atom] {
                    self.is_even[atom] = true;
                    self.queue.push_back(atom);
                }
            }
        }
    }

    fn common_base(&self, a: usize, b: usize) -> usize {
        let mut is_above = vec![false; self.bases.len()];
        let mut at = Some(a);
        while let Some(atom) = at {
            is_above[self.bases[atom]] = true;
            at = self.base_above(self.bases[atom]);
        }
        let mut base = self.bases[b];
        while !is_above[base] {
            match self.base_above(base) {
                Some(above) => base = self.bases[above],
                None => break,
            }
        }
        base
    }

    fn base_above(&self, base: usize) -> Option<usize> {
        self.mates[base].and_then(|mate| self.parents[mate])
    }

    fn mark(&mut self, start: usize, base: usize, child: usize, is_inside: &mut [bool]) {
        let (mut atom, mut child) = (start, child);
        while self.bases[atom] != base {
            let Some(mate) = self.mates[atom] else { break };
            is_inside[self.bases[atom]] = true;
            is_inside[self.bases[mate]] = true;
            self.parents[atom] = Some(child);
            child = mate;
            let Some(above) = self.parents[mate] else { break };
            atom = above;
        }
    }

    /// Exchanges matched and unmatched bonds along the path from `end` to the root.
    fn flip(&mut self, end: usize) {
        let mut at = Some(end);
        while let Some(atom) = at {
            let Some(parent) = self.parents[atom] else { break };
            at = self.mates[parent];
            self.mates[atom] = Some(parent);
            self.mates[parent] = Some(atom);
        }
    }
}
