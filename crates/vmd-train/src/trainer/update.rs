//! One optimiser step.

use std::sync::Arc;
use std::time::Instant;

use burn::tensor::Tensor;
use vmd_core::DataSource;
use vmd_model::{LatentSource, LossOptions, TrainableDenoiser, TrainingBatch, loss};
use vmd_nn::{NamedGradients, named_gradients};

use super::Trainer;
use crate::examples::Examples;
use crate::optimizer::{add, global_norm};
use crate::{MetricRecord, TrainError, learning_rate};

/// Global gradient norm above which gradients are scaled down.
const CLIP_NORM: f64 = 1.0;
/// Factor on the learning rate of learned edges, whose logits have to move far.
const GATE_RATE: f64 = 10.0;
/// Share of all steps, at the start, in which learned edges have no penalty: an edge that the
/// network does not use yet saves nothing, and the penalty would close it.
const FREE_GATES: f64 = 0.3;

/// Loss terms of one update, nats per sequence.
struct UpdateParts {
    total: f64,
    recon: f64,
    kl: Option<f64>,
    gradient_norm: f64,
}

impl<D: TrainableDenoiser> Trainer<'_, D> {
    /// One optimiser step.
    ///
    /// # Errors
    ///
    /// [`TrainError::NotFinite`], before any weight is changed.
    pub fn train_step(&mut self, data: &dyn DataSource) -> Result<MetricRecord, TrainError> {
        let start = Instant::now();
        let train = self.parts.train;
        let progress = self.progress();
        let rate = learning_rate(train, self.step);
        let kl_weight = train.kl.weight(progress);
        let options = LossOptions {
            kl_weight,
            hold_prior: !train.kl.is_over(progress),
            latent_source: LatentSource::Posterior,
            gate_weight: f64::from(u8::from(progress >= FREE_GATES)),
            loops: train
                .recurrence
                .map(|loops| loops.draw(self.parts.model.denoiser.trunk.loops, self.parts.seed, self.step)),
        };
        let holds_posterior = progress < train.hold_posterior;
        let parts = self.update(data, options, |name| match name.split('.').next() {
            Some("prior") => rate * train.prior_rate,
            Some("denoiser") if name.starts_with("denoiser.gates.") => rate * GATE_RATE,
            Some("posterior") if holds_posterior => 0.0,
            _ => rate,
        })?;
        self.step += 1;
        self.seconds += start.elapsed().as_secs_f64();
        Ok(MetricRecord::Train {
            step: self.step,
            loss: parts.total,
            recon: parts.recon,
            kl: parts.kl,
            kl_weight,
            gradient_norm: parts.gradient_norm,
            learning_rate: rate,
            seconds: self.seconds,
        })
    }

    /// Updates the parameters for which `rate` is not 0.
    fn update(
        &mut self,
        data: &dyn DataSource,
        options: LossOptions,
        rate: impl Fn(&str) -> f64,
    ) -> Result<UpdateParts, TrainError> {
        let train = self.parts.train;
        let seq = self.parts.model.seq_len;
        let frozen = Arc::clone(&self.frozen);
        let rate = |name: &str| if frozen.contains(name) { 0.0 } else { rate(name) };
        let mut gradients = NamedGradients::new();
        let (mut total, mut recon, mut kl) = (0.0, 0.0, None);
        for part in 0..train.accumulation {
            let stream = self.step * train.accumulation as u64 + part as u64;
            let Examples { tokens, clues } = self.next_examples(data, train.batch_size / train.accumulation);
            let (objective, seed) = (self.parts.objective, self.parts.seed);
            let given = train.curriculum.map_or(0.0, |curriculum| curriculum.given_at(self.progress()));
            let mut batch =
                TrainingBatch::draw_given(tokens, &clues, &self.model, objective, given, (seed, stream))
                    .with_gate_noise(&self.model);
            if let Some(teacher) = &self.teacher {
                batch = teacher.complete(batch, (seed, stream));
            }
            let parts = loss(&self.model, &batch, options, &self.autodiff);
            let share = 1.0 / train.accumulation as f64;
            total += share * self.finite("the loss", &parts.total)?;
            recon += share * self.finite("the reconstruction term", &parts.recon)?;
            if let Some(part) = &parts.kl {
                *kl.get_or_insert(0.0) += share * self.finite("the KL term", part)?;
            }
            // Per token, so that the clip norm does not depend on the sequence length.
            let objective = parts.total * (share / seq as f64);
            add(&mut gradients, named_gradients(&self.model, &objective.backward()));
        }
        gradients.retain(|name, _| rate(name) != 0.0);
        let gradient_norm = global_norm(&gradients);
        self.check("the gradient norm", gradient_norm)?;
        let scale = (CLIP_NORM / gradient_norm).min(1.0);
        self.model = self.optimizer.step(self.model.clone(), gradients, scale, &rate);
        Ok(UpdateParts { total, recon, kl, gradient_norm })
    }

    /// The share of all steps that is done.
    fn progress(&self) -> f64 {
        self.step as f64 / self.parts.train.steps as f64
    }

    fn next_examples(&mut self, data: &dyn DataSource, n: usize) -> Examples {
        let positions = self.data_position..self.data_position + n as u64;
        self.data_position = positions.end;
        Examples::of(data, positions)
    }

    fn finite(&self, term: &'static str, tensor: &Tensor<1>) -> Result<f64, TrainError> {
        let value = f64::from(tensor.clone().into_scalar::<f32>());
        self.check(term, value)?;
        Ok(value)
    }
}
