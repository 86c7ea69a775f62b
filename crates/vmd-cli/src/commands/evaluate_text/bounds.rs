//! Bounds on held-out text.

use std::f64::consts::LN_2;

use vmd::eval::text::{TextBound, text_bound, text_importance_bound};
use vmd::eval::{Figure, Provenance, Record};
use vmd::model::ObjectiveConfig;
use vmd::sampler::{RevealRule, SamplerConfig};

use super::Amounts;
use super::subject::Subject;
use crate::output::{print_json, print_table};
use vmd::models::LoadedModel;

/// Prints the bound for every number of steps, and in continuous time.
pub(super) fn report(
    loaded: &LoadedModel,
    subject: &Subject,
    samplers: &[SamplerConfig],
    amounts: Amounts,
    seed: u64,
    json: bool,
) -> anyhow::Result<()> {
    let x0 = subject.held_out(amounts.texts)?;
    let model = &loaded.model;
    let objective = loaded.run.as_ref().map_or_else(ObjectiveConfig::default, |run| run.objective.clone());
    // Of a model whose blocks are written as one, NFE is that of all of them.
    let blocks = model.config().unit_blocks();
    let mut steps: Vec<Option<usize>> = samplers.iter().map(|sampler| Some(sampler.nfe / blocks)).collect();
    steps.sort_unstable();
    steps.dedup();
    // A block of one token has one step; more say the same. A latent in continuous time has nothing to say.
    let one_token = model.config().causal && model.config().unit_len() == 1;
    steps.retain(|steps| !one_token || *steps == Some(1));
    if one_token && steps.is_empty() {
        steps.push(Some(1));
    }
    if model.posterior().is_none() && !one_token {
        steps.push(None);
    }
    let provenance = loaded.provenance("text", subject.name.clone(), &subject.split.to_string(), seed);
    let mut rows = Vec::new();
    for steps in steps {
        let bound = text_bound(model, &objective, steps, &x0, seed);
        let tight =
            steps.zip(amounts.iwae).map(|(steps, k)| (k, text_importance_bound(model, steps, &x0, k, seed)));
        if json {
            print_json(&records(&provenance, &bound, tight, blocks));
        }
        rows.push(row(&bound, tight));
    }
    if !json {
        let n = x0.len() / model.config().seq_len;
        println!(
            "bounds of -log p(x) of {n} {} sequences of {} in bits per token, for the ancestral sampler of so many steps a block",
            subject.split, subject.name
        );
        let iwae = amounts.iwae.map_or_else(|| "IWAE".into(), |k| format!("{k} draws"));
        print_table(&["steps", "bound", "perplexity", "recon", "KL", "without latent", &iwae], &rows);
    }
    Ok(())
}

fn records(
    provenance: &Provenance,
    bound: &TextBound,
    tight: Option<(usize, Figure)>,
    blocks: usize,
) -> Vec<Record> {
    let nfe = bound.steps.map(|steps| steps * blocks);
    let sampler = SamplerConfig {
        nfe: nfe.unwrap_or(usize::MAX),
        reveal: RevealRule::Ancestral,
        ..SamplerConfig::default()
    };
    let record = |metric: &str, figure: Figure| {
        let record = provenance.record(metric, figure, &sampler, None);
        Record { nfe, ..record }
    };
    let map = |figure: Figure, f: fn(f64) -> f64| Figure {
        value: f(figure.value),
        ci95: figure.ci95.map(f),
        n: figure.n,
    };
    let mut records = vec![
        record("nats_per_token", bound.bound),
        record("bits_per_token", map(bound.bound, |nats| nats / LN_2)),
        record("perplexity", map(bound.bound, f64::exp)),
        record("recon_nats_per_token", bound.recon),
        record("kl_nats_per_token", bound.kl),
    ];
    records.extend(bound.latent_gain.map(|gain| record("latent_gain_nats_per_token", gain)));
    records.extend(bound.latent_free.map(|free| record("latent_free_nats_per_token", free)));
    records.extend(tight.map(|(k, figure)| Record {
        latent_draws: Some(k),
        ..record("bits_per_token_iwae", map(figure, |nats| nats / LN_2))
    }));
    records
}

fn row(bound: &TextBound, tight: Option<(usize, Figure)>) -> Vec<String> {
    let bits = |figure: Figure| {
        let half = (figure.ci95[1] - figure.ci95[0]) / 2.0 / LN_2;
        format!("{:.4} ± {half:.4}", figure.value / LN_2)
    };
    let maybe = |figure: Option<Figure>| figure.map_or_else(|| "–".into(), bits);
    vec![
        bound.steps.map_or_else(|| "∞".into(), |steps| steps.to_string()),
        bits(bound.bound),
        format!("{:.3}", bound.bound.value.exp()),
        bits(bound.recon),
        bits(bound.kl),
        maybe(bound.latent_free),
        maybe(tight.map(|(_, figure)| figure)),
    ]
}
