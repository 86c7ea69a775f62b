//! Evaluation of models on synthetic sets.

use vmd_core::DataSource;
use vmd_denoiser::Denoiser;
use vmd_eval::{Figure, Record, half_width, mean_interval, wilson_interval};
use vmd_model::importance_bound;
use vmd_sampler::{Predictor, RevealRule, Sampler, SamplerConfig};

use super::{ExactError, SampleCounts, SyntheticSource, SyntheticTask, evaluate_infill, exact_synthetic};
use crate::{Evaluation, Observer, Recorder, Subject, Task, TaskError, sequence_sampler};

/// Default number of samples if no exact figures are available.
const SAMPLES: usize = 10_000;

/// Number of sequences for estimating a bound.
const BOUND_SEQUENCES: usize = 1000;

/// Validated samplers.
type Ready = Vec<(SamplerConfig, Sampler)>;

pub(super) fn check(
    task: &SyntheticTask,
    subject: &Subject<'_>,
    evaluation: &Evaluation,
) -> Result<Ready, TaskError> {
    let samplers = evaluation.samplers(&task.defaults());
    let refused = |option, problem: &str| Err(TaskError::Value { option, problem: problem.into() });
    if evaluation.options.iwae.is_some_and(|k| k == 0 || !samplers.iter().all(is_certified)) {
        return refused(
            "iwae",
            "must be 1 or more, and bounds the plain ancestral sampler only; choose no other reveal or remask rule, and \
             best_of = 1",
        );
    }
    evaluation.check(task.name(), task.options(), subject.judge.is_some())?;
    if evaluation.options.samples == Some(0) {
        return refused("samples", "must be 1 or more");
    }
    let (config, set) = (subject.model.config(), &task.set);
    if (set.vocab(), set.seq_len()) != (config.vocab, config.seq_len) {
        return Err(TaskError::Model(format!(
            "{set} has {} tokens of {} values, the model has {} of {}; use the set that it was trained on",
            set.seq_len(),
            set.vocab(),
            config.seq_len,
            config.vocab
        )));
    }
    let ready =
        |config: SamplerConfig| sequence_sampler(subject.model, &config).map(|sampler| (config, sampler));
    samplers.into_iter().map(ready).collect()
}

/// Whether the bounds apply to this sampler.
fn is_certified(config: &SamplerConfig) -> bool {
    let plain = SamplerConfig { reveal: RevealRule::Ancestral, ..Default::default() };
    *config == SamplerConfig { nfe: config.nfe, ..plain }
}

pub(super) fn evaluate(
    task: &SyntheticTask,
    subject: &Subject<'_>,
    evaluation: &Evaluation,
    observer: &mut dyn Observer,
) -> Result<Vec<Record>, TaskError> {
    let ready = check(task, subject, evaluation)?;
    let mut run = Run { task, subject, evaluation, recorder: Recorder::new(observer) };
    for (place, (config, sampler)) in ready.iter().enumerate() {
        run.measure(config, sampler);
        if place == 0 {
            run.measure_graph(config);
        }
        run.measure_infill(config, sampler);
    }
    if let Some(k) = evaluation.options.iwae {
        run.bound(&ready, k);
    }
    Ok(run.recorder.finish())
}

/// State of one evaluation.
struct Run<'a, 'o> {
    task: &'a SyntheticTask,
    subject: &'a Subject<'a>,
    evaluation: &'a Evaluation,
    recorder: Recorder<'o>,
}

impl Run<'_, '_> {
    fn record<'m>(
        &mut self,
        split: &str,
        config: &SamplerConfig,
        band: Option<&str>,
        figures: impl IntoIterator<Item = (&'m str, Figure)>,
    ) {
        let seed = self.evaluation.seed;
        let provenance = self.subject.provenance(self.task.name(), &self.task.dataset(), split, seed);
        self.recorder.extend(&provenance, config, band, figures);
    }

    /// Computes exact figures. Draws samples if requested, or if no exact figures are available.
    fn measure(&mut self, config: &SamplerConfig, sampler: &Sampler) {
        let exact = exact_synthetic(self.subject.model, &self.task.set, config, self.evaluation.seed);
        match &exact {
            Ok(exact) => {
                let half = 1.96 * exact.kl_standard_error;
                let kl = Figure { ci95: [exact.kl - half, exact.kl + half], ..Figure::exact(exact.kl) };
                // The accuracy of the omitted mass is unknown.
                let ci95 = [exact.accuracy, exact.accuracy + exact.left_out];
                let accuracy = Figure { ci95, ..Figure::exact(exact.accuracy) }.share();
                self.record("exact", config, None, [("accuracy", accuracy), ("kl_exact", kl)]);
            }
            Err(ExactError::Steps) => {}
            Err(reason) => {
                let (reveal, nfe) = (config.reveal, config.nfe);
                self.recorder.note(&format!("{reveal} at NFE {nfe}: {reason}; figures are from samples"));
            }
        }
        if let Some(n) = self.evaluation.options.samples.or(exact.is_err().then_some(SAMPLES)) {
            self.sample(config, sampler, n, exact.is_err());
        }
    }

    fn sample(&mut self, config: &SamplerConfig, sampler: &Sampler, n: usize, counts_accuracy: bool) {
        let (task, model) = (self.task, self.subject.model);
        let blank = vec![model.config().mask_token(); n * model.config().seq_len];
        let seed = self.evaluation.seed;
        let output = sampler.sample_checked(model, &blank, seed, |_, tokens| task.set.contains(tokens));
        let counts = SampleCounts::count(&output.tokens, &task.set, &task.held_out);
        let counted = |value: f64| Figure { n, ..Figure::exact(value) };
        let mut figures = Vec::new();
        if counts_accuracy {
            figures.push(("accuracy", wilson_interval(counts.right, n)));
        }
        figures.push(("mean_nfe", mean_interval(&output.nfe_values())));
        figures.push(("distinct", counted(counts.distinct as f64)));
        figures.push(("entropy", counted(counts.entropy)));
        if !task.held_out.is_empty() {
            figures.push(("held_out", wilson_interval(counts.held_out, n)));
            figures.push(("held_out_reached", counted(counts.held_out_distinct as f64)));
        }
        self.record("samples", config, None, figures);
    }

    /// Records the accuracy of the learned graph, if the model learns one. It does not depend on
    /// the sampler, and is recorded with the first sampler only.
    fn measure_graph(&mut self, config: &SamplerConfig) {
        let gates = self.subject.model.denoiser().edge_gates();
        let Some(learned) = gates.and_then(|gates| gates.graph().ok()) else { return };
        let agreement = learned.agreement(&self.task.set.graph());
        let figures = [
            ("graph_edges", Figure::exact(agreement.n_edges as f64)),
            ("graph_precision", Figure::exact(agreement.precision).share()),
            ("graph_recall", Figure::exact(agreement.recall).share()),
        ];
        self.record("exact", config, None, figures);
    }

    /// Completes clues, if requested.
    fn measure_infill(&mut self, config: &SamplerConfig, sampler: &Sampler) {
        let Some(infill) = self.evaluation.options.infill() else { return };
        let (model, set) = (self.subject.model, &self.task.set);
        let score = evaluate_infill(model, set, sampler, infill, self.evaluation.seed);
        let mut figures = vec![("infill_accuracy", score.accuracy.share())];
        if let Some(entropy) = score.entropy {
            figures.push(("infill_entropy", entropy.completions));
            figures.push(("infill_entropy_true_draws", entropy.true_draws));
            figures.push(("infill_entropy_true", entropy.exact));
        }
        self.record("samples", config, Some("half of the tokens given"), figures);
    }

    /// Bounds −log p(x0) with one and with `k` posterior draws for each sampler.
    fn bound(&mut self, ready: &Ready, k: usize) {
        let (set, seed) = (self.task.set, self.evaluation.seed);
        let source = SyntheticSource { set, seed };
        let mut x0 = vec![0; BOUND_SEQUENCES * set.seq_len()];
        for (index, tokens) in x0.chunks_exact_mut(set.seq_len()).enumerate() {
            source.fill(index as u64, tokens);
        }
        let provenance = self.subject.provenance(self.task.name(), &self.task.dataset(), "samples", seed);
        for (config, _) in ready {
            for (metric, k) in [("bound", 1), ("bound_iwae", k)] {
                let steps = config.nfe / self.subject.model.n_blocks();
                let (value, error) = importance_bound(self.subject.model, steps, &x0, k, seed);
                let half = half_width(error, BOUND_SEQUENCES);
                let ci95 = [value - half, value + half];
                let figure = Figure { ci95, n: BOUND_SEQUENCES, ..Figure::exact(value) };
                let record = provenance.record(metric, figure, config, None);
                self.recorder.push(Record { latent_draws: Some(k), ..record });
            }
        }
    }
}
