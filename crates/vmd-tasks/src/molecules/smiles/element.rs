//! Elements and their valences.

/// Symbols by atomic number, from hydrogen on.
const SYMBOLS: [&str; 118] = [
    "H", "He", "Li", "Be", "B", "C", "N", "O", "F", "Ne", "Na", "Mg", "Al", "Si", "P", "S", "Cl", "Ar", "K",
    "Ca", "Sc", "Ti", "V", "Cr", "Mn", "Fe", "Co", "Ni", "Cu", "Zn", "Ga", "Ge", "As", "Se", "Br", "Kr",
    "Rb", "Sr", "Y", "Zr", "Nb", "Mo", "Tc", "Ru", "Rh", "Pd", "Ag", "Cd", "In", "Sn", "Sb", "Te", "I", "Xe",
    "Cs", "Ba", "La", "Ce", "Pr", "Nd", "Pm", "Sm", "Eu", "Gd", "Tb", "Dy", "Ho", "Er", "Tm", "Yb", "Lu",
    "Hf", "Ta", "W", "Re", "Os", "Ir", "Pt", "Au", "Hg", "Tl", "Pb", "Bi", "Po", "At", "Rn", "Fr", "Ra",
    "Ac", "Th", "Pa", "U", "Np", "Pu", "Am", "Cm", "Bk", "Cf", "Es", "Fm", "Md", "No", "Lr", "Rf", "Db",
    "Sg", "Bh", "Hs", "Mt", "Ds", "Rg", "Cn", "Nh", "Fl", "Mc", "Lv", "Ts", "Og",
];

/// Elements that can be aromatic: B, C, N, O, Si, P, S, As, Se, Te.
const AROMATIC: [u8; 10] = [5, 6, 7, 8, 14, 15, 16, 33, 34, 52];

/// A chemical element, by its atomic number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Element(u8);

impl Element {
    pub(super) const HYDROGEN: Self = Self(1);
    pub(super) const NITROGEN: Self = Self(7);
    pub(super) const OXYGEN: Self = Self(8);

    /// Parses a symbol.
    pub(super) fn of(symbol: &str) -> Option<Self> {
        SYMBOLS.iter().position(|&known| known == symbol).map(|i| Self(i as u8 + 1))
    }

    /// Parses a lower-case symbol, if the element can be aromatic.
    pub(super) fn of_aromatic(symbol: &str) -> Option<Self> {
        let is_it = |number: &u8| SYMBOLS[usize::from(*number) - 1].to_ascii_lowercase() == symbol;
        AROMATIC.into_iter().find(is_it).map(Self)
    }

    pub(super) fn symbol(self) -> &'static str {
        SYMBOLS[usize::from(self.0) - 1]
    }

    pub(super) fn can_be_aromatic(self) -> bool {
        AROMATIC.contains(&self.0)
    }

    /// Whether the element is in the organic subset, which needs no brackets.
    pub(super) fn is_organic(self) -> bool {
        matches!(self.0, 5..=9 | 15..=17 | 35 | 53)
    }

    /// Smallest valence with this charge that is at least `used`, or `None`. If the valences of the
    /// element are unknown, `used` itself.
    pub(super) fn valence_from(self, charge: i8, used: u32) -> Option<u32> {
        match self.valences(charge) {
            Some(valences) => valences.iter().copied().find(|&valence| valence >= used),
            None => Some(used),
        }
    }

    /// Valences of the isoelectronic element of the same row.
    fn valences(self, charge: i8) -> Option<&'static [u32]> {
        // Atomic number of the first group-13 element of the row; valence electrons are counted
        // from it.
        let first = match self.0 {
            1 => return Some(if charge == 0 { &[1] } else { &[0] }),
            5..=9 => 5,
            14..=17 => 13,
            32..=35 => 31,
            52..=53 => 49,
            _ => return None,
        };
        Some(match i16::from(self.0) - i16::from(charge) - first {
            -2 => &[1],
            -1 => &[2],
            0 => &[3],
            1 => &[4],
            2 if first == 5 => &[3],
            2 => &[3, 5],
            3 if first == 5 => &[2],
            3 => &[2, 4, 6],
            4 => &[1],
            _ => &[0],
        })
    }
}
