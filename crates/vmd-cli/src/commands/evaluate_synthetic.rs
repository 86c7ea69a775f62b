//! `evaluate-synthetic`: exact figures on a synthetic set.

use std::collections::HashSet;

use vmd::data::source::DataSource;
use vmd::denoiser::Denoiser;
use vmd::eval::{Figure, Record, mean_interval, wilson_interval};
use vmd::model::{RevealRule, Sampler, SamplerConfig, TokenPredictor, importance_bound};
use vmd::tasks::synthetic::{
    ExactError, InfillTask, SampleCounts, SyntheticSet, SyntheticSource, evaluate_infill, exact_synthetic,
};

use crate::args::EvaluateSyntheticArgs;
use crate::config::samplers;
use crate::data::DataConfig;
use crate::failure::usage;
use crate::models::LoadedModel;
use crate::output::{describe_latent, describe_rest, percent, print_json, print_table};

/// Samples where nothing can be enumerated.
const SAMPLES: usize = 10_000;
/// Sequences that a bound is the mean of.
const BOUND_SEQUENCES: usize = 1000;

/// What a model is measured against.
#[derive(Debug)]
pub(crate) struct Subject {
    set: SyntheticSet,
    held_out: HashSet<Vec<u32>>,
    samples: Option<usize>,
    infill: Option<InfillTask>,
}

impl Subject {
    /// `set`, of which `hold_out` sequences were kept out of training, with `samples` and completions of clues beside
    /// what is exact.
    pub(crate) fn new(
        set: SyntheticSet,
        hold_out: usize,
        samples: Option<usize>,
        infill: Option<InfillTask>,
    ) -> anyhow::Result<Self> {
        if samples == Some(0) {
            return Err(usage("the number of samples must be 1 or more"));
        }
        if infill.is_some_and(|task| task.contexts == 0 || task.completions == 0) {
            return Err(usage("the numbers of contexts and of completions must be 1 or more"));
        }
        let held_out = set.held_out(hold_out).map_err(|error| usage(format!("data.hold_out: {error}")))?;
        Ok(Self { set, held_out: held_out.into_iter().collect(), samples, infill })
    }
}

/// Loads the model and reports on it.
pub(crate) fn run(args: EvaluateSyntheticArgs) -> anyhow::Result<()> {
    if args.nfe.contains(&0) {
        return Err(usage("--nfe must be 1 or more"));
    }
    let on_synthetic = |run: &crate::config::RunConfig| matches!(run.data, DataConfig::Synthetic { .. });
    let loaded = LoadedModel::find(
        args.model,
        "model of a synthetic set",
        on_synthetic,
        args.sampler.loops,
        &args.common,
    )?;
    let trained_on = loaded.run.as_ref().and_then(|run| match &run.data {
        DataConfig::Synthetic { set, hold_out } => Some((*set, *hold_out)),
        _ => None,
    });
    let (set, hold_out) = match &args.set {
        Some(name) => {
            let set = name.parse::<SyntheticSet>().map_err(usage)?;
            (set, trained_on.filter(|(own, _)| *own == set).map_or(0, |(_, hold_out)| hold_out))
        }
        None => trained_on
            .ok_or_else(|| usage("give --set: the model's folder does not say what it was trained on"))?,
    };
    let config = loaded.model.config();
    if (set.vocab(), set.seq_len()) != (config.vocab, config.seq_len) {
        return Err(usage(format!(
            "{set} has {} tokens of {} values, the model {} of {}; choose the set that it was trained on",
            set.seq_len(),
            set.vocab(),
            config.seq_len,
            config.vocab
        )));
    }
    let infill = args.given.map(|given| given.task(args.contexts, args.completions));
    let subject = Subject::new(set, hold_out, args.samples, infill)?;
    let rest = args.sampler.configs();
    let samplers: Vec<SamplerConfig> =
        rest.iter().flat_map(|rest| samplers(&args.reveal, &args.nfe, rest)).collect();
    if args.iwae.is_some_and(|k| k == 0 || !samplers.iter().all(is_certified)) {
        return Err(usage(
            "--iwae must be 1 or more, and bounds the plain ancestral sampler only; give no other --reveal, \
             --remask, --latent-rule or --best-of with it",
        ));
    }
    let (seed, json) = (args.common.seed.unwrap_or(0), args.common.json);
    report(&loaded, &subject, &samplers, seed, json)?;
    if let Some(k) = args.iwae {
        report_bounds(&loaded, set, &samplers, k, seed, json);
    }
    Ok(())
}

/// Whether the bounds are about this sampler.
fn is_certified(config: &SamplerConfig) -> bool {
    let plain = SamplerConfig { reveal: RevealRule::Ancestral, ..Default::default() };
    *config == SamplerConfig { nfe: config.nfe, grid: config.grid, ..plain }
}

/// Prints bounds from one and from `k` draws of the posterior for every sampler.
fn report_bounds(
    loaded: &LoadedModel,
    set: SyntheticSet,
    samplers: &[SamplerConfig],
    k: usize,
    seed: u64,
    json: bool,
) {
    let source = SyntheticSource { set, seed };
    let mut x0 = vec![0; BOUND_SEQUENCES * set.seq_len()];
    for (index, tokens) in x0.chunks_exact_mut(set.seq_len()).enumerate() {
        source.fill(index as u64, tokens);
    }
    let provenance = loaded.provenance("synthetic", set.to_string(), "samples", seed);
    let mut rows = Vec::new();
    for config in samplers {
        let bound = |metric: &str, k: usize| {
            let steps = config.nfe / loaded.model.n_blocks();
            let (value, error) = importance_bound(&loaded.model, steps, config.grid, &x0, k, seed);
            let ci95 = [value - 1.96 * error, value + 1.96 * error];
            let figure = Figure { value, ci95, n: BOUND_SEQUENCES };
            Record { latent_draws: Some(k), ..provenance.record(metric, figure, config, None) }
        };
        let records = [bound("bound", 1), bound("bound_iwae", k)];
        if json {
            print_json(&records);
        }
        let text = |r: &Record| format!("{:.4} ± {:.4}", r.value, (r.ci95[1] - r.ci95[0]) / 2.0);
        rows.push(vec![config.nfe.to_string(), text(&records[0]), text(&records[1])]);
    }
    if !json {
        println!("bounds of -log p(x0) in nats, means over {BOUND_SEQUENCES} sequences");
        print_table(&["NFE", "bound", &format!("bound, {k} draws")], &rows);
    }
}

/// Prints accuracy and KL for every sampler.
pub(crate) fn report(
    loaded: &LoadedModel,
    subject: &Subject,
    samplers: &[SamplerConfig],
    seed: u64,
    json: bool,
) -> anyhow::Result<()> {
    let mut measured = Vec::new();
    // All of them are checked before the first one runs.
    let ready: Vec<_> =
        samplers.iter().map(|config| loaded.sampler(config, false)).collect::<Result<_, _>>()?;
    for (config, sampler) in samplers.iter().zip(ready) {
        let mut records = measure(loaded, subject, config, &sampler, seed);
        if measured.is_empty() {
            records.extend(measure_graph(loaded, subject, config, seed));
        }
        records.extend(measure_infill(loaded, subject, config, &sampler, seed));
        if json {
            print_json(&records);
        }
        measured.push(records);
    }
    if !json {
        println!(
            "{}: entropy {:.4} nats, independent optimum at NFE 1: KL {:.4} nats{}",
            subject.set,
            subject.set.entropy(),
            subject.set.independent_kl_nfe1(),
            describe_rest(samplers)
        );
        let (heads, rows) = table(samplers, &measured);
        print_table(&heads, &rows);
    }
    Ok(())
}

fn measure(
    loaded: &LoadedModel,
    subject: &Subject,
    config: &SamplerConfig,
    sampler: &Sampler,
    seed: u64,
) -> Vec<Record> {
    let set = &subject.set;
    let mut records = Vec::new();
    let exact = exact_synthetic(&loaded.model, set, config, seed);
    if let Ok(exact) = &exact {
        let provenance = loaded.provenance("synthetic", set.to_string(), "exact", seed);
        let half = 1.96 * exact.kl_standard_error;
        let kl = Figure { ci95: [exact.kl - half, exact.kl + half], ..Figure::exact(exact.kl) };
        // What was left out is right or wrong.
        let most = exact.accuracy + exact.left_out;
        let accuracy = Figure { ci95: [exact.accuracy, most], ..Figure::exact(exact.accuracy) };
        records.push(provenance.record("accuracy", accuracy, config, None));
        records.push(provenance.record("kl_exact", kl, config, None));
    }
    let samples = subject.samples.or(exact.is_err().then_some(SAMPLES));
    if let Err(reason) = &exact
        && !matches!(reason, ExactError::Steps)
    {
        eprintln!("{} at NFE {}: {reason}; figures are from samples", config.reveal, config.nfe);
    }
    if let Some(n) = samples {
        let provenance = loaded.provenance("synthetic", set.to_string(), "samples", seed);
        let model = loaded.model.config();
        let blank = vec![model.mask_token(); n * model.seq_len];
        let output = sampler.sample_checked(&loaded.model, &blank, seed, |_, tokens| set.contains(tokens));
        let counts = SampleCounts::count(&output.tokens, set, &subject.held_out);
        let mut record = |metric: &str, figure: Figure| {
            records.push(provenance.record(metric, figure, config, None));
        };
        if exact.is_err() {
            record("accuracy", wilson_interval(counts.right, n));
        }
        record("mean_nfe", mean_interval(&output.nfe_values()));
        let counted = |value: f64| Figure { n, ..Figure::exact(value) };
        record("distinct", counted(counts.distinct as f64));
        record("entropy", counted(counts.entropy));
        if !subject.held_out.is_empty() {
            record("held_out", wilson_interval(counts.held_out, n));
            record("held_out_reached", counted(counts.held_out_distinct as f64));
        }
    }
    records
}

/// How much of a learned graph is true, if the model learns one. No sampler has a part in it; it stands with the first.
fn measure_graph(loaded: &LoadedModel, subject: &Subject, config: &SamplerConfig, seed: u64) -> Vec<Record> {
    let learned = loaded.model.denoiser().edge_gates().and_then(|gates| gates.graph().ok());
    let Some(learned) = learned else { return Vec::new() };
    let agreement = learned.agreement(&subject.set.graph());
    let provenance = loaded.provenance("synthetic", subject.set.to_string(), "exact", seed);
    let record = |metric: &str, value: f64| provenance.record(metric, Figure::exact(value), config, None);
    vec![
        record("graph_edges", agreement.n_edges as f64),
        record("graph_precision", agreement.precision),
        record("graph_recall", agreement.recall),
    ]
}

/// Completions of clues, if they are asked for.
fn measure_infill(
    loaded: &LoadedModel,
    subject: &Subject,
    config: &SamplerConfig,
    sampler: &Sampler,
    seed: u64,
) -> Vec<Record> {
    let Some(task) = subject.infill else { return Vec::new() };
    let provenance = loaded.provenance("synthetic", subject.set.to_string(), "samples", seed);
    let record = |metric: &str, figure: Figure| {
        provenance.record(metric, figure, config, Some("half of the tokens given".into()))
    };
    let score = evaluate_infill(&loaded.model, &subject.set, sampler, task, seed);
    let mut records = vec![record("infill_accuracy", score.accuracy)];
    if let Some(entropy) = score.entropy {
        records.push(record("infill_entropy", entropy.completions));
        records.push(record("infill_entropy_true_draws", entropy.true_draws));
        records.push(record("infill_entropy_true", entropy.exact));
    }
    records
}

/// Head, metric and text.
type Column = (&'static str, &'static str, fn(&Record) -> String);

/// The columns behind the sampler's.
const COLUMNS: [Column; 14] = [
    ("accuracy", "accuracy", |r| percent(r.value, r.ci95)),
    ("exact KL (nats)", "kl_exact", with_error),
    ("mean NFE", "mean_nfe", |r| format!("{:.1}", r.value)),
    ("distinct", "distinct", |r| r.value.to_string()),
    ("entropy", "entropy", |r| format!("{:.3}", r.value)),
    ("held out", "held_out", |r| percent(r.value, r.ci95)),
    ("reached", "held_out_reached", |r| r.value.to_string()),
    ("completed", "infill_accuracy", |r| percent(r.value, r.ci95)),
    ("entropy of these", "infill_entropy", with_error),
    ("of true draws", "infill_entropy_true_draws", with_error),
    ("exact", "infill_entropy_true", with_error),
    ("edges", "graph_edges", |r| r.value.to_string()),
    ("precision", "graph_precision", |r| percent(r.value, r.ci95)),
    ("recall", "graph_recall", |r| percent(r.value, r.ci95)),
];

/// A row for each sampler, with the columns that have something to show.
fn table(samplers: &[SamplerConfig], measured: &[Vec<Record>]) -> (Vec<&'static str>, Vec<Vec<String>>) {
    let shown: Vec<_> = COLUMNS
        .iter()
        .filter(|(_, metric, _)| measured.iter().flatten().any(|record| record.metric == *metric))
        .collect();
    let row = |(sampler, records): (&SamplerConfig, &Vec<Record>)| {
        let cells = shown.iter().map(|(_, metric, show)| {
            let record = records.iter().find(|record| record.metric == *metric);
            record.map_or_else(|| "–".into(), show)
        });
        [describe_latent(sampler), sampler.nfe.to_string()].into_iter().chain(cells).collect()
    };
    let heads = ["reveal", "NFE"].into_iter().chain(shown.iter().map(|(head, ..)| *head)).collect();
    (heads, samplers.iter().zip(measured).map(row).collect())
}

/// A number with half the width of its interval.
fn with_error(record: &Record) -> String {
    let half = (record.ci95[1] - record.ci95[0]) / 2.0;
    if half > 0.0 { format!("{:.4} ± {half:.4}", record.value) } else { format!("{:.4}", record.value) }
}
