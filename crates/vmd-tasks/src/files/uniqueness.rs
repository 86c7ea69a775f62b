//! Valid, unique and novel samples.

use vmd_eval::Figure;
use vmd_eval::text::Uniqueness;

use super::Figures;

/// The shares of valid, unique and novel samples, and of those that keep the rules of the data, where validity does not say so
/// already.
pub(crate) fn uniqueness_figures(unique: Uniqueness, kept: Option<Figure>) -> Figures {
    let mut figures = vec![
        ("valid", unique.valid),
        ("unique", unique.unique),
        ("novel", unique.novel),
        ("valid_unique_novel", unique.all_three),
    ];
    figures.extend(kept.map(|kept| ("consistent", kept)));
    figures
}
