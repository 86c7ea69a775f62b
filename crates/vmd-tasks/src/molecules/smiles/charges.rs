//! Pentavalent nitrogen as a pair of charges.

use super::element::Element;
use super::parse::Raw;

/// Rewrites a neutral N with five bonds and a terminal `=O` or `#N` as `[N+][O-]` or `[N+]=[N-]`.
/// This covers nitro groups, N-oxides, azides and diazo groups.
pub(super) fn separate(raw: &mut Raw, orders: &mut [Option<u32>]) {
    let mut bonds_of = vec![Vec::new(); raw.atoms.len()];
    for (bond, of) in raw.bonds.iter().enumerate() {
        of.ends.iter().for_each(|&end| bonds_of[end].push(bond));
    }
    for atom in 0..raw.atoms.len() {
        let is = raw.atoms[atom];
        let used: u32 = bonds_of[atom].iter().map(|&bond| orders[bond].unwrap_or(1)).sum();
        let n_open = bonds_of[atom].iter().filter(|&&bond| orders[bond].is_none()).count();
        // One of two aromatic bonds is double.
        let valence = used + is.hydrogens.unwrap_or(0) + u32::from(n_open >= 2);
        if is.element != Element::NITROGEN || is.charge != 0 || valence != 5 {
            continue;
        }
        let candidates = bonds_of[atom].iter().filter_map(|&bond| {
            let ends = raw.bonds[bond].ends;
            let other = if ends[0] == atom { ends[1] } else { ends[0] };
            let end = raw.atoms[other];
            let is_plain = bonds_of[other].len() == 1 && end.charge == 0 && end.hydrogens.unwrap_or(0) == 0;
            let takes = (end.element == Element::OXYGEN && orders[bond] == Some(2))
                || (end.element == Element::NITROGEN && orders[bond] == Some(3));
            (is_plain && takes).then_some((end.isotope, other, bond))
        });
        if let Some((_, other, bond)) = candidates.min() {
            orders[bond] = orders[bond].map(|order| order - 1);
            raw.atoms[atom].charge = 1;
            raw.atoms[other].charge = -1;
        }
    }
}
