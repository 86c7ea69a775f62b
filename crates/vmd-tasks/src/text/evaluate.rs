//! Evaluation of text models: bounds, generated text, and infilling.

use std::f64::consts::LN_2;

use vmd_data::text::Encoding;
use vmd_eval::text::{
    FrequentWords, NgramJudge, WordSet, distinct_n, mean_unigram_entropy, self_bleu, text_bound, word_drift,
    word_share,
};
use vmd_eval::{Figure, Record, mean_interval};
use vmd_model::{ObjectiveConfig, VmdModel};
use vmd_sampler::Sampler;

use super::{TextTask, infill_spans};
use crate::files::{Figures, FileData, FileRun};
use crate::{Evaluation, Observer, Subject, TaskError};

/// Default order of the n-gram judge.
pub const NGRAM_ORDER: usize = 7;

/// Maximum number of training tokens for the judges.
const JUDGED_FROM: usize = 20_000_000;

/// Number of words used to measure drift.
const FREQUENT_WORDS: usize = 500;

/// Validates the options and the model.
pub(super) fn start<'a, 'o>(
    task: &'a TextTask,
    subject: &'a Subject<'a>,
    evaluation: &Evaluation,
    observer: &'o mut dyn Observer,
) -> Result<FileRun<'a, 'o>, TaskError> {
    let run = FileRun::new(task, &task.data, subject, evaluation, observer)?;
    let (config, length) = (subject.model.config(), run.amounts.length);
    if let Some(judge) = subject.judge.map(VmdModel::config)
        && (judge.vocab != config.vocab || judge.seq_len > length)
    {
        return Err(TaskError::Value {
            option: "judge",
            problem: format!(
                "has {} token values in sequences of {}, but the samples have {} in {length}; use another judge, or a \
                 greater length",
                judge.vocab, judge.seq_len, config.vocab
            ),
        });
    }
    if evaluation.options.span.is_some_and(|span| span > 0 && span + 2 > config.seq_len) {
        let problem = format!("must be below {}", config.seq_len - 1);
        return Err(TaskError::Value { option: "span", problem });
    }
    Ok(run)
}

/// Measures bounds, samples and infilled spans.
pub(super) fn measure(
    task: &TextTask,
    mut run: FileRun<'_, '_>,
    evaluation: &Evaluation,
) -> Result<Vec<Record>, TaskError> {
    run.bounds()?;
    let (amounts, options) = (run.amounts, &evaluation.options);
    let span = options.span.unwrap_or(0);
    if amounts.samples == 0 && span == 0 {
        return Ok(run.recorder.finish());
    }
    let judges = Judges::of(&task.data, run.subject.judge, options.order.unwrap_or(NGRAM_ORDER), run.seed)?;
    // Read real text first, so that a held-out split that is too short fails before generation.
    let real = task.data.held_out_texts(amounts.split, amounts.samples, amounts.length)?;
    for (config, sampler) in run.ready.clone() {
        let mut figures = match amounts.samples {
            0 => Vec::new(),
            _ => run.write(&sampler, "characters_per_second", &|tokens, length| judges.judge(tokens, length)),
        };
        if span > 0 {
            figures.extend(filled(&run, &sampler, &judges.ngram, (span, options.candidates.unwrap_or(1)))?);
        }
        run.record_samples(&config, figures);
    }
    if !real.is_empty() {
        let figures = judges.judge(&real, amounts.length);
        let provenance = run.provenance(&amounts.split.to_string());
        for (metric, figure) in figures {
            let record = provenance.record(&format!("real_{metric}"), figure, &run.ready[0].0, None);
            run.recorder.push(record);
        }
    }
    Ok(run.recorder.finish())
}

/// Judges of generated text.
struct Judges<'a> {
    encoding: Encoding,
    ngram: NgramJudge,
    words: WordSet,
    frequent: FrequentWords,
    model: Option<&'a VmdModel>,
    seed: u64,
}

impl<'a> Judges<'a> {
    fn of(data: &FileData, model: Option<&'a VmdModel>, order: usize, seed: u64) -> Result<Self, TaskError> {
        let encoding = data.encoding();
        let tokens = data.corpus.training_tokens(JUDGED_FROM).map_err(TaskError::File)?;
        let text = encoding.decode(&tokens);
        let ngram = NgramJudge::train(&tokens, encoding.n_values(), order).map_err(TaskError::Judge)?;
        let (words, frequent) = (WordSet::of(&text), FrequentWords::of(&text, FREQUENT_WORDS));
        Ok(Self { encoding, ngram, words, frequent, model, seed })
    }

    /// Metrics of texts, `[n, length]`.
    fn judge(&self, tokens: &[u32], length: usize) -> Figures {
        let rows: Vec<&[u32]> = tokens.chunks_exact(length).collect();
        let texts: Vec<String> = rows.iter().map(|row| self.encoding.decode(row)).collect();
        let words: Vec<Vec<&str>> = texts.iter().map(|text| text.split_whitespace().collect()).collect();
        let count = |value: f64| Figure { n: rows.len(), ..Figure::exact(value) };
        let bits: Vec<f64> = rows.iter().map(|row| self.ngram.nll(row) / LN_2).collect();
        let mut figures = vec![
            ("unigram_entropy", mean_unigram_entropy(&rows)),
            ("distinct_4", count(distinct_n(&rows, 4)).share()),
            ("self_bleu", count(self_bleu(&words, 4))),
            ("ngram_bits_per_token", mean_interval(&bits)),
            ("word_share", word_share(&texts, &self.words)),
        ];
        figures.extend(word_drift(&texts, &self.frequent).map(|drift| ("coherence", drift.coherence)));
        figures.extend(self.model.and_then(|model| judged_by(model, &rows, self.seed)));
        figures.retain(|(_, figure)| figure.is_defined());
        figures
    }
}

/// Bits per token of the samples under a second model, cut into windows of its sequence length.
fn judged_by(model: &VmdModel, rows: &[&[u32]], seed: u64) -> Option<(&'static str, Figure)> {
    let seq = model.config().seq_len;
    let windows = rows.iter().flat_map(|row| row.chunks_exact(seq));
    let judged: Vec<u32> = windows.flat_map(|window| window.iter().copied()).collect();
    (!judged.is_empty()).then(|| {
        let bound = text_bound(model, &ObjectiveConfig::default(), Some(1), &judged, seed).bound;
        ("judge_bits_per_token", bound.map(|nats| nats / LN_2))
    })
}

/// Fills spans of held-out texts. `span` is the length and the number of attempts per span.
fn filled(
    run: &FileRun<'_, '_>,
    sampler: &Sampler,
    judge: &NgramJudge,
    span: (usize, usize),
) -> Result<Figures, TaskError> {
    let texts = run.data.held_out(run.amounts.split, run.amounts.samples.max(1))?;
    let (model, seq) = (run.subject.model, run.subject.model.config().seq_len);
    let score = infill_spans(model, sampler, judge, (&texts, seq), span, run.seed);
    let bits = |figure: Figure| figure.map(|nats| nats / LN_2);
    Ok(vec![
        ("span_exact", score.exact),
        ("span_tokens", score.tokens.share()),
        ("span_bleu", score.bleu),
        ("span_ngram_bits", bits(score.judge_nll)),
        ("span_ngram_bits_original", bits(score.judge_nll_original)),
    ])
}
