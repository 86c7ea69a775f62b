//! Valid, unique and novel samples.

use vmd_eval::Figure;
use vmd_eval::text::Uniqueness;

use super::Figures;

/// Shares of valid, unique and novel samples. `kept` is the share that obeys the rules of the data,
/// if validity does not include them.
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
