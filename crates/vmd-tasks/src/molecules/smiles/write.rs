//! Writing SMILES.

use super::{Atom, Bond, Molecule};

/// Writes one component, starting at the atom of lowest rank and visiting neighbours of lower rank
/// first.
pub(super) fn component(molecule: &Molecule, part: &[usize], ranks: &[usize]) -> String {
    let Some(root) = part.iter().copied().min_by_key(|&atom| ranks[atom]) else { return String::new() };
    let tree = Tree::new(molecule, root, ranks);
    let mut writer = Writer { molecule, tree: &tree, open: Vec::new(), text: String::new() };
    let mut stack = vec![Task::Atom(root, None)];
    while let Some(task) = stack.pop() {
        match task {
            Task::Text(text) => writer.text.push(text),
            Task::Atom(atom, bond) => {
                writer.atom(atom, bond);
                // Push in reverse, since the stack pops the last item first.
                for (i, &(child, bond)) in tree.children[atom].iter().enumerate().rev() {
                    let is_last = i + 1 == tree.children[atom].len();
                    if !is_last {
                        stack.push(Task::Text(')'));
                    }
                    stack.push(Task::Atom(child, Some((atom, bond))));
                    if !is_last {
                        stack.push(Task::Text('('));
                    }
                }
            }
        }
    }
    writer.text
}

enum Task {
    Text(char),
    /// An atom and the bond to its predecessor.
    Atom(usize, Option<(usize, Bond)>),
}

/// The order in which atoms are written, and the ring bonds.
struct Tree {
    children: Vec<Vec<(usize, Bond)>>,
    /// Later atoms with a ring bond to this one.
    opens: Vec<Vec<(usize, Bond)>>,
    /// Earlier atoms with a ring bond to this one.
    closes: Vec<Vec<usize>>,
}

impl Tree {
    /// Iterative: a long chain would overflow the stack.
    fn new(molecule: &Molecule, root: usize, ranks: &[usize]) -> Self {
        let n = molecule.atoms.len();
        let mut tree =
            Self { children: vec![Vec::new(); n], opens: vec![Vec::new(); n], closes: vec![Vec::new(); n] };
        let mut entered = vec![0; n];
        let sorted = |atom: usize| {
            let mut bonds = molecule.bonds[atom].clone();
            bonds.sort_by_key(|&(other, _)| ranks[other]);
            bonds.into_iter()
        };
        let mut clock = 1;
        entered[root] = clock;
        let mut stack = vec![(root, None, sorted(root))];
        while let Some((atom, parent, bonds)) = stack.last_mut() {
            let atom = *atom;
            let Some((other, bond)) = bonds.next() else {
                stack.pop();
                continue;
            };
            if entered[other] == 0 {
                clock += 1;
                entered[other] = clock;
                tree.children[atom].push((other, bond));
                stack.push((other, Some(atom), sorted(other)));
            } else if entered[other] < entered[atom] && *parent != Some(other) {
                tree.opens[other].push((atom, bond));
                tree.closes[atom].push(other);
            }
        }
        tree
    }
}

struct Writer<'a> {
    molecule: &'a Molecule,
    tree: &'a Tree,
    /// The ring bond that uses each number, from 1.
    open: Vec<Option<[usize; 2]>>,
    text: String,
}

impl Writer<'_> {
    fn atom(&mut self, atom: usize, bond: Option<(usize, Bond)>) {
        if let Some((previous, bond)) = bond {
            self.bond(bond, previous, atom);
        }
        self.text += &atom_text(self.molecule, atom);
        let closed: Vec<usize> =
            self.tree.closes[atom].iter().filter_map(|&other| self.number_of([other, atom])).collect();
        closed.iter().for_each(|&number| self.number(number));
        for &(other, bond) in &self.tree.opens[atom] {
            let free = self.open.iter().position(Option::is_none).unwrap_or(self.open.len());
            if free == self.open.len() {
                self.open.push(None);
            }
            self.open[free] = Some([atom, other]);
            self.bond(bond, atom, other);
            self.number(free);
        }
        // Free the numbers after the atom, so that an atom does not use a number twice.
        closed.iter().for_each(|&number| self.open[number] = None);
    }

    fn number_of(&self, ends: [usize; 2]) -> Option<usize> {
        self.open.iter().position(|open| *open == Some(ends))
    }

    fn number(&mut self, index: usize) {
        let number = index + 1;
        self.text += &if number < 10 { number.to_string() } else { format!("%{number:02}") };
    }

    fn bond(&mut self, bond: Bond, a: usize, b: usize) {
        let both_aromatic = self.molecule.is_delocalised(a) && self.molecule.is_delocalised(b);
        self.text += match bond {
            Bond::Single if both_aromatic => "-",
            Bond::Single | Bond::Delocalised => "",
            Bond::Double => "=",
            Bond::Triple => "#",
            Bond::Quadruple => "$",
        };
    }
}

fn atom_text(molecule: &Molecule, atom: usize) -> String {
    let Atom { element, isotope, charge, hydrogens } = molecule.atoms[atom];
    let is_aromatic = molecule.is_delocalised(atom);
    let symbol =
        if is_aromatic { element.symbol().to_ascii_lowercase() } else { element.symbol().to_owned() };
    // An aromatic atom has a valence one above the sum of its bonds as written.
    let written = molecule.valence(atom) - u32::from(is_aromatic);
    let implied =
        element.valence_from(0, written).and_then(|v| (v - written).checked_sub(u32::from(is_aromatic)));
    let may_stand_alone = element.is_organic() && (!is_aromatic || element.can_be_aromatic());
    if may_stand_alone && isotope == 0 && charge == 0 && implied == Some(hydrogens) {
        return symbol;
    }
    let isotope = if isotope == 0 { String::new() } else { isotope.to_string() };
    let hydrogens = match hydrogens {
        0 => String::new(),
        1 => "H".to_owned(),
        several => format!("H{several}"),
    };
    let charge = match charge {
        0 => String::new(),
        1 => "+".to_owned(),
        -1 => "-".to_owned(),
        other => format!("{other:+}"),
    };
    format!("[{isotope}{symbol}{hydrogens}{charge}]")
}
