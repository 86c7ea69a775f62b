//! The training loop.

mod update;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use burn::module::Module;
use burn::tensor::Device;
use vmd_core::{DataSource, Purpose, keyed_rng};
use vmd_model::{
    BoundEstimate, ModelConfig, Network, ObjectiveConfig, TrainableDenoiser, VmdModel, estimate_bounds,
};
use vmd_nn::{load_parameters, named_parameters};

use crate::checkpoint::{Checkpoint, TrainerState};
use crate::distill::Teacher;
use crate::examples::first_tokens;
use crate::gates::start_by_evidence;
use crate::metrics::MetricsWriter;
use crate::pretrained::start_from;
use crate::{AdamW, MetricRecord, Observer, Outcome, RunFolder, TrainConfig, TrainError};

/// Validation has its own random numbers, the same ones each time.
const VALIDATION_SEED: u64 = 0x0076_616c_6964;

/// Arguments of a [`Trainer`].
#[derive(Debug, Clone)]
pub struct TrainerParts<'a> {
    /// Configuration of the model.
    pub model: &'a ModelConfig,
    /// Configuration of the objective.
    pub objective: &'a ObjectiveConfig,
    /// Configuration of training.
    pub train: &'a TrainConfig,
    /// Seed of every random stream.
    pub seed: u64,
    /// The device without autodiff.
    pub device: &'a Device,
}

/// Trains a model step by step.
pub struct Trainer<'a, D: TrainableDenoiser = Network> {
    parts: TrainerParts<'a>,
    autodiff: Device,
    model: VmdModel<D>,
    optimizer: AdamW,
    teacher: Option<Teacher>,
    /// Names of the parameters that are not trained.
    frozen: Arc<BTreeSet<String>>,
    step: u64,
    data_position: u64,
    seconds: f64,
}

impl<D: TrainableDenoiser> std::fmt::Debug for Trainer<'_, D> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trainer").field("step", &self.step).finish_non_exhaustive()
    }
}

impl<'a> Trainer<'a> {
    /// Creates a trainer at step 0.
    ///
    /// # Errors
    ///
    /// [`TrainError::Config`] if the configuration of the model is invalid.
    pub fn new(parts: TrainerParts<'a>) -> Result<Self, TrainError> {
        let autodiff = parts.device.clone().autodiff();
        let model = VmdModel::new(parts.model, keyed_rng(parts.seed, 0, Purpose::Init), &autodiff)
            .map_err(|problem| TrainError::Config { reason: problem.to_string() })?;
        Self::with_model(parts, model)
    }
}

impl<'a, D: TrainableDenoiser> Trainer<'a, D> {
    /// Creates a trainer at step 0 for an existing model, on the device of `parts` with autodiff.
    ///
    /// # Errors
    ///
    /// [`TrainError`] if a pretrained model cannot be read, does not fit, or leaves nothing to
    /// train.
    pub fn with_model(parts: TrainerParts<'a>, mut model: VmdModel<D>) -> Result<Self, TrainError> {
        let autodiff = parts.device.clone().autodiff();
        let recurrence = parts.train.recurrence;
        if let Some(problem) = recurrence.and_then(|recurrence| recurrence.problem_on(parts.model)) {
            return Err(TrainError::Config { reason: problem.under("train").to_string() });
        }
        let distill = parts.train.distill.as_ref();
        let teacher = distill.map(|distill| Teacher::load(distill, parts.model, parts.device)).transpose()?;
        let mut frozen = BTreeSet::new();
        if let Some(pretrained) = &parts.train.pretrained {
            (model, frozen) = start_from(pretrained, model)?;
        }
        let optimizer = AdamW::new(parts.train, &model, parts.device);
        Ok(Self {
            parts,
            autodiff,
            model,
            optimizer,
            teacher,
            frozen: Arc::new(frozen),
            step: 0,
            data_position: 0,
            seconds: 0.0,
        })
    }

    /// Restores the state of `checkpoint`.
    ///
    /// # Errors
    ///
    /// [`TrainError::DamagedCheckpoint`] if its tensors do not fit the model.
    pub fn restore(&mut self, folder: &std::path::Path, checkpoint: Checkpoint) -> Result<(), TrainError> {
        let damaged = |error| TrainError::damaged(folder, error);
        let Checkpoint { state, model, ema, optimizer } = checkpoint;
        self.model = load_parameters(self.model.clone(), model).map_err(damaged)?;
        self.optimizer.restore(optimizer, ema, state.step, self.parts.device).map_err(damaged)?;
        (self.step, self.data_position, self.seconds) = (state.step, state.data_position, state.seconds);
        Ok(())
    }

    /// Steps done.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// Seconds spent in training steps, over all sessions of the run.
    pub fn seconds(&self) -> f64 {
        self.seconds
    }

    /// The model with averaged weights, without autodiff.
    pub fn averaged_model(&self) -> VmdModel<D> {
        let model = self.model.valid();
        let average = self.optimizer.average();
        let shaped = named_parameters(&model)
            .into_iter()
            .map(|(name, data)| {
                let average = average[&name].clone().iter::<f32>().collect::<Vec<_>>();
                let shape = data.shape().to_vec();
                (name, burn::tensor::TensorData::new(average, shape))
            })
            .collect();
        load_parameters(model, shaped).expect("the average has the model's own names and shapes")
    }

    /// Trains to the last step, or until `stop` is set. In that case a checkpoint is saved first.
    ///
    /// # Errors
    ///
    /// [`TrainError`]; the last checkpoint is still valid.
    pub fn run(
        &mut self,
        data: &dyn DataSource,
        validation: &dyn DataSource,
        folder: &RunFolder,
        observer: &mut dyn Observer,
        stop: &AtomicBool,
    ) -> Result<Outcome, TrainError> {
        self.run_steps(data, validation, Some(folder), observer, stop)
    }

    /// Like [`run`](Self::run), but without a folder: metrics are passed to `observer` only, and no
    /// checkpoint is saved.
    ///
    /// # Errors
    ///
    /// [`TrainError`].
    pub fn run_in_memory(
        &mut self,
        data: &dyn DataSource,
        validation: &dyn DataSource,
        observer: &mut dyn Observer,
        stop: &AtomicBool,
    ) -> Result<Outcome, TrainError> {
        self.run_steps(data, validation, None, observer, stop)
    }

    fn run_steps(
        &mut self,
        data: &dyn DataSource,
        validation: &dyn DataSource,
        folder: Option<&RunFolder>,
        observer: &mut dyn Observer,
        stop: &AtomicBool,
    ) -> Result<Outcome, TrainError> {
        let train = self.parts.train;
        if self.step == 0
            && let Some(model) = start_by_evidence(&self.model, data)
        {
            self.optimizer = AdamW::new(train, &model, self.parts.device);
            self.model = model;
        }
        let mut metrics =
            folder.map(|folder| MetricsWriter::open(&folder.metrics(), self.step)).transpose()?;
        let mut write = |record: MetricRecord| {
            if let Some(metrics) = &mut metrics {
                metrics.write(&record)?;
            }
            observer.on_record(&record);
            Ok::<(), TrainError>(())
        };
        while self.step < train.steps {
            if stop.load(Ordering::Relaxed) {
                self.save_checkpoint(folder)?;
                return Ok(Outcome::Interrupted { step: self.step });
            }
            write(self.train_step(data)?)?;
            let last = self.step == train.steps;
            if last || self.step.is_multiple_of(train.validate_every) {
                for estimate in self.validate(validation)? {
                    write(MetricRecord::Validation { step: self.step, estimate })?;
                }
            }
            if last || self.step.is_multiple_of(train.checkpoint_every) {
                self.save_checkpoint(folder)?;
            }
        }
        Ok(Outcome::Finished)
    }

    /// The bounds of the averaged weights on the first held-out examples.
    fn validate(&self, data: &dyn DataSource) -> Result<Vec<BoundEstimate>, TrainError> {
        let train = self.parts.train;
        let x0 = first_tokens(data, train.validation_examples);
        let estimates = estimate_bounds(
            &self.averaged_model(),
            self.parts.objective,
            &x0,
            train.batch_size,
            VALIDATION_SEED,
            self.parts.device,
        );
        for estimate in &estimates {
            self.check("the validation bound", estimate.bound)?;
        }
        Ok(estimates)
    }

    fn save_checkpoint(&self, folder: Option<&RunFolder>) -> Result<(), TrainError> {
        if let Some(folder) = folder {
            self.checkpoint(folder.config_sha256()).save(&folder.checkpoints())?;
        }
        Ok(())
    }

    fn checkpoint(&self, config_sha256: &str) -> Checkpoint {
        Checkpoint {
            state: TrainerState {
                step: self.step,
                seed: self.parts.seed,
                data_position: self.data_position,
                seconds: self.seconds,
                config_sha256: config_sha256.to_string(),
                files: Default::default(),
            },
            model: named_parameters(&self.model),
            ema: self.optimizer.average(),
            optimizer: self.optimizer.state(),
        }
    }

    fn check(&self, term: &'static str, value: f64) -> Result<(), TrainError> {
        if value.is_finite() {
            Ok(())
        } else {
            Err(TrainError::NotFinite { step: self.step + 1, term, value })
        }
    }
}
