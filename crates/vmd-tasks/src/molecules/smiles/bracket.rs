//! Bracket atoms.

use super::element::Element;
use super::error::SmilesReason::{self, Bracket, Number};
use super::parse::RawAtom;

/// Parses the text between `[` and `]`.
pub(super) fn read(content: &str, position: usize) -> Result<RawAtom, SmilesReason> {
    let mut rest = content;
    let isotope = number(&mut rest, 3)?.unwrap_or(0);
    let (element, is_aromatic) = symbol(&mut rest).ok_or(Bracket)?;
    skip_chirality(&mut rest)?;
    let hydrogens = if take(&mut rest, "H") { number(&mut rest, 1)?.unwrap_or(1) } else { 0 };
    let charge = charge(&mut rest)?;
    if take(&mut rest, ":") {
        number(&mut rest, usize::MAX)?.ok_or(Bracket)?;
    }
    if !rest.is_empty() || (element == Element::HYDROGEN && hydrogens > 0) {
        return Err(Bracket);
    }
    let hydrogens = Some(u32::from(hydrogens));
    Ok(RawAtom { position, element, is_aromatic, isotope, charge, hydrogens })
}

fn take(rest: &mut &str, prefix: &str) -> bool {
    let stripped = rest.strip_prefix(prefix);
    *rest = stripped.unwrap_or(rest);
    stripped.is_some()
}

/// A number of at most `max_digits` digits, if there is one. Values above `u16::MAX` saturate if
/// any length is allowed.
fn number(rest: &mut &str, max_digits: usize) -> Result<Option<u16>, SmilesReason> {
    let (digits, behind) = rest.split_at(rest.bytes().take_while(u8::is_ascii_digit).count());
    *rest = behind;
    if digits.is_empty() {
        return Ok(None);
    }
    if digits.len() > max_digits {
        return Err(Number);
    }
    Ok(Some(digits.parse().unwrap_or(u16::MAX)))
}

/// The longest matching element symbol; the flag marks aromatic ones.
fn symbol(rest: &mut &str) -> Option<(Element, bool)> {
    for length in [2, 1] {
        let Some(symbol) = rest.get(..length) else { continue };
        let found = Element::of(symbol).map(|element| (element, false));
        let found = found.or_else(|| Element::of_aromatic(symbol).map(|element| (element, true)));
        if found.is_some() {
            *rest = &rest[length..];
            return found;
        }
    }
    None
}

fn skip_chirality(rest: &mut &str) -> Result<(), SmilesReason> {
    if !take(rest, "@") || take(rest, "@") {
        return Ok(());
    }
    for (class, max) in [("TH", 2), ("AL", 2), ("SP", 3), ("TB", 20), ("OH", 30)] {
        if take(rest, class) {
            let which = number(rest, 2)?;
            return if which.is_some_and(|which| (1..=max).contains(&which)) { Ok(()) } else { Err(Bracket) };
        }
    }
    Ok(())
}

fn charge(rest: &mut &str) -> Result<i8, SmilesReason> {
    for (sign, unit) in [("+", 1_i8), ("-", -1)] {
        if !take(rest, sign) {
            continue;
        }
        if take(rest, sign) {
            return Ok(2 * unit);
        }
        let size = number(rest, 2)?.unwrap_or(1);
        return i8::try_from(size).ok().filter(|size| *size <= 15).map(|size| unit * size).ok_or(Number);
    }
    Ok(0)
}
