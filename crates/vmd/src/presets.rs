//! Configurations that come with this crate.

use crate::Error;

/// Names and texts of the presets.
pub const PRESETS: &[(&str, &str)] = &[
    ("d1", include_str!("../presets/d1.toml")),
    ("d1-mdm", include_str!("../presets/d1-mdm.toml")),
    ("d2", include_str!("../presets/d2.toml")),
    ("d2-mdm", include_str!("../presets/d2-mdm.toml")),
    ("chain-16", include_str!("../presets/chain-16.toml")),
    ("grids-4x4", include_str!("../presets/grids-4x4.toml")),
    ("grids-4x4-mdm", include_str!("../presets/grids-4x4-mdm.toml")),
    ("sudoku", include_str!("../presets/sudoku.toml")),
    ("sudoku-mdm", include_str!("../presets/sudoku-mdm.toml")),
    ("sudoku-4x4", include_str!("../presets/sudoku-4x4.toml")),
    ("sudoku-solver", include_str!("../presets/sudoku-solver.toml")),
    ("sudoku-solver-mdm", include_str!("../presets/sudoku-solver-mdm.toml")),
    ("text-ar", include_str!("../presets/text-ar.toml")),
    ("text-mdm-4", include_str!("../presets/text-mdm-4.toml")),
    ("text-vmd-4", include_str!("../presets/text-vmd-4.toml")),
    ("qm9-vmd-8", include_str!("../presets/qm9-vmd-8.toml")),
    ("orders-vmd-32", include_str!("../presets/orders-vmd-32.toml")),
    ("shipments-vmd", include_str!("../presets/shipments-vmd.toml")),
];

/// The preset that `vmd train` uses by default, with and without its latent.
pub const DEFAULT: &str = "grids-4x4";

/// Returns the text of a preset.
///
/// # Errors
///
/// [`Error::Usage`] if there is no preset of that name.
pub fn text(name: &str) -> Result<&'static str, Error> {
    let names = || PRESETS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    PRESETS
        .iter()
        .find(|(preset, _)| *preset == name)
        .map(|(_, text)| *text)
        .ok_or_else(|| Error::usage(format!("no preset `{name}`; use one of: {}", names())))
}
