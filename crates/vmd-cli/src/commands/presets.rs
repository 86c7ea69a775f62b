//! `presets`: lists configurations that come with the program.

use crate::args::PresetsArgs;
use vmd::presets;

/// Lists the presets, or prints one.
pub(crate) fn run(args: &PresetsArgs) -> anyhow::Result<()> {
    if let Some(name) = &args.name {
        print!("{}", presets::text(name)?);
        return Ok(());
    }
    for (name, text) in presets::PRESETS {
        let summary = text.lines().next().unwrap_or_default().trim_start_matches('#').trim();
        println!("{name:<20} {summary}");
    }
    Ok(())
}
