//! Infilling of text spans.

use std::ops::Range;

use vmd_eval::text::{NgramJudge, bleu};
use vmd_eval::{Figure, mean_interval, wilson_interval};
use vmd_model::{TrainableDenoiser, VmdModel, Writing};
use vmd_sampler::Sampler;

/// Quality of filled spans.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpanScore {
    /// Share of spans that equal the original.
    pub exact: Figure,
    /// Share of tokens that equal the original.
    pub tokens: Figure,
    /// Mean BLEU against the original span, up to 4-grams.
    pub bleu: Figure,
    /// Judge NLL of the span and of the following tokens in whose context it is, in nats per token
    /// of the span.
    pub judge_nll: Figure,
    /// Judge NLL of the original span.
    pub judge_nll_original: Figure,
}

/// Masks the middle `len` tokens of each of `texts` (`[n, length]`), fills them with `model`, and
/// compares with the original.
///
/// A bidirectional model conditions on both sides. A causal one conditions on the text before each
/// block and the given tokens of the block. With several `attempts` it keeps the one with the
/// highest likelihood of the whole text.
///
/// # Panics
///
/// Unless `0 < len < length`, or as in [`VmdModel::write_likeliest`].
pub fn infill_spans<D: TrainableDenoiser>(
    model: &VmdModel<D>,
    sampler: &Sampler,
    judge: &NgramJudge,
    (texts, length): (&[u32], usize),
    (len, attempts): (usize, usize),
    seed: u64,
) -> SpanScore {
    assert!(0 < len && len < length, "0 < len < length");
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

/// An original text and its filled version.
struct Pair<'a> {
    text: &'a [u32],
    filled: &'a [u32],
}
