//! `train`: trains and evaluates one run, or two runs that are compared.

mod comparison_plot;
mod summary;
mod twin;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use vmd::Device;
use vmd::models::{LoadedModel, RUNS, newest_run};
use vmd::presets;
use vmd::run::RunConfig;
use vmd::tasks::Task;
use vmd::train::{Outcome, RunFolder};
use vmd::training::Run;

use super::evaluate::report_trained;
use crate::args::TrainArgs;
use crate::failure::{Interrupted, usage};
use crate::progress::Progress;

/// Overrides of the default preset, with which both trainings take one or two minutes.
const DEFAULT_OVERRIDES: [&str; 1] = ["train.steps=2000"];

/// Trains, saves and evaluates.
pub(crate) fn run(mut args: TrainArgs) -> anyhow::Result<()> {
    args.overrides.extend(args.common.precision.map(|p| format!("model.denoiser.trunk.precision={p}")));
    if args.twin || args.is_default() {
        return twin::run(&args);
    }
    let device = args.common.device()?;
    let run = if args.resume { open(&args, &resumed_folder(&args)?)? } else { create(&args)? };
    let (stop, arguments) = (stop_on_ctrl_c()?, format!("--run {}", run.folder().path().display()));
    train(&run, &device, stop.as_ref(), &arguments)?;
    evaluate(&run, &args, &device)
}

/// Trains to the end and saves the model; an interrupted run is resumed with
/// `vmd train ARGUMENTS --resume`.
fn train(run: &Run, device: &Device, stop: &AtomicBool, arguments: &str) -> anyhow::Result<()> {
    let (config, folder) = (run.config(), run.folder());
    let mut training = run.start(device)?;
    eprintln!(
        "{} {} in {} ({} steps of {})",
        if training.step() > 0 { "resuming" } else { "training" },
        config.name,
        folder.path().display(),
        config.train.steps,
        config.train.batch_size
    );
    let mut progress = Progress::new(config.train.steps, training.step());
    let outcome = training.run(&mut progress, stop);
    progress.finish();
    if let Outcome::Interrupted { step } = outcome? {
        return Err(Interrupted(format!(
            "stopped after step {step}; nothing is lost. Go on with: vmd train {arguments} --resume"
        ))
        .into());
    }
    let model = training.save()?;
    summary::plot(config, folder);
    summary::print(&training, &progress, folder);
    summary::save_graph(run, &model)
}

/// Creates a run in --run, or in the next free folder of its name.
fn create(args: &TrainArgs) -> anyhow::Result<Run> {
    let (config, task) = resolve(args, &chosen_text(args)?)?;
    let path = args.run.clone().unwrap_or_else(|| RunFolder::next_free(&PathBuf::from(RUNS), &config.name));
    Ok(Run::create(config, task.into(), &path, &args.common.device)?)
}

/// The run to resume: --run, or the newest one.
fn resumed_folder(args: &TrainArgs) -> anyhow::Result<PathBuf> {
    args.run
        .clone()
        .or_else(|| newest_run(|_| true))
        .ok_or_else(|| usage(format!("there is no run in {RUNS}/; leave --resume out to start one")))
}

/// Opens the run in `path`; a configuration that is given must equal that of the run.
fn open(args: &TrainArgs, path: &std::path::Path) -> anyhow::Result<Run> {
    let chosen = args.preset.is_some() || args.config.is_some();
    if !chosen && args.overrides.is_empty() && args.common.seed.is_none() {
        return Ok(Run::open(path)?);
    }
    let saved = RunFolder::read_config(path)?;
    let (config, task) = resolve(args, &if chosen { chosen_text(args)? } else { saved })?;
    Ok(Run::resume(config, task.into(), path)?)
}

fn resolve(args: &TrainArgs, text: &str) -> anyhow::Result<(RunConfig, Box<dyn Task>)> {
    let of_default = DEFAULT_OVERRIDES.iter().filter(|_| args.is_default()).map(|text| (*text).to_string());
    let overrides: Vec<String> = of_default.chain(args.overrides.iter().cloned()).collect();
    Ok(RunConfig::resolve(text, &overrides, args.common.seed)?)
}

fn chosen_text(args: &TrainArgs) -> anyhow::Result<String> {
    match &args.config {
        Some(file) => std::fs::read_to_string(file)
            .map_err(|error| usage(format!("cannot read --config {}: {error}", file.display()))),
        None => Ok(presets::text(args.preset.as_deref().unwrap_or(presets::DEFAULT))?.to_string()),
    }
}

/// A flag that the first Ctrl-C sets; the second Ctrl-C exits at once.
fn stop_on_ctrl_c() -> anyhow::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::SeqCst) {
            std::process::exit(130);
        }
        eprintln!(
            "stopping after this step; press Ctrl-C again to stop at once, back to the last checkpoint"
        );
    })
    .context("cannot watch for Ctrl-C")?;
    Ok(stop)
}

/// Evaluates a finished run and prints its figures.
fn evaluate(run: &Run, args: &TrainArgs, device: &Device) -> anyhow::Result<()> {
    let config = run.config();
    let loaded = LoadedModel::load(&run.folder().model(), args.common.load_options(None)?, device)?;
    report_trained(run.task().as_ref(), &loaded, &config.evaluate.evaluation(config.seed), args.common.json)
}
