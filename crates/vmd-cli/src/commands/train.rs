//! `train`: one run from configuration to figures.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use vmd::denoiser::Denoiser;
use vmd::model::{BoundEstimate, VmdModel};
use vmd::tasks::{Sources, Task};
use vmd::train::{
    Checkpoint, Outcome, RunFolder, Trainer, TrainerParts, plot_metrics, read_metrics, save_encoding,
    save_model_dir, write_atomically,
};

use super::evaluate::report_trained;
use crate::args::TrainArgs;
use crate::config::RunConfig;
use crate::device::{check_precision, device};
use crate::failure::{Interrupted, usage};
use crate::graph_plot::plot_graph;
use crate::models::{LoadedModel, RUNS, newest_run};
use crate::progress::{Progress, describe};
use crate::{presets, provenance};

/// Trains, saves and evaluates.
pub(crate) fn run(mut args: TrainArgs) -> anyhow::Result<()> {
    args.overrides.extend(args.common.precision.map(|p| format!("model.denoiser.trunk.precision={p}")));
    let Prepared { config, task, sources, folder } = prepare(&args)?;
    let device = device(&args.common.device)?;
    check_precision(config.model.precision(), &device)?;
    let (data, validation) = (sources.training, sources.validation);
    let mut trainer = Trainer::new(TrainerParts {
        model: &config.model,
        objective: &config.objective,
        train: &config.train,
        seed: config.seed,
        device: &device,
    })?;
    if args.resume
        && let Some((path, checkpoint)) = Checkpoint::load_newest(&folder.checkpoints())?
    {
        trainer.restore(&path, checkpoint)?;
    }
    eprintln!(
        "{} {} in {} ({} steps of {})",
        if trainer.step() > 0 { "resuming" } else { "training" },
        config.name,
        folder.path().display(),
        config.train.steps,
        config.train.batch_size
    );
    let mut progress = Progress::new(config.train.steps, trainer.step());
    let stop = stop_on_ctrl_c()?;
    let outcome = trainer.run(data.as_ref(), validation.as_ref(), &folder, &mut progress, stop.as_ref());
    progress.finish();
    if let Outcome::Interrupted { step } = outcome? {
        let run = folder.path().display();
        return Err(Interrupted(format!(
            "stopped after step {step}; nothing is lost. Go on with: cargo xtask train --run {run} --resume"
        ))
        .into());
    }
    let metrics = read_metrics(&folder.metrics())?;
    plot_metrics(&metrics, &config.name, &folder.plots().join("loss.svg"))?;
    let card = card(&config, &trainer, &progress);
    save_model_dir(&trainer.averaged_model(), &card, &folder.model())?;
    if let Some(encoding) = task.encoding() {
        save_encoding(&encoding, &folder.model())?;
    }
    summarise(&trainer, &progress, &folder);
    save_graph(&config, task.as_ref(), &trainer.averaged_model(), &folder)?;
    let loaded = LoadedModel::find(Some(folder.model()), "model", |_| true, None, &args.common)?;
    report_trained(task.as_ref(), &loaded, &config.evaluate.evaluation(config.seed), args.common.json)
}

/// Saves and draws the graph that a model has learned, and says how much of it is true.
fn save_graph(
    config: &RunConfig,
    task: &dyn Task,
    model: &VmdModel,
    folder: &RunFolder,
) -> anyhow::Result<()> {
    let Some(gates) = model.denoiser().edge_gates() else { return Ok(()) };
    let (graph, truth) = (gates.graph()?, task.graph());
    let (file, picture) = (folder.path().join("graph.toml"), folder.plots().join("graph.svg"));
    write_atomically(&file, graph.to_toml().as_bytes())?;
    plot_graph(&graph, &gates.probabilities(), truth.as_ref(), &config.name, &picture)?;
    let compared = truth.map_or_else(String::new, |truth| {
        let agreement = graph.agreement(&truth);
        let (precision, recall) = (100.0 * agreement.precision, 100.0 * agreement.recall);
        format!(" ({} in the data: precision {precision:.1} %, recall {recall:.1} %)", agreement.n_true)
    });
    eprintln!(
        "learned graph: {} edges{compared}; {} and {}",
        graph.pairs().len(),
        file.display(),
        picture.display()
    );
    Ok(())
}

/// A run that can start.
struct Prepared {
    config: RunConfig,
    task: Box<dyn Task>,
    sources: Sources,
    folder: RunFolder,
}

/// Resolves the configuration, opens the data, and makes or opens the run folder.
fn prepare(args: &TrainArgs) -> anyhow::Result<Prepared> {
    let chosen = args.preset.is_some() || args.config.is_some();
    let changed = chosen || !args.overrides.is_empty() || args.common.seed.is_some();
    if args.resume {
        let path = match &args.run {
            Some(path) => path.clone(),
            None => newest_run(|_| true).ok_or_else(|| {
                usage(format!("there is no run in {RUNS}/; leave --resume out to start one"))
            })?,
        };
        let saved = RunFolder::read_config(&path)?;
        let text = if chosen { chosen_text(args)? } else { saved };
        let (config, task) = RunConfig::resolve(&text, &args.overrides, args.common.seed)
            .with_context(|| format!("{}", path.join("config.toml").display()))?;
        let resolved = config.to_toml();
        let folder = RunFolder::open(&path, changed.then_some(resolved.as_str()))?;
        let sources = task.sources(config.seed)?;
        return Ok(Prepared { config, task, sources, folder });
    }
    let (config, task) = RunConfig::resolve(&chosen_text(args)?, &args.overrides, args.common.seed)?;
    // Before there is a folder: a part of the data may be too short.
    let sources = task.sources(config.seed)?;
    let path = match &args.run {
        Some(path) => path.clone(),
        None => RunFolder::next_free(&PathBuf::from(RUNS), &config.name),
    };
    let folder = RunFolder::create(&path, &config.to_toml(), &provenance::meta(&args.common.device))?;
    Ok(Prepared { config, task, sources, folder })
}

fn chosen_text(args: &TrainArgs) -> anyhow::Result<String> {
    match &args.config {
        Some(file) => std::fs::read_to_string(file)
            .map_err(|error| usage(format!("cannot read --config {}: {error}", file.display()))),
        None => presets::text(args.preset.as_deref().unwrap_or(presets::DEFAULT)).map(str::to_string),
    }
}

/// A flag that the first Ctrl-C sets; the second one ends the program at once.
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

fn summarise(trainer: &Trainer<'_>, progress: &Progress, folder: &RunFolder) {
    eprintln!(
        "trained {} steps in {:.0} s; model in {}",
        trainer.step(),
        trainer.seconds(),
        folder.model().display()
    );
    for estimate in &progress.last_validation {
        eprintln!("validation: {}", describe(estimate));
    }
    let collapsed: Vec<_> =
        progress.last_validation.iter().filter(|estimate| estimate.is_collapsed()).collect();
    // A latent that lives at some number of steps is alive.
    if let Some(estimate) = collapsed.first().filter(|_| collapsed.len() == progress.last_validation.len()) {
        eprintln!("{}", advice(estimate));
    }
}

/// Why a latent is dead, as far as the figures tell, and what to turn.
fn advice(estimate: &BoundEstimate) -> String {
    let dead = "the latent gains less than 1 % of the reconstruction: the model works as if it had none.";
    let reason = match estimate.latent_headroom() {
        Some(nats) if nats < 0.05 * estimate.recon => {
            "At these objective.steps there is next to nothing to be won: tokens appear nearly one at a time, or follow \
             from what is given. Set fewer objective.steps, or leave the latent out."
        }
        _ if estimate.kl > 0.5 => {
            "Its KL is paid, but the denoiser does not read it. Set a longer first phase of train.kl at a low weight, and \
             latent.posterior.pooling = \"flatten\"."
        }
        _ => {
            "The posterior has fallen onto the prior. Set latent.posterior.init_scale to 5, a lower first weight in train.kl, \
             or train.kl_target with the nats that it should keep; fewer objective.steps raise what can be won."
        }
    };
    format!("{dead} {reason}")
}

fn card(config: &RunConfig, trainer: &Trainer<'_>, progress: &Progress) -> String {
    let bound = progress.last_validation.iter().map(describe).collect::<Vec<_>>().join("; ");
    format!(
        "---\nlibrary_name: vmd\ntags: [masked-diffusion, variational-masked-diffusion]\n---\n\n# {name}\n\n\
         A {kind} made by `vmd` {version} at revision {revision}, seed {seed}: {steps} steps of {batch} sequences \
         in {seconds:.0} s of training.\n\nValidation: {bound}.\n\nLoad it with \
         `vmd::VariationalMaskedDiffusion::from_dir`. The configuration that made it:\n\n```toml\n{toml}```\n",
        name = config.name,
        kind = if config.model.latent.is_some() {
            "variational masked diffusion model"
        } else {
            "masked diffusion model"
        },
        version = env!("CARGO_PKG_VERSION"),
        revision = provenance::revision(),
        seed = config.seed,
        steps = trainer.step(),
        batch = config.train.batch_size,
        seconds = trainer.seconds(),
        toml = config.to_toml(),
    )
}
