//! One evaluation of a model of file data.

use std::time::Instant;

use vmd_data::text::{Form, Split};
use vmd_eval::{Figure, Provenance, mean_interval};
use vmd_model::Writing;
use vmd_sampler::{Sampler, SamplerConfig};

use super::{Figures, FileData};
use crate::{Evaluation, Observer, Recorder, Subject, Task, TaskError, block_sampler};

/// Default number of samples.
const SAMPLES: usize = 64;

/// Data split and sample counts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Amounts {
    /// Held-out split.
    pub(crate) split: Split,
    /// Held-out sequences whose bound is estimated.
    pub(super) texts: usize,
    /// Samples to generate.
    pub(crate) samples: usize,
    /// Tokens per sample.
    pub(crate) length: usize,
    /// Posterior draws per sequence for the importance-weighted bound.
    pub(super) iwae: Option<usize>,
}

/// A validated evaluation: model, data and samplers.
pub(crate) struct FileRun<'a, 'o> {
    pub(crate) data: &'a FileData,
    pub(crate) subject: &'a Subject<'a>,
    pub(crate) amounts: Amounts,
    pub(crate) ready: Vec<(SamplerConfig, Sampler)>,
    pub(crate) recorder: Recorder<'o>,
    pub(crate) seed: u64,
    task: &'static str,
}

impl<'a, 'o> FileRun<'a, 'o> {
    /// Validates the options and the model.
    pub(crate) fn new(
        task: &dyn Task,
        data: &'a FileData,
        subject: &'a Subject<'a>,
        evaluation: &Evaluation,
        observer: &'o mut dyn Observer,
    ) -> Result<Self, TaskError> {
        evaluation.check(task.name(), task.options(), subject.judge.is_some())?;
        if subject.encoding.is_some_and(|encoding| data.encoding() != *encoding) {
            return Err(TaskError::Model(
                "the vocabulary of the file in data.path differs from the model's; restore the file that the model was trained on"
                    .into(),
            ));
        }
        let (config, options, sizes) = (subject.model.config(), &evaluation.options, data.sizes());
        if (config.vocab, config.seq_len) != (sizes.vocab, sizes.seq_len) {
            return Err(TaskError::Model(format!(
                "the data have {} token values in sequences of {}, the model has {} in {}; use the model trained on these data",
                sizes.vocab, sizes.seq_len, config.vocab, config.seq_len
            )));
        }
        let length = options.length.unwrap_or(config.seq_len);
        let is_endless = config.is_causal() && data.encoding().form == Form::Text;
        if length > config.seq_len && !is_endless {
            let problem = format!("must be 1 to {} for this model", config.seq_len);
            return Err(TaskError::Value { option: "length", problem });
        }
        let ready =
            |config: SamplerConfig| block_sampler(subject.model, &config).map(|sampler| (config, sampler));
        let samplers = evaluation.samplers(&task.defaults());
        Ok(Self {
            data,
            subject,
            amounts: Amounts {
                split: if options.test { Split::Test } else { Split::Validation },
                texts: options.texts.unwrap_or(usize::MAX),
                samples: options.samples.unwrap_or(SAMPLES),
                length,
                iwae: options.iwae,
            },
            ready: samplers.into_iter().map(ready).collect::<Result<_, _>>()?,
            recorder: Recorder::new(observer),
            seed: evaluation.seed,
            task: task.name(),
        })
    }

    pub(crate) fn provenance(&self, split: &str) -> Provenance {
        self.subject.provenance(self.task, &self.data.dataset, split, self.seed)
    }

    /// Measures bounds, then generates samples with each sampler and scores them with `judge`,
    /// which gets tokens `[n, length]` and the length.
    pub(crate) fn measure(
        mut self,
        rate: &'static str,
        judge: impl Fn(&[u32], usize) -> Figures,
    ) -> Result<Vec<vmd_eval::Record>, TaskError> {
        self.measure_bounds()?;
        if self.amounts.samples > 0 {
            for (config, sampler) in self.ready.clone() {
                let figures = self.write(&sampler, rate, &judge);
                self.record_samples(&config, figures);
            }
        }
        Ok(self.recorder.finish())
    }

    pub(crate) fn bounds(&mut self) -> Result<(), TaskError> {
        self.measure_bounds()
    }

    pub(crate) fn record_samples(&mut self, config: &SamplerConfig, figures: Figures) {
        let provenance = self.provenance("samples");
        self.recorder.extend(&provenance, config, None, figures);
    }

    /// Generates unconditional samples and scores them. `rate` names the metric for samples per
    /// second, or tokens per second of text.
    pub(crate) fn write(
        &self,
        sampler: &Sampler,
        rate: &'static str,
        judge: &impl Fn(&[u32], usize) -> Figures,
    ) -> Figures {
        let (model, Amounts { samples, length, .. }) = (self.subject.model, self.amounts);
        let template = vec![model.config().mask_token(); samples * length];
        let encoding = self.data.encoding();
        let writing = Writing { template: &template, texts: samples, stop: encoding.stop(), seed: self.seed };
        let start = Instant::now();
        let output = model.write(sampler, writing, &mut ());
        let seconds = start.elapsed().as_secs_f64();
        let mut figures = judge(&output.tokens, length);
        let n = if encoding.form == Form::Text { output.tokens.len() } else { samples };
        figures.push((rate, Figure { n, ..Figure::exact(n as f64 / seconds) }));
        figures.push(("mean_nfe", mean_interval(&output.nfe_values())));
        figures
    }
}
