//! Ring membership of bonds.

/// Whether each bond between `n` atoms is in a ring, i.e. is not a bridge.
pub(super) fn in_rings(n: usize, bonds: &[[usize; 2]]) -> Vec<bool> {
    let mut neighbours = vec![Vec::new(); n];
    for (bond, &[a, b]) in bonds.iter().enumerate() {
        neighbours[a].push((b, bond));
        neighbours[b].push((a, bond));
    }
    let mut search =
        Search { entered: vec![0; n], lowest: vec![0; n], clock: 0, is_ring: vec![true; bonds.len()] };
    for root in 0..n {
        if search.entered[root] == 0 {
            search.run(root, &neighbours);
        }
    }
    search.is_ring
}

/// Depth-first search that tracks the earliest atom reachable from each subtree.
struct Search {
    /// Time at which each atom was entered, from 1.
    entered: Vec<usize>,
    lowest: Vec<usize>,
    clock: usize,
    is_ring: Vec<bool>,
}

impl Search {
    /// Iterative: a long chain would overflow the stack.
    fn run(&mut self, root: usize, neighbours: &[Vec<(usize, usize)>]) {
        self.enter(root);
        let mut stack = vec![(root, None, 0)];
        while let Some((atom, from, next)) = stack.last_mut() {
            let (atom, from) = (*atom, *from);
            let Some(&(other, bond)) = neighbours[atom].get(*next) else {
                stack.pop();
                if let (Some(&(parent, ..)), Some(bond)) = (stack.last(), from) {
                    self.lowest[parent] = self.lowest[parent].min(self.lowest[atom]);
                    self.is_ring[bond] = self.lowest[atom] <= self.entered[parent];
                }
                continue;
            };
            *next += 1;
            if from == Some(bond) {
                continue;
            }
            if self.entered[other] == 0 {
                self.enter(other);
                stack.push((other, Some(bond), 0));
            } else {
                self.lowest[atom] = self.lowest[atom].min(self.entered[other]);
            }
        }
    }

    fn enter(&mut self, atom: usize) {
        self.clock += 1;
        (self.entered[atom], self.lowest[atom]) = (self.clock, self.clock);
    }
}

#[cfg(test)]
mod tests {
    use super::in_rings;

    #[test]
    fn a_bond_between_rings_is_in_none() {
        // Two triangles, 0 1 2 and 3 4 5, with a bond 2–3, and a tail 5–6.
        let bonds = [[0, 1], [1, 2], [2, 0], [2, 3], [3, 4], [4, 5], [5, 3], [5, 6]];
        assert_eq!(in_rings(7, &bonds), [true, true, true, false, true, true, true, false]);
    }
}
