//! `evaluate-text`: bounds on held-out text, and what a model's own texts, lines or rows are worth.

mod bounds;
mod samples;
mod subject;

use vmd::data::text::{Form, Split};
use vmd::model::LoadOptions;
use vmd::sampler::{SamplerConfig, ValueRule};

use crate::args::EvaluateTextArgs;
use crate::failure::usage;
use subject::Subject;
use vmd::models::LoadedModel;
use vmd::run::{EvaluateConfig, RunConfig};

/// Texts that are written at the end of a training, unless its configuration says how many.
const TRAINED_SAMPLES: usize = 64;

/// What is measured, and of how many.
#[derive(Debug, Clone, Copy)]
struct Amounts {
    /// Held-out texts whose bound is estimated.
    texts: usize,
    /// Texts that are written.
    samples: usize,
    /// Tokens of each of them.
    length: usize,
    /// Tokens that are filled in between two sides; 0 for none.
    span: usize,
    /// Attempts at each of them, of which the likeliest is kept.
    candidates: usize,
    /// Draws of the posterior for a tighter bound.
    iwae: Option<usize>,
    /// Order of the n-gram judge.
    order: usize,
}

/// Loads model and data and reports.
pub(crate) fn run(args: EvaluateTextArgs) -> anyhow::Result<()> {
    if args.texts == Some(0) || args.iwae == Some(0) || args.order * args.candidates == 0 {
        return Err(usage("--texts, --iwae, --order and --candidates must be 1 or more"));
    }
    let samplers = args.sampler.all(ValueRule::default())?;
    let on_text = |run: &RunConfig| run.data.is_file();
    let (options, device) = (args.common.load_options(args.sampler.loops)?, args.common.device()?);
    let loaded = LoadedModel::find(args.model, "model of text", on_text, options, &device)?;
    let split = if args.test { Split::Test } else { Split::Validation };
    let subject = Subject::open(&loaded, split)?;
    let judge = args
        .judge
        .map(|folder| {
            LoadedModel::find(Some(folder), "judge", on_text, LoadOptions { loops: None, ..options }, &device)
        })
        .transpose()?;
    let seq = loaded.model.config().seq_len;
    if subject.form() != Form::Text && (args.span > 0 || judge.is_some()) {
        return Err(usage(
            "--span and --judge are for texts, and this model writes lines or rows; leave them out",
        ));
    }
    if let Some(judge) = judge.as_ref().map(|judge| judge.model.config())
        && (judge.vocab != loaded.model.config().vocab || judge.seq_len > args.length.unwrap_or(seq))
    {
        return Err(usage(format!(
            "--judge reads {} values in sequences of {}, and what it would judge has {} in {}; give another one, or a \
             longer --length",
            judge.vocab,
            judge.seq_len,
            loaded.model.config().vocab,
            args.length.unwrap_or(seq)
        )));
    }
    if args.span > 0 && args.span + 2 > seq {
        return Err(usage(format!("--span must be below {}", seq - 1)));
    }
    let amounts = Amounts {
        texts: args.texts.unwrap_or(usize::MAX),
        samples: args.samples,
        length: args.length.unwrap_or(seq),
        span: args.span,
        candidates: args.candidates,
        iwae: args.iwae,
        order: args.order,
    };
    if amounts.length == 0
        || amounts.length > seq && (subject.form() != Form::Text || !loaded.model.config().causal)
    {
        return Err(usage(format!("--length must be 1 to {seq} for this model")));
    }
    report(
        &loaded,
        judge.as_ref(),
        &subject,
        &samplers,
        amounts,
        args.common.seed.unwrap_or(0),
        args.common.json,
    )
}

/// What is printed at the end of a training.
pub(crate) fn report_trained(
    loaded: &LoadedModel,
    config: &EvaluateConfig,
    seed: u64,
    json: bool,
) -> anyhow::Result<()> {
    let subject = Subject::open(loaded, if config.test { Split::Test } else { Split::Validation })?;
    let amounts = Amounts {
        texts: config.texts.unwrap_or(usize::MAX),
        samples: config.samples.unwrap_or(TRAINED_SAMPLES),
        length: loaded.model.config().seq_len,
        span: 0,
        candidates: 1,
        iwae: None,
        order: crate::args::NGRAM_ORDER,
    };
    report(loaded, None, &subject, &config.samplers(), amounts, seed, json)
}

fn report(
    loaded: &LoadedModel,
    judge: Option<&LoadedModel>,
    subject: &Subject,
    samplers: &[SamplerConfig],
    amounts: Amounts,
    seed: u64,
    json: bool,
) -> anyhow::Result<()> {
    // All of them are checked before the first one runs.
    let ready: Vec<_> =
        samplers.iter().map(|config| loaded.block_sampler(config)).collect::<Result<_, _>>()?;
    bounds::report(loaded, subject, samplers, amounts, seed, json)?;
    let samplers: Vec<_> = samplers.iter().zip(ready).collect();
    samples::report(loaded, judge, subject, &samplers, amounts, seed, json)
}
