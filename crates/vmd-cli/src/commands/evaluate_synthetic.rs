//! `evaluate-synthetic`: exact figures on a synthetic set.

use vmd::data::source::DataSource;
use vmd::data::synthetic::{SyntheticSet, SyntheticSource};
use vmd::eval::{ExactError, Figure, Record, exact_synthetic, mean_interval, wilson_interval};
use vmd::model::{RevealRule, Sampler, SamplerConfig, importance_bound};

use crate::args::EvaluateSyntheticArgs;
use crate::config::samplers;
use crate::data::DataConfig;
use crate::failure::usage;
use crate::models::LoadedModel;
use crate::output::{describe_rest, percent, print_json, print_table};

/// Samples where nothing can be enumerated.
const SAMPLES: usize = 10_000;
/// Sequences that a bound is the mean of.
const BOUND_SEQUENCES: usize = 1000;

/// Loads the model and reports on it.
pub(crate) fn run(args: EvaluateSyntheticArgs) -> anyhow::Result<()> {
    if args.nfe.contains(&0) {
        return Err(usage("--nfe must be 1 or more"));
    }
    let on_synthetic = |run: &crate::config::RunConfig| matches!(run.data, DataConfig::Synthetic { .. });
    let loaded = LoadedModel::find(args.model, "model of a synthetic set", on_synthetic, &args.common)?;
    let trained_on = loaded.run.as_ref().and_then(|run| match &run.data {
        DataConfig::Synthetic { set } => Some(*set),
        DataConfig::Sudoku { .. } => None,
    });
    let set = match &args.set {
        Some(name) => name.parse::<SyntheticSet>().map_err(usage)?,
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
    let samplers = samplers(&args.reveal, &args.nfe, &args.sampler.config());
    if args.iwae.is_some_and(|k| k == 0 || !samplers.iter().all(is_certified)) {
        return Err(usage(
            "--iwae must be 1 or more, and bounds the plain ancestral sampler only; give no other --reveal, \
             --remask, --latent-rule or --best-of with it",
        ));
    }
    let (seed, json) = (args.common.seed.unwrap_or(0), args.common.json);
    report(&loaded, &set, &samplers, seed, json)?;
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
            let (value, error) = importance_bound(&loaded.model, config.nfe, config.grid, &x0, k, seed);
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
    set: &SyntheticSet,
    samplers: &[SamplerConfig],
    seed: u64,
    json: bool,
) -> anyhow::Result<()> {
    let mut rows = Vec::new();
    // All of them are checked before the first one runs.
    let ready: Vec<_> = samplers.iter().map(|config| loaded.sampler(config)).collect::<Result<_, _>>()?;
    for (config, sampler) in samplers.iter().zip(ready) {
        let records = measure(loaded, set, config, &sampler, seed);
        if json {
            print_json(&records);
        }
        rows.push(row(config, &records));
    }
    if !json {
        println!(
            "{set}: entropy {:.4} nats, independent optimum at NFE 1: KL {:.4} nats{}",
            set.entropy(),
            set.independent_kl_nfe1(),
            describe_rest(samplers)
        );
        print_table(&["reveal", "NFE", "accuracy", "mean NFE", "exact KL (nats)"], &rows);
    }
    Ok(())
}

fn measure(
    loaded: &LoadedModel,
    set: &SyntheticSet,
    config: &SamplerConfig,
    sampler: &Sampler,
    seed: u64,
) -> Vec<Record> {
    let exact = exact_synthetic(&loaded.model, set, config, seed);
    let split = if exact.is_ok() { "exact" } else { "samples" };
    let provenance = loaded.provenance("synthetic", set.to_string(), split, seed);
    let record = |metric: &str, figure: Figure| provenance.record(metric, figure, config, None);
    match exact {
        Ok(exact) => {
            let half = 1.96 * exact.kl_standard_error;
            let kl = Figure { ci95: [exact.kl - half, exact.kl + half], ..Figure::exact(exact.kl) };
            vec![record("accuracy", Figure::exact(exact.accuracy)), record("kl_exact", kl)]
        }
        Err(reason) => {
            if !matches!(reason, ExactError::Steps) {
                eprintln!(
                    "{} at NFE {}: {reason}; accuracy is from {SAMPLES} samples",
                    config.reveal, config.nfe
                );
            }
            let (accuracy, mean_nfe) = sampled_accuracy(loaded, set, sampler, seed);
            vec![record("accuracy", accuracy), record("mean_nfe", mean_nfe)]
        }
    }
}

/// Accuracy and evaluations from samples.
fn sampled_accuracy(
    loaded: &LoadedModel,
    set: &SyntheticSet,
    sampler: &Sampler,
    seed: u64,
) -> (Figure, Figure) {
    let config = loaded.model.config();
    let blank = vec![config.mask_token(); SAMPLES * config.seq_len];
    let output = sampler.sample_checked(&loaded.model, &blank, seed, |_, tokens| set.contains(tokens));
    let right = output.tokens.chunks_exact(config.seq_len).filter(|tokens| set.contains(tokens)).count();
    (wilson_interval(right, SAMPLES), mean_interval(&output.nfe_values()))
}

fn row(sampler: &SamplerConfig, records: &[Record]) -> Vec<String> {
    let find = |metric: &str| records.iter().find(|record| record.metric == metric);
    vec![
        sampler.reveal.to_string(),
        sampler.nfe.to_string(),
        find("accuracy").map_or_else(String::new, |r| percent(r.value, r.ci95)),
        find("mean_nfe").map_or_else(|| "–".into(), |r| format!("{:.1}", r.value)),
        find("kl_exact").map_or_else(
            || "–".into(),
            |r| {
                let half = (r.ci95[1] - r.ci95[0]) / 2.0;
                if half > 0.0 { format!("{:.4} ± {half:.4}", r.value) } else { format!("{:.4}", r.value) }
            },
        ),
    ]
}
