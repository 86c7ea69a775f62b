//! Training runs: a configuration, a run folder, and the resulting model.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use burn::tensor::Device;
use vmd_core::DataSource;
use vmd_model::{BoundEstimate, VmdModel, save_model_dir};
use vmd_tasks::{Sources, Task};
use vmd_train::{
    Checkpoint, MetricRecord, Observer, Outcome, RunFolder, Trainer, TrainerParts, read_metrics,
};

use crate::device::check_precision;
use crate::run::RunConfig;
use crate::{Error, provenance};

/// A run on disk.
pub struct Run {
    config: RunConfig,
    task: Arc<dyn Task>,
    folder: RunFolder,
}

impl Run {
    /// Creates a run in the folder `path`; `device` is the name of the device in `meta.json`.
    ///
    /// # Errors
    ///
    /// [`Error`] if the data cannot be read, or the folder already contains a run.
    pub fn create(config: RunConfig, task: Arc<dyn Task>, path: &Path, device: &str) -> Result<Self, Error> {
        // Check the sources before the folder is created: a split may be empty.
        task.sources(config.seed)?;
        let folder = RunFolder::create(path, &config.to_toml(), &provenance::meta(device))?;
        Ok(Self { config, task, folder })
    }

    /// Opens the run in the folder `path`.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] if there is no run, or its configuration is not valid.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let folder = RunFolder::open(path, None)?;
        let (config, task) = RunConfig::resolve(&RunFolder::read_config(path)?, &[], None)
            .map_err(|error| error.at(folder.config().display()))?;
        Ok(Self { config, task: task.into(), folder })
    }

    /// Opens the run in the folder `path`, which was made with `config` on the data of `task`.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] if there is no run, or if its configuration is another one: names the first
    /// difference.
    pub fn resume(config: RunConfig, task: Arc<dyn Task>, path: &Path) -> Result<Self, Error> {
        let folder = RunFolder::open(path, Some(&config.to_toml()))?;
        Ok(Self { config, task, folder })
    }

    /// The opened data.
    pub fn task(&self) -> &Arc<dyn Task> {
        &self.task
    }

    /// The configuration.
    pub fn config(&self) -> &RunConfig {
        &self.config
    }

    /// The run folder.
    pub fn folder(&self) -> &RunFolder {
        &self.folder
    }

    /// Whether the model is saved.
    pub fn is_finished(&self) -> bool {
        self.folder.model().join(vmd_model::CONFIG).is_file()
    }

    /// Builds the model and restores the newest checkpoint, if there is one.
    ///
    /// # Errors
    ///
    /// [`Error`] if the data or the checkpoint cannot be read, or `device` does not support the
    /// model's precision.
    pub fn start<'a>(&'a self, device: &'a Device) -> Result<Training<'a>, Error> {
        let config = &self.config;
        check_precision(config.model.precision(), device)?;
        let Sources { training: data, validation } = self.task.sources(config.seed)?;
        let mut trainer = Trainer::new(TrainerParts {
            model: &config.model,
            objective: &config.objective,
            train: &config.train,
            seed: config.seed,
            device,
        })?;
        if let Some((path, checkpoint)) = Checkpoint::load_newest(&self.folder.checkpoints())? {
            trainer.restore(&path, checkpoint)?;
        }
        Ok(Training { run: self, trainer, data, validation })
    }
}

/// A run that is being trained.
pub struct Training<'a> {
    run: &'a Run,
    trainer: Trainer<'a>,
    data: Box<dyn DataSource>,
    validation: Box<dyn DataSource>,
}

impl Training<'_> {
    /// Number of completed steps.
    pub fn step(&self) -> u64 {
        self.trainer.step()
    }

    /// Seconds spent in training steps, including those before a resume.
    pub fn seconds(&self) -> f64 {
        self.trainer.seconds()
    }

    /// Trains to the end, or until `stop` is set. In that case it saves a checkpoint first.
    ///
    /// # Errors
    ///
    /// [`Error`]; the last checkpoint remains valid.
    pub fn run(&mut self, observer: &mut dyn Observer, stop: &AtomicBool) -> Result<Outcome, Error> {
        let (data, validation) = (self.data.as_ref(), self.validation.as_ref());
        Ok(self.trainer.run(data, validation, &self.run.folder, observer, stop)?)
    }

    /// Saves the model with its card, and returns the model.
    ///
    /// # Errors
    ///
    /// [`Error`] if a file cannot be written.
    pub fn save(&self) -> Result<VmdModel, Error> {
        let Run { task, folder, .. } = self.run;
        let metrics = read_metrics(&folder.metrics())?;
        let model = self.trainer.averaged_model();
        save_model_dir(&model, &self.card(&last_validation(&metrics)), &folder.model())?;
        if let Some(encoding) = task.encoding() {
            encoding.save(&folder.model())?;
        }
        Ok(model)
    }

    fn card(&self, validation: &[BoundEstimate]) -> String {
        let config = &self.run.config;
        let bound = validation.iter().map(describe).collect::<Vec<_>>().join("; ");
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
            steps = self.step(),
            batch = config.train.batch_size,
            seconds = self.seconds(),
            toml = config.to_toml(),
        )
    }
}

/// The bounds of the last validation, one per number of steps.
fn last_validation(metrics: &[MetricRecord]) -> Vec<BoundEstimate> {
    let validations = || {
        metrics.iter().filter_map(|record| match record {
            MetricRecord::Validation { step, estimate } => Some((*step, *estimate)),
            MetricRecord::Train { .. } => None,
        })
    };
    let last = validations().map(|(step, _)| step).max();
    validations().filter(|(step, _)| Some(*step) == last).map(|(_, estimate)| estimate).collect()
}

/// Describes a bound, and the state of the latent if there is one, in one line of text.
pub fn describe(estimate: &BoundEstimate) -> String {
    let steps = estimate.steps.map_or_else(|| "in continuous time".into(), |steps| format!("at T={steps}"));
    let mut text = format!("bound {:.3} nats {steps}", estimate.bound);
    if let (Some(gain), Some(health)) = (estimate.latent_gain, estimate.health) {
        text += &format!(
            " (reconstruction {:.3}, KL {:.3}); latent gain {gain:.3} nats, {} of {} units active, I(x;z) {:.2} nats",
            estimate.recon, estimate.kl, health.active_units, health.n_units, health.mutual_information
        );
        if let (Some(latent_headroom), Some(savings)) =
            (estimate.latent_headroom(), estimate.latent_savings())
        {
            text += &format!("; latent headroom {latent_headroom:.2} nats, latent savings {savings:.2}");
        }
        if estimate.is_collapsed() {
            text += "; the latent is collapsed";
        }
    }
    text
}
