//! `study`: trains a set of experiments with several seeds and writes one report.
//!
//! Every run is a separate process of `vmd train`. Finished runs are kept, so the command can be
//! interrupted and repeated.

mod collect;
mod curves;
mod figures;
mod plan;
mod report;
mod runner;

use std::path::PathBuf;

use anyhow::Context;

use crate::args::StudyArgs;
use plan::{Job, State, Study};
use runner::Children;
use vmd_cli::failure::{Interrupted, usage};
use vmd_cli::output::print_table;

/// Studies that come with the program.
const STUDIES: [(&str, &str); 3] = [
    ("synthetic", include_str!("../../studies/synthetic.toml")),
    ("structure", include_str!("../../studies/structure.toml")),
    ("text", include_str!("../../studies/text.toml")),
];

/// Default folder of studies.
const FOLDER: &str = "studies";

/// Trains the missing runs, then writes tables and figures of all finished ones.
pub(crate) fn run(args: &StudyArgs) -> anyhow::Result<()> {
    let (name, study) = load(args)?;
    let chosen = study.choose(&args.only)?;
    if args.jobs == Some(0) || args.seeds == Some(0) {
        return Err(usage("--jobs and --seeds must be 1 or more"));
    }
    if args.list {
        list(&study, &chosen);
        return Ok(());
    }
    let out = args.out.clone().unwrap_or_else(|| PathBuf::from(FOLDER).join(&name));
    std::fs::create_dir_all(&out).with_context(|| out.display().to_string())?;
    let children = Children::watched()?;
    let workers = args.jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let (mut failed, mut total) = (0, 0);
    let asked = |arm: usize| args.seeds.or(study.arms[arm].default_seeds);
    let wanted = |job: &&Job| chosen[job.arm] && asked(job.arm).is_none_or(|n| job.place < n);
    // The runs that an arm needs are finished in an earlier iteration.
    let all = loop {
        let all = study.jobs(&out)?;
        let wanted: Vec<&Job> = all.iter().filter(wanted).collect();
        let open: Vec<&Job> = wanted.iter().copied().filter(|job| job.state() != State::Finished).collect();
        if total == 0 || !open.is_empty() {
            eprintln!("{}: {} of {} runs are done", out.display(), wanted.len() - open.len(), wanted.len());
        }
        if open.is_empty() || failed > 0 {
            break all;
        }
        if runner::run(&children, &open, workers)? {
            let command = std::env::args().skip(1).collect::<Vec<_>>().join(" ");
            return Err(Interrupted(format!(
                "stopped; nothing is lost. Go on with: cargo xtask lab {command}"
            ))
            .into());
        }
        failed += open.iter().filter(|job| job.state() != State::Finished).count();
        total += open.len();
    };
    let results = collect::collect(&study, &all)?;
    collect::write_records(&results, &out.join("records.jsonl"))?;
    figures::draw(&results, &out.join("figures"))?;
    report::write(&name, &results, &out.join("report.md"))?;
    eprintln!("report in {}", out.join("report.md").display());
    if failed > 0 {
        anyhow::bail!("{failed} of {total} runs failed; call the command again to retry them");
    }
    Ok(())
}

/// Name and text of the selected study.
fn load(args: &StudyArgs) -> anyhow::Result<(String, Study)> {
    if let Some(file) = &args.file {
        let text = std::fs::read_to_string(file)
            .map_err(|error| usage(format!("cannot read --file {}: {error}", file.display())))?;
        let stem = file.file_stem().unwrap_or(file.as_os_str()).to_string_lossy();
        return Ok((stem.into_owned(), Study::parse(&text, &file.display().to_string())?));
    }
    let names = STUDIES.map(|(name, _)| name).join(", ");
    let name =
        args.name.as_deref().ok_or_else(|| usage(format!("name a study: {names}, or --file STUDY.toml")))?;
    let (_, text) = STUDIES
        .iter()
        .find(|(study, _)| *study == name)
        .ok_or_else(|| usage(format!("no study `{name}`; use {names}, or --file STUDY.toml")))?;
    Ok((name.into(), Study::parse(text, name)?))
}

fn list(study: &Study, chosen: &[bool]) {
    let row = |(arm, _): (&plan::Arm, _)| {
        let seeds: Vec<String> = arm.seeds.iter().map(u64::to_string).collect();
        let cells = [&arm.name, arm.section.name(), &arm.preset, &seeds.join(","), &arm.label];
        cells.map(str::to_string).to_vec()
    };
    let rows: Vec<_> = study.arms.iter().zip(chosen).filter(|(_, chosen)| **chosen).map(row).collect();
    print_table(&["arm", "section", "preset", "seeds", "label"], &rows);
}
