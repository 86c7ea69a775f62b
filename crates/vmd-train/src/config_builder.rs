//! Building a [`TrainConfig`] in code.

use crate::config::{
    default_ema, default_every, default_hold, default_prior_rate, default_validation, default_warmup,
};
use crate::{Curriculum, Distill, KlSchedule, LearningRateDecay, Pretrained, Recurrence, TrainConfig};

impl TrainConfig {
    /// `steps` steps of 64 sequences each, at a peak learning rate of 0.001.
    ///
    /// ```
    /// use vmd_core::Validate;
    /// use vmd_train::TrainConfig;
    /// let config = TrainConfig::new(1000).with_batch_size(128).with_learning_rate(2e-3);
    /// assert!(config.check(()).is_ok());
    /// ```
    pub fn new(steps: u64) -> Self {
        Self {
            pretrained: None,
            steps,
            batch_size: 64,
            accumulation: 1,
            learning_rate: 1e-3,
            warmup_steps: default_warmup(),
            decay: LearningRateDecay::default(),
            distill: None,
            weight_decay: 0.0,
            ema_decay: default_ema(),
            kl: KlSchedule::default(),
            hold_posterior: default_hold(),
            prior_rate: default_prior_rate(),
            recurrence: None,
            curriculum: None,
            validate_every: default_every(),
            validation_examples: default_validation(),
            checkpoint_every: default_every(),
        }
    }

    /// Sets the sequences per step.
    #[must_use]
    pub fn with_batch_size(mut self, batch_size: usize) -> Self {
        self.batch_size = batch_size;
        self
    }

    /// Sets the number of parts that a batch is split into.
    #[must_use]
    pub fn with_accumulation(mut self, accumulation: usize) -> Self {
        self.accumulation = accumulation;
        self
    }

    /// Sets the peak learning rate.
    #[must_use]
    pub fn with_learning_rate(mut self, learning_rate: f64) -> Self {
        self.learning_rate = learning_rate;
        self
    }

    /// Sets the steps over which the rate rises linearly from 0.
    #[must_use]
    pub fn with_warmup_steps(mut self, warmup_steps: u64) -> Self {
        self.warmup_steps = warmup_steps;
        self
    }

    /// Sets the learning-rate schedule after the warm-up.
    #[must_use]
    pub fn with_decay(mut self, decay: LearningRateDecay) -> Self {
        self.decay = decay;
        self
    }

    /// Sets the decoupled weight decay.
    #[must_use]
    pub fn with_weight_decay(mut self, weight_decay: f64) -> Self {
        self.weight_decay = weight_decay;
        self
    }

    /// Sets the decay rate of the averaged weights that are evaluated and saved.
    #[must_use]
    pub fn with_ema_decay(mut self, ema_decay: f64) -> Self {
        self.ema_decay = ema_decay;
        self
    }

    /// Sets the schedule of the KL weight.
    #[must_use]
    pub fn with_kl(mut self, kl: KlSchedule) -> Self {
        self.kl = kl;
        self
    }

    /// Sets a trained model to start from.
    #[must_use]
    pub fn with_pretrained(mut self, pretrained: Pretrained) -> Self {
        self.pretrained = Some(pretrained);
        self
    }

    /// Sets the distillation from a teacher.
    #[must_use]
    pub fn with_distill(mut self, distill: Distill) -> Self {
        self.distill = Some(distill);
        self
    }

    /// Sets the training with a random number of trunk loops.
    #[must_use]
    pub fn with_recurrence(mut self, recurrence: Recurrence) -> Self {
        self.recurrence = Some(recurrence);
        self
    }

    /// Sets the curriculum.
    #[must_use]
    pub fn with_curriculum(mut self, curriculum: Curriculum) -> Self {
        self.curriculum = Some(curriculum);
        self
    }

    /// Sets the steps between validations, and the held-out sequences of each.
    #[must_use]
    pub fn with_validation(mut self, every: u64, examples: usize) -> Self {
        (self.validate_every, self.validation_examples) = (every, examples);
        self
    }

    /// Sets the steps between checkpoints.
    #[must_use]
    pub fn with_checkpoint_every(mut self, checkpoint_every: u64) -> Self {
        self.checkpoint_every = checkpoint_every;
        self
    }
}
