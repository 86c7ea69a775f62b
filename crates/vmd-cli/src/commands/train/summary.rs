//! Prints and saves the results of a training run.

use vmd::denoiser::Denoiser;
use vmd::model::files::write_atomically;
use vmd::model::{BoundEstimate, VmdModel};
use vmd::run::RunConfig;
use vmd::train::{RunFolder, read_metrics};
use vmd::training::{Run, Training, describe};

use crate::graph_plot::plot_graph;
use crate::progress::Progress;
use crate::training_plot::plot_metrics;

/// Prints the results of a training run to standard error.
pub(super) fn print(training: &Training<'_>, progress: &Progress, folder: &RunFolder) {
    eprintln!(
        "trained {} steps in {:.0} s; model in {}",
        training.step(),
        training.seconds(),
        folder.model().display()
    );
    for estimate in &progress.last_validation {
        eprintln!("validation: {}", describe(estimate));
    }
    let collapsed: Vec<_> =
        progress.last_validation.iter().filter(|estimate| estimate.is_collapsed()).collect();
    // A latent counts as collapsed only if it is collapsed at every number of steps.
    if let Some(estimate) = collapsed.first().filter(|_| collapsed.len() == progress.last_validation.len()) {
        eprintln!("{}", advice(estimate));
    }
}

/// Plots the training curves. A failure prints a warning and does not fail the run.
pub(super) fn plot(config: &RunConfig, folder: &RunFolder) {
    let file = folder.plots().join("loss.svg");
    let drawn = read_metrics(&folder.metrics())
        .map_err(anyhow::Error::from)
        .and_then(|metrics| plot_metrics(&metrics, &config.name, &file));
    if let Err(error) = drawn {
        eprintln!("warning: no training curves: {error:#}");
    }
}

/// Saves and plots the learned graph of a model, and prints its precision and recall if the true
/// graph is known.
pub(super) fn save_graph(run: &Run, model: &VmdModel) -> anyhow::Result<()> {
    let (config, folder) = (run.config(), run.folder());
    let Some(gates) = model.denoiser().edge_gates() else { return Ok(()) };
    let (graph, truth) = (gates.graph()?, run.task().graph());
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

/// Explains why a latent collapsed, as far as the figures show, and which settings help.
fn advice(estimate: &BoundEstimate) -> String {
    let collapsed = "the latent gains less than 1 % of the reconstruction: the model does not use it.";
    let reason = match estimate.latent_headroom() {
        Some(nats) if nats < 0.05 * estimate.recon => {
            "At these objective.steps a latent can save almost nothing: tokens are revealed nearly one at a time, or follow \
             from the given tokens. Set fewer objective.steps, or leave the latent out."
        }
        _ if estimate.kl > 0.5 => {
            "Its KL is not zero, but the denoiser does not use it. Set a longer first phase of train.kl at a low weight."
        }
        _ => {
            "The posterior equals the prior. Set latent.posterior.init_scale to 5, or a lower first weight in train.kl; \
             with fewer objective.steps a latent can save more."
        }
    };
    format!("{collapsed} {reason}")
}
