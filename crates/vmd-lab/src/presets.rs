//! Presets that only studies use.

/// Names and texts of these presets.
const PRESETS: &[(&str, &str)] = &[
    ("pairs-uniform", include_str!("../presets/pairs-uniform.toml")),
    ("pairs-uniform-mdm", include_str!("../presets/pairs-uniform-mdm.toml")),
    ("pairs-skewed", include_str!("../presets/pairs-skewed.toml")),
    ("pairs-skewed-mdm", include_str!("../presets/pairs-skewed-mdm.toml")),
    ("chain-16-mdm", include_str!("../presets/chain-16-mdm.toml")),
    ("needle-64", include_str!("../presets/needle-64.toml")),
    ("needle-64-mdm", include_str!("../presets/needle-64-mdm.toml")),
    ("parity-8", include_str!("../presets/parity-8.toml")),
    ("parity-8-mdm", include_str!("../presets/parity-8-mdm.toml")),
    ("rules", include_str!("../presets/rules.toml")),
    ("rules-mdm", include_str!("../presets/rules-mdm.toml")),
    ("chain-16-parents", include_str!("../presets/chain-16-parents.toml")),
    ("graph-d2", include_str!("../presets/graph-d2.toml")),
    ("graph-needle-64", include_str!("../presets/graph-needle-64.toml")),
    ("graph-grids-4x4", include_str!("../presets/graph-grids-4x4.toml")),
    ("sudoku-messages", include_str!("../presets/sudoku-messages.toml")),
    ("sudoku-16x16", include_str!("../presets/sudoku-16x16.toml")),
    ("text-mdm", include_str!("../presets/text-mdm.toml")),
    ("text-mdm-8", include_str!("../presets/text-mdm-8.toml")),
    ("text-vmd-8", include_str!("../presets/text-vmd-8.toml")),
    ("text8-vmd-4", include_str!("../presets/text8-vmd-4.toml")),
    ("qm9-mdm", include_str!("../presets/qm9-mdm.toml")),
    ("qm9-mdm-8", include_str!("../presets/qm9-mdm-8.toml")),
    ("orders-mdm", include_str!("../presets/orders-mdm.toml")),
    ("shipments-mdm", include_str!("../presets/shipments-mdm.toml")),
];

/// The text of a preset of this crate or of `vmd`.
pub(crate) fn text(name: &str) -> Result<&'static str, vmd::Error> {
    match PRESETS.iter().find(|(preset, _)| *preset == name) {
        Some((_, text)) => Ok(text),
        None => vmd::presets::text(name).map_err(|_| {
            let names: Vec<&str> =
                PRESETS.iter().chain(vmd::presets::PRESETS).map(|(name, _)| *name).collect();
            vmd::Error::usage(format!("no preset `{name}`; use one of: {}", names.join(", ")))
        }),
    }
}

#[cfg(test)]
mod tests {
    use vmd::run::RunConfig;

    use super::*;

    #[test]
    fn every_preset_resolves_under_its_name_and_is_in_one_place() {
        for (name, text) in PRESETS {
            let config = RunConfig::plan(text, &[], None).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(config.name, *name);
            assert!(vmd::presets::text(name).is_err(), "{name} comes with vmd as well");
        }
        assert!(text("sudoku").is_ok());
        assert!(text("pears").is_err_and(|error| error.to_string().contains("no preset `pears`")));
    }
}
