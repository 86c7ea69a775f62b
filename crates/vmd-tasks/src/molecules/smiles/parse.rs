//! Syntax: from characters to atoms and bonds.

use std::collections::{BTreeMap, BTreeSet};

use super::element::Element;
use super::error::SmilesReason::{
    self, BondWithoutAtom, Bracket, BranchWithoutAtom, Character, DotWithoutAtom, Empty, EmptyBranch,
    RingBonds, RingNumber, RingToItself, RingWithoutAtom, SecondBond, UnclosedBranch, UnclosedRing,
    UnopenedBranch,
};
use super::{SmilesError, bracket};

/// An atom as written.
#[derive(Debug, Clone, Copy)]
pub(super) struct RawAtom {
    pub(super) position: usize,
    pub(super) element: Element,
    pub(super) is_aromatic: bool,
    pub(super) isotope: u16,
    pub(super) charge: i8,
    /// `None` outside of brackets, where the valence determines the number.
    pub(super) hydrogens: Option<u32>,
}

/// A bond's symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Symbol {
    /// Order 1 to 4.
    Order(u32),
    Aromatic,
}

/// A bond as written.
#[derive(Debug, Clone, Copy)]
pub(super) struct RawBond {
    pub(super) position: usize,
    pub(super) ends: [usize; 2],
    /// `None` if absent.
    pub(super) symbol: Option<Symbol>,
}

/// A string with valid syntax and closed rings.
#[derive(Debug, Clone, Default)]
pub(super) struct Raw {
    pub(super) atoms: Vec<RawAtom>,
    pub(super) bonds: Vec<RawBond>,
}

/// Parses a string without checking rings, aromaticity and valence.
pub(super) fn parse(smiles: &str) -> Result<Raw, SmilesError> {
    let mut parser = Parser { smiles, ..Parser::default() };
    while parser.position < smiles.len() {
        let position = parser.position;
        parser.step().map_err(|reason| SmilesError::new(position, reason))?;
    }
    parser.finish()
}

struct Branch {
    position: usize,
    atom: usize,
    /// Number of atoms when the branch began.
    n_atoms: usize,
}

struct Ring {
    position: usize,
    atom: usize,
    symbol: Option<Symbol>,
}

#[derive(Default)]
struct Parser<'a> {
    smiles: &'a str,
    position: usize,
    raw: Raw,
    /// Pairs of bonded atoms, the lower index first.
    bonded: BTreeSet<[usize; 2]>,
    /// The atom to which the next one is bonded.
    previous: Option<usize>,
    bond: Option<(Symbol, usize)>,
    branches: Vec<Branch>,
    rings: BTreeMap<u8, Ring>,
}

impl Parser<'_> {
    fn step(&mut self) -> Result<(), SmilesReason> {
        let byte = self.smiles.as_bytes()[self.position];
        let length = match byte {
            b'[' => self.bracket()?,
            b'(' => self.open_branch()?,
            b')' => self.close_branch()?,
            b'.' => self.dot()?,
            b'%' => {
                let digits = self.smiles.as_bytes().get(self.position + 1..self.position + 3);
                match digits {
                    Some(&[tens @ b'0'..=b'9', ones @ b'0'..=b'9']) => {
                        self.ring(10 * (tens - b'0') + ones - b'0')?;
                        3
                    }
                    _ => return Err(RingNumber),
                }
            }
            b'0'..=b'9' => self.ring(byte - b'0')?,
            _ => match symbol(byte) {
                Some(symbol) => self.bond(symbol)?,
                None => self.organic()?,
            },
        };
        self.position += length;
        Ok(())
    }

    fn bracket(&mut self) -> Result<usize, SmilesReason> {
        let behind = &self.smiles[self.position + 1..];
        let length = behind.find(']').ok_or(Bracket)?;
        self.atom(bracket::read(&behind[..length], self.position)?)?;
        Ok(length + 2)
    }

    fn organic(&mut self) -> Result<usize, SmilesReason> {
        let rest = &self.smiles[self.position..];
        let length = if rest.starts_with("Cl") || rest.starts_with("Br") { 2 } else { 1 };
        let symbol = rest.get(..length).ok_or(Character)?;
        let plain = Element::of(symbol).map(|element| (element, false));
        let found = plain.or_else(|| Element::of_aromatic(symbol).map(|element| (element, true)));
        let (element, is_aromatic) = found.filter(|(element, _)| element.is_organic()).ok_or(Character)?;
        let position = self.position;
        self.atom(RawAtom { position, element, is_aromatic, isotope: 0, charge: 0, hydrogens: None })?;
        Ok(length)
    }

    fn atom(&mut self, atom: RawAtom) -> Result<(), SmilesReason> {
        let new = self.raw.atoms.len();
        self.raw.atoms.push(atom);
        let bond = self.bond.take();
        if let Some(previous) = self.previous.replace(new) {
            let position = bond.map_or(atom.position, |(_, position)| position);
            self.connect([previous, new], bond.map(|(symbol, _)| symbol), position)?;
        }
        Ok(())
    }

    fn connect(
        &mut self,
        ends: [usize; 2],
        symbol: Option<Symbol>,
        position: usize,
    ) -> Result<(), SmilesReason> {
        if ends[0] == ends[1] {
            return Err(RingToItself);
        }
        if !self.bonded.insert([ends[0].min(ends[1]), ends[0].max(ends[1])]) {
            return Err(SecondBond);
        }
        self.raw.bonds.push(RawBond { position, ends, symbol });
        Ok(())
    }

    fn bond(&mut self, symbol: Symbol) -> Result<usize, SmilesReason> {
        if self.previous.is_none() || self.bond.is_some() {
            return Err(BondWithoutAtom);
        }
        self.bond = Some((symbol, self.position));
        Ok(1)
    }

    fn dot(&mut self) -> Result<usize, SmilesReason> {
        self.expect_no_bond()?;
        self.previous.take().ok_or(DotWithoutAtom)?;
        Ok(1)
    }

    fn open_branch(&mut self) -> Result<usize, SmilesReason> {
        self.expect_no_bond()?;
        let atom = self.previous.filter(|_| !self.is_at_branch_start()).ok_or(BranchWithoutAtom)?;
        self.branches.push(Branch { position: self.position, atom, n_atoms: self.raw.atoms.len() });
        Ok(1)
    }

    fn close_branch(&mut self) -> Result<usize, SmilesReason> {
        self.expect_no_bond()?;
        let is_empty = self.is_at_branch_start();
        let branch = self.branches.pop().ok_or(UnopenedBranch)?;
        if is_empty {
            return Err(EmptyBranch);
        }
        self.previous.replace(branch.atom).ok_or(DotWithoutAtom)?;
        Ok(1)
    }

    fn ring(&mut self, number: u8) -> Result<usize, SmilesReason> {
        let atom = self.previous.filter(|_| !self.is_at_branch_start()).ok_or(RingWithoutAtom)?;
        let symbol = self.bond.take().map(|(symbol, _)| symbol);
        match self.rings.remove(&number) {
            None => {
                self.rings.insert(number, Ring { position: self.position, atom, symbol });
            }
            Some(open) if open.symbol.zip(symbol).is_some_and(|(a, b)| a != b) => return Err(RingBonds),
            Some(open) => self.connect([open.atom, atom], open.symbol.or(symbol), self.position)?,
        }
        Ok(1)
    }

    fn is_at_branch_start(&self) -> bool {
        self.branches.last().is_some_and(|branch| branch.n_atoms == self.raw.atoms.len())
    }

    fn expect_no_bond(&self) -> Result<(), SmilesReason> {
        if self.bond.is_some() { Err(BondWithoutAtom) } else { Ok(()) }
    }

    fn finish(self) -> Result<Raw, SmilesError> {
        let end = self.smiles.len();
        let first_ring = self.rings.values().map(|ring| ring.position).min();
        let problem = if self.raw.atoms.is_empty() {
            Some((0, Empty))
        } else if let Some((_, position)) = self.bond {
            Some((position, BondWithoutAtom))
        } else if self.previous.is_none() {
            Some((end - 1, DotWithoutAtom))
        } else if let Some(branch) = self.branches.last() {
            Some((branch.position, UnclosedBranch))
        } else {
            first_ring.map(|position| (position, UnclosedRing))
        };
        match problem {
            Some((position, reason)) => Err(SmilesError::new(position, reason)),
            None => Ok(self.raw),
        }
    }
}

fn symbol(byte: u8) -> Option<Symbol> {
    match byte {
        b'-' | b'/' | b'\\' => Some(Symbol::Order(1)),
        b'=' => Some(Symbol::Order(2)),
        b'#' => Some(Symbol::Order(3)),
        b'$' => Some(Symbol::Order(4)),
        b':' => Some(Symbol::Aromatic),
        _ => None,
    }
}
