//! The SMILES parser on a public list, alternative spellings, and invalid strings.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use proptest::prelude::*;
use proptest::sample::Index;
use rayon::prelude::*;
use vmd_tasks::molecules::{Molecule, SmilesError, SmilesReason};

/// Kekulised molecules of up to nine heavy atoms, if available.
fn qm9() -> Option<Vec<String>> {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/molecules/qm9.csv"));
    if !path.exists() {
        println!("skipped: {} is absent", path.display());
        return None;
    }
    let text = fs::read_to_string(path).expect("a readable file");
    Some(text.lines().skip(1).map(str::to_owned).collect())
}

fn key(smiles: &str) -> String {
    molecule(smiles).canonical_smiles()
}

fn molecule(smiles: &str) -> Molecule {
    Molecule::parse(smiles).unwrap_or_else(|error| panic!("{smiles}: {error}"))
}

/// Features that the public list lacks: aromatic atoms, isotopes, many rings, several parts,
/// charges, symmetry.
const MORE: [&str; 24] = [
    "c1ccccc1",
    "c1ccc2ccccc2c1",
    "c1ccc(cc1)-c2ccccc2",
    "Cn1cnc2c1c(=O)n(C)c(=O)n2C",
    "CC(=O)Oc1ccccc1C(=O)O",
    "c1cc[nH]c1",
    "c1ccoc1.c1ccsc1",
    "C[n+]1ccccc1.[Cl-]",
    "[cH-]1cccc1.[cH-]1cccc1.[Fe+2]",
    "c1ccc2c(c1)ccc3ccccc23",
    "C12C3C4C1C5C2C3C45",
    "C1C2CC3CC1CC(C2)C3",
    "CC(C)(C)C(C(C)(C)C)(C(C)(C)C)C(C)(C)C",
    "FC(F)(F)C(F)(F)C(F)(F)F",
    "[13CH4]",
    "[2H]OC([2H])([2H])[2H]",
    "OS(=O)(=O)O",
    "F[P-](F)(F)(F)(F)F.CCCC[N+](CCCC)(CCCC)CCCC",
    "c1cc2ccc3cccc4ccc(c1)c2c34",
    "C1=CC=CC=CC=C1C",
    "N#[N+][N-]C",
    "C[Si](C)(C)O[Si](C)(C)C",
    "[CH3]",
    "c1ccc(cc1)P(c2ccccc2)c3ccccc3",
];

/// Distinct molecules in the public list, which contains some twice. `RDKit` 2026.09.1 finds the
/// same ones.
const DIFFERENT: usize = 133_798;

#[test]
fn every_public_molecule_is_accepted() {
    let Some(molecules) = qm9() else { return };
    assert_eq!(molecules.len(), 133_885);
    let keys: BTreeSet<String> = molecules.par_iter().map(|smiles| key(smiles)).collect();
    println!("{} distinct molecules", keys.len());
    assert_eq!(keys.len(), DIFFERENT);
    keys.par_iter().for_each(|string| assert_eq!(&key(string), string, "a key is its own key"));
}

/// Pseudo-random numbers from a seed (Steele's `SplitMix64`).
fn numbers(seed: u64, n: usize) -> Vec<usize> {
    let number = |i: usize| {
        let mut z = seed.wrapping_add((i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) as usize
    };
    (0..n).map(number).collect()
}

fn assert_order_does_not_matter(smiles: &str, seed: u64) {
    let molecule = molecule(smiles);
    let expected = molecule.canonical_smiles();
    let written = molecule.smiles_in_order(&numbers(seed, molecule.n_atoms()));
    assert_eq!(key(&written), expected, "{smiles} written as {written}");
}

#[test]
fn the_order_of_atoms_does_not_matter() {
    for smiles in MORE {
        (0..50).for_each(|seed| assert_order_does_not_matter(smiles, seed));
    }
    let molecules = qm9().unwrap_or_default();
    molecules.par_iter().step_by(7).for_each(|smiles| {
        (0..3).for_each(|seed| assert_order_does_not_matter(smiles, seed));
    });
}

#[test]
fn different_ways_to_write_a_molecule_have_one_key() {
    for (a, b) in [
        // Kekulé structures and aromatic notation.
        ("CC1=CC=CC=C1C", "CC1=C(C)C=CC=C1"),
        ("c1ccccc1", "C1=CC=CC=C1"),
        ("c1ccc2ccccc2c1", "C1=CC2=CC=CC=C2C=C1"),
        ("c1cc[nH]c1", "C1=CNC=C1"),
        ("c1=cc=cc=c1", "c1ccccc1"),
        ("O=c1cc[nH]cc1", "O=C1C=CNC=C1"),
        // Hydrogens.
        ("C", "[CH4]"),
        ("CO", "[H]C([H])([H])O[H]"),
        ("[H][H]", "[H]-[H]"),
        // Charges.
        ("CN(=O)=O", "C[N+](=O)[O-]"),
        ("CN=N#N", "CN=[N+]=[N-]"),
        ("O=n1ccccc1", "[O-][n+]1ccccc1"),
        ("CN(C)(C)=O", "C[N+](C)(C)[O-]"),
        // Rings, branches, dots and stereo marks.
        ("C1CC1", "C%11CC%11"),
        ("CC", "C1.C1"),
        ("C1=CC1", "C=1CC1"),
        ("CC(C)O", "C(O)(C)C"),
        ("CC(C)1CC1", "CC1(CC1)C"),
        ("F/C=C/F", "FC=CF"),
        ("N[C@@H](C)O", "CC(N)O"),
        ("O.N", "N.O"),
        ("[NH4+:3]", "[NH4+]"),
        ("[O--]", "[O-2]"),
    ] {
        assert_eq!(key(a), key(b), "{a} and {b}");
    }
}

#[test]
fn an_aromatic_atom_may_have_a_double_bond_outside_the_ring() {
    for (smiles, kekule) in [
        ("O=p1ccccc1", "O=P1=CC=CC=C1"),
        ("O=[as]1ccccc1", "O=[As]1=CC=CC=C1"),
        // The ring is complete without it: the atom has a hydrogen.
        ("O=p1cccc1", "O=[PH]1C=CC=C1"),
    ] {
        assert_eq!(key(smiles), key(kekule), "{smiles}");
        assert_eq!(key(&key(smiles)), key(smiles), "{smiles}");
    }
    // Carbon has no valence for a second one, and is not part of the ring system.
    assert!(Molecule::parse("O=c1ccccc1").is_err());
}

#[test]
fn different_molecules_have_different_keys() {
    let different = [
        "CCO",
        "COC",
        "CC=O",
        "C=CO",
        "[CH3]",
        "C",
        "[13CH4]",
        "[NH4+]",
        "N",
        "C1CCCCC1",
        "c1ccccc1",
        "C1=CCC=CC1",
        // The same atoms with the same neighbours: two triangles and one hexagon.
        "C1CC1.C1CC1",
        "C1CCCC1C",
        "C[O-]",
        "[CH2-]O",
        "c1cccc2c1CC=C2",
        "c1cccc2c1C=CC2C",
        // Equally many double bonds in other places.
        "CC1=CC=CCC1",
        "CC1=CCC=CC1",
    ];
    let keys: BTreeSet<String> = different.iter().map(|smiles| key(smiles)).collect();
    assert_eq!(keys.len(), different.len(), "{keys:?}");
}

#[test]
fn keys_are_strings_to_read() {
    assert_eq!(key("C1=CC=CC=C1"), "c1ccccc1");
    assert_eq!(key("OCC"), key("CCO"));
    for smiles in MORE {
        assert_eq!(key(&key(smiles)), key(smiles), "{smiles}");
    }
}

#[test]
fn strings_that_are_no_molecules_are_refused_for_what_is_wrong() {
    use SmilesReason::*;
    for (smiles, position, reason) in [
        ("", 0, Empty),
        ("C C", 1, Character),
        ("Cé", 1, Character),
        ("Xx", 0, Character),
        ("H", 0, Character),
        ("C*", 1, Character),
        ("[C", 0, Bracket),
        ("C]", 1, Character),
        ("[]", 0, Bracket),
        ("[Xx]", 0, Bracket),
        ("[CH3", 0, Bracket),
        ("[C+H]", 0, Bracket),
        ("[C@TH3H]", 0, Bracket),
        ("[HH1]", 0, Bracket),
        ("[CH4:]", 0, Bracket),
        ("C[é]", 1, Bracket),
        ("[1234C]", 0, Number),
        ("[Fe+16]", 0, Number),
        ("[CH10]", 0, Number),
        ("=C", 0, BondWithoutAtom),
        ("C==C", 2, BondWithoutAtom),
        ("C=", 1, BondWithoutAtom),
        ("C(=)C", 3, BondWithoutAtom),
        ("C=(C)", 2, BondWithoutAtom),
        ("C=.C", 2, BondWithoutAtom),
        (".C", 0, DotWithoutAtom),
        ("C..C", 2, DotWithoutAtom),
        ("C.", 1, DotWithoutAtom),
        ("C(C.)C", 4, DotWithoutAtom),
        ("(C)C", 0, BranchWithoutAtom),
        ("C((C))C", 2, BranchWithoutAtom),
        ("C()C", 2, EmptyBranch),
        ("C(C", 1, UnclosedBranch),
        ("CC)C", 2, UnopenedBranch),
        ("1CC1", 0, RingWithoutAtom),
        ("C(1CC1)", 2, RingWithoutAtom),
        ("C%1C", 1, RingNumber),
        ("C%", 1, RingNumber),
        ("C1CC", 1, UnclosedRing),
        ("C1CC2CC1", 4, UnclosedRing),
        ("C=1CC#1", 6, RingBonds),
        ("C11", 2, RingToItself),
        ("C1C1", 3, SecondBond),
        ("C12CC12", 6, SecondBond),
        ("C:C", 1, AromaticBond),
        ("C1:C:C:C:C:C1", 2, AromaticBond),
        ("c1ccccc1:c2ccccc2", 8, AromaticBond),
        ("cc", 0, AromaticAtom),
        ("c1ccccc1c", 8, AromaticAtom),
        ("c1cccc1", 0, NotKekule),
        ("n1cccc1", 0, NotKekule),
        ("C(C)(C)(C)(C)C", 0, Valence),
        ("C=C=C=C#C", 6, Valence),
        ("CO(C)C", 1, Valence),
        ("CC#NC", 3, Valence),
        ("CN(C)(C)(C)C", 1, Valence),
        ("CNN(=O)C", 2, Valence),
        ("FF(F)", 1, Valence),
        ("[NH5+]", 0, Valence),
        ("[OH2-]", 0, Valence),
        ("[CH4+]", 0, Valence),
        ("C[CH4]", 1, Valence),
        ("C[N-](C)C", 1, Valence),
        ("c1ccccc1(C)C", 0, NotKekule),
        ("c1ccccc1(C)(C)C", 6, Valence),
    ] {
        let error = Molecule::parse(smiles).expect_err(smiles);
        // Any atom of an odd aromatic ring may be the unmatched one.
        let position = if reason == NotKekule { error.position } else { position };
        assert_eq!(error, SmilesError { position, reason }, "{smiles:?}: {error}");
    }
}

#[test]
fn charges_have_the_valences_of_the_element_with_as_many_electrons() {
    for smiles in [
        "C[N+](C)(C)C",
        "C[O-]",
        "C[N-]C",
        "C[C-](C)C",
        "C[C+](C)C",
        "C[O+](C)C",
        "[C-]#[N+]C",
        "CS(=O)(=O)C",
        "OP(=O)(O)O",
        "C[B-](C)(C)C",
        "F[P-](F)(F)(F)(F)F",
        "C[S+](C)C",
        "[Na+].[Cl-]",
        "[H+]",
        "[Xe](F)F",
        "C[I+]C",
        "[O-][N+](=O)C",
        "CN(=O)=O",
        "FS(F)(F)(F)(F)F",
    ] {
        molecule(smiles);
    }
}

#[test]
fn long_strings_do_not_overflow_the_stack() {
    // A key of so many atoms would take minutes; writing visits all of them.
    let n = 20_000;
    for smiles in ["C".repeat(n), "C(".repeat(n) + "C" + &")".repeat(n), format!("C1{}C1", "C".repeat(n))] {
        let molecule = molecule(&smiles);
        assert!(molecule.smiles_in_order(&[]).len() >= n);
    }
    assert!(Molecule::parse(&"(".repeat(n)).is_err());
    assert!(Molecule::parse(&"C(".repeat(n)).is_err());
}

#[test]
fn very_symmetric_molecules_take_a_bounded_time() {
    let star = format!("C{}", "(C(F)(F)F)".repeat(4));
    assert_eq!(key(&star), key("FC(F)(F)C(C(F)(F)F)(C(F)(F)F)C(F)(F)F"));
    // 60 equivalent atoms.
    let ring = format!("C1{}C1", "C".repeat(58));
    assert_order_does_not_matter(&ring, 1);
    let prism: String = (10..40).map(|i| format!("C%{}C%{i}%{}", i + 1, i + 31)).collect();
    assert!(Molecule::parse(&prism).is_err(), "open rings at its ends");
}

fn mutate(smiles: &str, edits: &[(Index, Index, u8)]) -> String {
    const SYMBOLS: [&str; 40] = [
        "C", "N", "O", "F", "S", "P", "c", "n", "o", "s", "1", "2", "3", "%10", "%1", "(", ")", "[", "]",
        "=", "#", "$", ":", "/", "\\", ".", "+", "-", "@", "H", "Cl", "Br", "[nH]", "[N+]", "[O-]", "[13C]",
        "[H]", "*", "é", " ",
    ];
    let mut symbols: Vec<String> = smiles.chars().map(String::from).collect();
    for (place, symbol, kind) in edits {
        let symbol = SYMBOLS[symbol.index(SYMBOLS.len())].to_owned();
        let at = place.index(symbols.len() + 1);
        match kind % 3 {
            0 => symbols.insert(at, symbol),
            _ if at == symbols.len() => {}
            1 => symbols[at] = symbol,
            _ => drop(symbols.remove(at)),
        }
    }
    symbols.concat()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn mutated_strings_never_panic(
        which in any::<Index>(),
        edits in proptest::collection::vec((any::<Index>(), any::<Index>(), any::<u8>()), 1..6),
        seed in any::<u64>(),
    ) {
        let smiles = mutate(MORE[which.index(MORE.len())], &edits);
        match Molecule::parse(&smiles) {
            Ok(_) => assert_order_does_not_matter(&smiles, seed),
            Err(error) => prop_assert!(error.position <= smiles.len() && !error.to_string().is_empty()),
        }
    }

    #[test]
    fn any_string_gives_an_answer(smiles in "\\PC{0,30}") {
        let _ = Molecule::parse(&smiles);
    }
}

#[test]
fn mutated_public_molecules_never_panic() {
    let molecules = qm9().unwrap_or_default();
    let n_valid = molecules.par_iter().enumerate().step_by(3).filter(|(i, smiles)| {
        let bytes = smiles.as_bytes();
        let random = numbers(*i as u64, 2);
        // Swap two characters.
        let (a, b) = (random[0] % bytes.len(), random[1] % bytes.len());
        let mut changed = bytes.to_vec();
        changed.swap(a, b);
        let changed = String::from_utf8(changed).expect("ASCII");
        let is_valid = Molecule::parse(&changed).is_ok();
        if is_valid {
            assert_order_does_not_matter(&changed, *i as u64);
        }
        is_valid
    });
    let n_valid = n_valid.count();
    println!("{n_valid} are still molecules");
    assert!(molecules.is_empty() || n_valid > 1000);
}
