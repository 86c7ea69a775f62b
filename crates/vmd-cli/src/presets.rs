//! Configurations that come with the program.

use crate::failure::usage;

/// Name and text of every preset.
pub(crate) const PRESETS: &[(&str, &str)] = &[
    ("pairs-uniform", include_str!("../presets/pairs-uniform.toml")),
    ("pairs-uniform-mdm", include_str!("../presets/pairs-uniform-mdm.toml")),
    ("pairs-skewed", include_str!("../presets/pairs-skewed.toml")),
    ("pairs-skewed-mdm", include_str!("../presets/pairs-skewed-mdm.toml")),
    ("d1", include_str!("../presets/d1.toml")),
    ("d1-mdm", include_str!("../presets/d1-mdm.toml")),
    ("d2", include_str!("../presets/d2.toml")),
    ("d2-mdm", include_str!("../presets/d2-mdm.toml")),
    ("chain-16", include_str!("../presets/chain-16.toml")),
    ("chain-16-mdm", include_str!("../presets/chain-16-mdm.toml")),
    ("needle-64", include_str!("../presets/needle-64.toml")),
    ("needle-64-mdm", include_str!("../presets/needle-64-mdm.toml")),
    ("parity-8", include_str!("../presets/parity-8.toml")),
    ("parity-8-mdm", include_str!("../presets/parity-8-mdm.toml")),
    ("rules", include_str!("../presets/rules.toml")),
    ("rules-mdm", include_str!("../presets/rules-mdm.toml")),
    ("grids-4x4", include_str!("../presets/grids-4x4.toml")),
    ("grids-4x4-mdm", include_str!("../presets/grids-4x4-mdm.toml")),
    ("sudoku", include_str!("../presets/sudoku.toml")),
    ("sudoku-mdm", include_str!("../presets/sudoku-mdm.toml")),
    ("chain-16-parents", include_str!("../presets/chain-16-parents.toml")),
    ("graph-d2", include_str!("../presets/graph-d2.toml")),
    ("graph-needle-64", include_str!("../presets/graph-needle-64.toml")),
    ("graph-grids-4x4", include_str!("../presets/graph-grids-4x4.toml")),
    ("sudoku-4x4", include_str!("../presets/sudoku-4x4.toml")),
    ("sudoku-messages", include_str!("../presets/sudoku-messages.toml")),
    ("sudoku-solver", include_str!("../presets/sudoku-solver.toml")),
    ("sudoku-solver-mdm", include_str!("../presets/sudoku-solver-mdm.toml")),
    ("sudoku-16x16", include_str!("../presets/sudoku-16x16.toml")),
    ("text-ar", include_str!("../presets/text-ar.toml")),
    ("text-mdm", include_str!("../presets/text-mdm.toml")),
    ("text-mdm-4", include_str!("../presets/text-mdm-4.toml")),
    ("text-mdm-8", include_str!("../presets/text-mdm-8.toml")),
    ("text-vmd-4", include_str!("../presets/text-vmd-4.toml")),
    ("text-vmd-8", include_str!("../presets/text-vmd-8.toml")),
    ("text8-vmd-4", include_str!("../presets/text8-vmd-4.toml")),
    ("qm9-mdm", include_str!("../presets/qm9-mdm.toml")),
    ("qm9-mdm-8", include_str!("../presets/qm9-mdm-8.toml")),
    ("qm9-vmd-8", include_str!("../presets/qm9-vmd-8.toml")),
    ("orders-mdm", include_str!("../presets/orders-mdm.toml")),
    ("orders-vmd-32", include_str!("../presets/orders-vmd-32.toml")),
    ("shipments-mdm", include_str!("../presets/shipments-mdm.toml")),
    ("shipments-vmd", include_str!("../presets/shipments-vmd.toml")),
];

/// The preset that is trained when nothing is asked for.
pub(crate) const DEFAULT: &str = "sudoku";

/// The text of a preset.
pub(crate) fn text(name: &str) -> anyhow::Result<&'static str> {
    let names = || PRESETS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    PRESETS
        .iter()
        .find(|(preset, _)| *preset == name)
        .map(|(_, text)| *text)
        .ok_or_else(|| usage(format!("no preset `{name}`; use one of: {}", names())))
}
