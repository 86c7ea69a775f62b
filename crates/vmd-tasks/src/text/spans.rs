//! Spans of a text that are filled in between what is given.

use std::ops::Range;

use vmd_eval::text::{NgramJudge, bleu};
use vmd_eval::{Figure, mean_interval, wilson_interval};
use vmd_model::{TrainableDenoiser, VmdModel, Writing};
use vmd_sampler::Sampler;

/// How well a span is filled in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpanScore {
    /// Share of spans that are the original's, token for token.
    pub exact: Figure,
    /// Share of tokens that are the original's.
    pub tokens: Figure,
    /// Mean BLEU of the span against the original's, up to 4 tokens.
    pub bleu: Figure,
    /// What the judge says of the span and of the tokens after it that its context reaches, nats per token of the span.
    pub judge_nll: Figure,
    /// The same of the original span.
    pub judge_nll_original: Figure,
}

/// Masks the middle `len` tokens of each of `texts` (`[n, length]`), lets `model` fill them, and compares.
///
/// A model that sees both sides is given both. A causal one sees what stands before each block, and what is given in the block itself;
/// with several `attempts` it keeps the one that it finds likeliest as a whole.
///
/// # Panics
///
/// Unless `0 < len < length`, or as [`VmdModel::write_likeliest`].
pub fn infill_spans<D: TrainableDenoiser>(
    model: &VmdModel<D>,
    sampler: &Sampler,
    judge: &NgramJudge,
    (texts, length): (&[u32], usize),
    (len, attempts): (usize, usize),
    seed: u64,
) -> SpanScore {
    assert!(0 < len && len < length, "a span lies between two ends");
    let span: Range<usize> = (length - len) / 2..(length - len) / 2 + len;
    let mut template = texts.to_vec();
    for text in template.chunks_exact_mut(length) {
        text[span.clone()].fill(model.config().mask_token());
    }
    let n = texts.len() / length;
    let writing = Writing { template: &template, texts: n, stop: None, seed };
    let filled = match attempts {
        1 => model.write(sampler, writing, &mut ()).tokens,
        _ => model.write_likeliest(sampler, writing, attempts).tokens,
    };
    let pairs: Vec<Pair<'_>> = texts
        .chunks_exact(length)
        .zip(filled.chunks_exact(length))
        .map(|(text, filled)| Pair { text, filled })
        .collect();
    let mean = |f: &dyn Fn(&Pair<'_>) -> f64| mean_interval(&pairs.iter().map(f).collect::<Vec<_>>());
    let same = |pair: &Pair<'_>| {
        let both = pair.text[span.clone()].iter().zip(&pair.filled[span.clone()]);
        both.filter(|(a, b)| a == b).count() as f64 / len as f64
    };
    SpanScore {
        exact: wilson_interval(pairs.iter().filter(|pair| same(pair) == 1.0).count(), n),
        tokens: mean(&same),
        bleu: mean(&|pair| bleu(&pair.filled[span.clone()], &[&pair.text[span.clone()]], 4)),
        judge_nll: mean(&|pair| judge.span_nll(pair.filled, span.clone()) / len as f64),
        judge_nll_original: mean(&|pair| judge.span_nll(pair.text, span.clone()) / len as f64),
    }
}

/// A text as it was, and with its span filled in.
struct Pair<'a> {
    text: &'a [u32],
    filled: &'a [u32],
}
