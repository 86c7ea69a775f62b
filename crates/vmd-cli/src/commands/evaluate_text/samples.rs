//! What a model writes.

use std::collections::BTreeSet;
use std::f64::consts::LN_2;
use std::time::Instant;

use vmd::data::text::{Corpus, Form};
use vmd::eval::text::{
    FrequentWords, NgramJudge, Uniqueness, WordSet, distinct_n, mean_unigram_entropy, self_bleu, text_bound,
    word_drift, word_share,
};
use vmd::eval::{Figure, Record, mean_interval, wilson_interval};
use vmd::model::{ObjectiveConfig, Sampler, SamplerConfig, Writing};
use vmd::tasks::lines::{json_is_valid, order_is_consistent};
use vmd::tasks::molecules::Molecule;
use vmd::tasks::table::TableJudge;
use vmd::tasks::text::infill_spans;

use super::Amounts;
use super::subject::Subject;
use crate::data::Syntax;
use crate::failure::usage;
use crate::models::LoadedModel;
use crate::output::{describe_latent, percent, print_json, print_table};

/// Tokens of the training part that judges learn from.
const JUDGED_FROM: usize = 20_000_000;

/// Words that drift is measured in.
const FREQUENT_WORDS: usize = 500;

/// Metrics in the order of their columns, with what they are called there and how they are shown.
type Column = (&'static str, &'static str, fn(&Record) -> String);

const COLUMNS: [Column; 20] = [
    ("n-gram bits", "ngram_bits_per_token", two),
    ("judge bits", "judge_bits_per_token", two),
    ("entropy (nats)", "unigram_entropy", two),
    ("distinct 4", "distinct_4", share),
    ("self-BLEU", "self_bleu", two),
    ("known words", "word_share", share),
    ("coherence", "coherence", three),
    ("valid", "valid", share),
    ("unique", "unique", share),
    ("novel", "novel", share),
    ("all three", "valid_unique_novel", share),
    ("keeps its rules", "consistent", share),
    ("span exact", "span_exact", share),
    ("span tokens", "span_tokens", share),
    ("span BLEU", "span_bleu", two),
    ("span bits", "span_ngram_bits", two),
    ("span bits (original)", "span_ngram_bits_original", two),
    ("NFE", "mean_nfe", |r| format!("{:.1}", r.value)),
    ("characters/s", "characters_per_second", |r| format!("{:.0}", r.value)),
    ("lines/s", "lines_per_second", |r| format!("{:.0}", r.value)),
];

fn two(record: &Record) -> String {
    format!("{:.2}", record.value)
}

fn three(record: &Record) -> String {
    format!("{:.3}", record.value)
}

fn share(record: &Record) -> String {
    percent(record.value, record.ci95)
}

/// Who judges what is written.
struct Judges<'a> {
    ngram: Option<NgramJudge>,
    words: Option<(WordSet, FrequentWords)>,
    model: Option<&'a LoadedModel>,
    table: Option<TableJudge>,
    /// What was trained on, by the key under which equal samples are the same.
    training: BTreeSet<String>,
}

impl<'a> Judges<'a> {
    fn of(subject: &Subject, order: usize, model: Option<&'a LoadedModel>) -> anyhow::Result<Self> {
        let mut judges = Self { ngram: None, words: None, model, table: None, training: BTreeSet::new() };
        match &subject.corpus {
            Corpus::Text(..) => {
                let tokens = subject.corpus.training_tokens(JUDGED_FROM)?;
                let text = subject.encoding.decode(&tokens);
                judges.ngram =
                    Some(NgramJudge::train(&tokens, subject.encoding.n_values(), order).map_err(usage)?);
                judges.words = Some((WordSet::of(&text), FrequentWords::of(&text, FREQUENT_WORDS)));
            }
            Corpus::Lines(_) => {
                let key = |line: &str| key(subject.syntax, line);
                judges.training =
                    subject.corpus.training_lines()?.iter().filter_map(|line| key(line)).collect();
            }
            Corpus::Table(table) => {
                let rows: Vec<Vec<u32>> = subject.corpus.training_rows()?;
                let domains = table.vocabulary().domains();
                judges.table = Some(TableJudge::of(rows.iter().map(Vec::as_slice), domains));
                judges.training = rows.iter().map(|row| format!("{row:?}")).collect();
            }
        }
        Ok(judges)
    }
}

/// The key of a valid line.
fn key(syntax: Option<Syntax>, line: &str) -> Option<String> {
    match syntax {
        None => Some(line.into()),
        Some(Syntax::Smiles) => Molecule::parse(line).ok().map(|molecule| molecule.canonical_smiles()),
        Some(Syntax::Json | Syntax::Order) => json_is_valid(line).then(|| line.into()),
    }
}

/// Writes with every sampler, and prints what the judges say.
pub(super) fn report(
    loaded: &LoadedModel,
    judge: Option<&LoadedModel>,
    subject: &Subject,
    samplers: &[(&SamplerConfig, Sampler)],
    amounts: Amounts,
    seed: u64,
    json: bool,
) -> anyhow::Result<()> {
    if amounts.samples == 0 && amounts.span == 0 {
        return Ok(());
    }
    let judges = Judges::of(subject, amounts.order, judge)?;
    // A held-out part that is too short for one of them shows before anything is written.
    let real = subject.held_out_texts(amounts.samples, amounts.length)?;
    let provenance = loaded.provenance("text", subject.name.clone(), "samples", seed);
    let mut measured: Vec<(String, Vec<Record>)> = Vec::new();
    for (config, sampler) in samplers {
        let mut figures = Vec::new();
        if amounts.samples > 0 {
            figures.extend(written(loaded, sampler, subject, &judges, amounts, seed)?);
        }
        figures.extend(filled(loaded, sampler, subject, &judges, amounts, seed)?);
        let record = |(metric, figure): (&str, Figure)| provenance.record(metric, figure, config, None);
        let records: Vec<Record> = figures.into_iter().map(record).collect();
        if json {
            print_json(&records);
        }
        measured.push((format!("{}, {}", describe_latent(config), config.nfe), records));
    }
    if !real.is_empty() {
        let figures = judge_texts(&real, amounts.length, subject, &judges, seed);
        let reference = loaded.provenance("text", subject.name.clone(), &subject.split.to_string(), seed);
        let record = |(metric, figure): (&str, Figure)| {
            let metric = format!("real_{metric}");
            reference.record(&metric, figure, samplers[0].0, None)
        };
        if json {
            print_json(&figures.iter().copied().map(record).collect::<Vec<_>>());
        }
        let plain =
            figures.iter().map(|&(metric, figure)| reference.record(metric, figure, samplers[0].0, None));
        measured.push(("real text".into(), plain.collect()));
    }
    if !json {
        print(&measured);
    }
    Ok(())
}

fn print(measured: &[(String, Vec<Record>)]) {
    let has = |metric: &str| measured.iter().any(|(_, records)| records.iter().any(|r| r.metric == metric));
    let shown: Vec<&Column> = COLUMNS.iter().filter(|(_, metric, _)| has(metric)).collect();
    let row = |(name, records): &(String, Vec<Record>)| {
        let cell = |(_, metric, show): &&Column| {
            records.iter().find(|record| record.metric == *metric).map_or_else(|| "–".into(), show)
        };
        [name.clone()].into_iter().chain(shown.iter().map(cell)).collect()
    };
    let heads: Vec<&str> = ["sampler, steps a block"].into_iter().chain(shown.iter().map(|c| c.0)).collect();
    print_table(&heads, &measured.iter().map(row).collect::<Vec<_>>());
}

type Measured = Vec<(&'static str, Figure)>;

/// Unconditional samples.
fn written(
    loaded: &LoadedModel,
    sampler: &Sampler,
    subject: &Subject,
    judges: &Judges<'_>,
    amounts: Amounts,
    seed: u64,
) -> anyhow::Result<Measured> {
    let template = vec![loaded.model.config().mask_token(); amounts.samples * amounts.length];
    let stop = subject.encoding.stop();
    let writing = Writing { template: &template, texts: amounts.samples, stop, seed };
    let start = Instant::now();
    let output = loaded.model.write(sampler, writing, |_| ());
    let seconds = start.elapsed().as_secs_f64();
    let per_second = |n: usize| Figure { n, ..Figure::exact(n as f64 / seconds) };
    let mut figures = match subject.form() {
        Form::Text => {
            let mut figures = judge_texts(&output.tokens, amounts.length, subject, judges, seed);
            figures.push(("characters_per_second", per_second(output.tokens.len())));
            figures
        }
        Form::Lines | Form::Table => {
            let mut figures = judge_lines(&output.tokens, amounts.length, subject, judges);
            figures.push(("lines_per_second", per_second(amounts.samples)));
            figures
        }
    };
    figures.push(("mean_nfe", mean_interval(&output.nfe_values())));
    Ok(figures)
}

fn judge_lines(tokens: &[u32], length: usize, subject: &Subject, judges: &Judges<'_>) -> Measured {
    let rows = tokens.chunks_exact(length);
    let n = rows.len();
    let (kept, unique) = match &judges.table {
        Some(table) => {
            let in_domain = rows.clone().filter(|row| table.is_in_domain(row)).count();
            // A row that breaks a rule has no key: no such row was trained on, and all of them would count as novel.
            let key = |row: &[u32]| if table.is_valid(row) { format!("{row:?}") } else { String::new() };
            let keys: Vec<String> = rows.map(key).collect();
            let judge = |key: &str| (!key.is_empty()).then(|| key.to_string());
            let kept = Uniqueness::of(&keys, &judges.training, judge);
            (Some(kept.valid), Uniqueness { valid: wilson_interval(in_domain, n), ..kept })
        }
        None => {
            let lines: Vec<String> = rows.map(|row| subject.encoding.decode(row)).collect();
            let keeps = |line: &&String| {
                serde_json::from_str(line).is_ok_and(|value: serde_json::Value| order_is_consistent(&value))
            };
            let kept = (subject.syntax == Some(Syntax::Order))
                .then(|| wilson_interval(lines.iter().filter(keeps).count(), n));
            (kept, Uniqueness::of(&lines, &judges.training, |line| key(subject.syntax, line)))
        }
    };
    let mut figures = vec![
        ("valid", unique.valid),
        ("unique", unique.unique),
        ("novel", unique.novel),
        ("valid_unique_novel", unique.all_three),
    ];
    figures.extend(kept.map(|kept| ("consistent", kept)));
    defined(figures)
}

/// A share of nothing is no figure.
fn defined(mut figures: Measured) -> Measured {
    figures.retain(|(_, figure)| !figure.value.is_nan());
    figures
}

fn judge_texts(tokens: &[u32], length: usize, subject: &Subject, judges: &Judges<'_>, seed: u64) -> Measured {
    let rows: Vec<&[u32]> = tokens.chunks_exact(length).collect();
    let texts: Vec<String> = rows.iter().map(|row| subject.encoding.decode(row)).collect();
    let words: Vec<Vec<&str>> = texts.iter().map(|text| text.split_whitespace().collect()).collect();
    let count = |value: f64| Figure { n: rows.len(), ..Figure::exact(value) };
    let mut figures = vec![
        ("unigram_entropy", mean_unigram_entropy(&rows)),
        ("distinct_4", count(distinct_n(&rows, 4))),
        ("self_bleu", count(self_bleu(&words, 4))),
    ];
    if let Some(judge) = &judges.ngram {
        let bits: Vec<f64> = rows.iter().map(|row| judge.nll(row) / LN_2).collect();
        figures.push(("ngram_bits_per_token", mean_interval(&bits)));
    }
    if let Some((known, frequent)) = &judges.words {
        figures.push(("word_share", word_share(&texts, known)));
        figures.extend(word_drift(&texts, frequent).map(|drift| ("coherence", drift.coherence)));
    }
    if let Some(model) = judges.model.map(|judge| &judge.model) {
        let seq = model.config().seq_len;
        // Whole sequences of the judge's own length.
        let judged: Vec<u32> = rows
            .iter()
            .flat_map(|row| row.chunks_exact(seq))
            .flat_map(|window| window.iter().copied())
            .collect();
        if !judged.is_empty() {
            let bound = text_bound(model, &ObjectiveConfig::default(), Some(1), &judged, seed).bound;
            let bits = |nats: f64| nats / LN_2;
            figures.push((
                "judge_bits_per_token",
                Figure { value: bits(bound.value), ci95: bound.ci95.map(bits), n: bound.n },
            ));
        }
    }
    defined(figures)
}

/// Spans between two sides.
fn filled(
    loaded: &LoadedModel,
    sampler: &Sampler,
    subject: &Subject,
    judges: &Judges<'_>,
    amounts: Amounts,
    seed: u64,
) -> anyhow::Result<Measured> {
    let Some(judge) = judges.ngram.as_ref().filter(|_| amounts.span > 0) else { return Ok(Vec::new()) };
    let seq = loaded.model.config().seq_len;
    let texts = subject.held_out(amounts.samples.max(1))?;
    let score =
        infill_spans(&loaded.model, sampler, judge, (&texts, seq), (amounts.span, amounts.candidates), seed);
    let bits = |figure: Figure| Figure {
        value: figure.value / LN_2,
        ci95: figure.ci95.map(|nats| nats / LN_2),
        n: figure.n,
    };
    Ok(vec![
        ("span_exact", score.exact),
        ("span_tokens", score.tokens),
        ("span_bleu", score.bleu),
        ("span_ngram_bits", bits(score.judge_nll)),
        ("span_ngram_bits_original", bits(score.judge_nll_original)),
    ])
}
