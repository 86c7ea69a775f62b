//! Causal models: attention masks, and cached against uncached evaluation.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use crate::common::{config, steps, trained};
use burn::tensor::{Device, Tensor};
use vmd_core::{Purpose, Validate, index_below, keyed_rng};
use vmd_denoiser::ParentsConfig;
use vmd_graph::GraphSpec;
use vmd_latent::{LatentFamily, LatentStructure, PriorKind};
use vmd_model::{Conditioned, LossOptions, ModelConfig, Session, TrainingBatch, VmdModel, Writing, loss};
use vmd_nn::PositionEncoding;
use vmd_sampler::{Observer, Prediction, Predictor, Query, RevealRule, Sampler, SamplerConfig, Scope};

const VOCAB: usize = 7;
const LEN: usize = 3;
const BLOCKS: usize = 5;
const MASK: u32 = VOCAB as u32;

fn causal(window: Option<usize>) -> ModelConfig {
    let family = LatentFamily::Categorical { n_groups: 2, n_classes: 3, gradient: Default::default() };
    let mut config = config(VOCAB, LEN * BLOCKS, Scope::Block, Some(family));
    (config.blocks, config.window) = (BLOCKS, window);
    config.denoiser.trunk.position = PositionEncoding::Rotary;
    config.denoiser.trunk.layers = 2;
    if let Some(latent) = &mut config.latent {
        (latent.prior, latent.sees_past) = (PriorKind::Autoregressive { hidden: 4 }, true);
    }
    config
}

fn text(seed: u64, n: usize) -> Vec<u32> {
    let mut rng = keyed_rng(seed, 0, Purpose::Data);
    (0..n).map(|_| index_below(&mut rng, VOCAB) as u32).collect()
}

/// Masks every second token.
fn masked(text: &[u32]) -> Vec<u32> {
    text.iter().enumerate().map(|(i, &token)| if i % 2 == 0 { MASK } else { token }).collect()
}

fn ask(model: &Conditioned<'_, vmd_model::Network>, xt: &[u32]) -> Prediction {
    let rows = xt.len() / LEN;
    let z = [1.0, 0.0, 0.0, 0.0, 0.0, 1.0].repeat(rows);
    model.predict(Query { xt, t: &vec![0.5; rows], z: &z, budget: 2, rows: &[] })
}

fn largest(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).fold(0.0, |largest, (a, b)| (a - b).abs().max(largest))
}

/// Logits of a block, `[len, vocab]`.
fn block(logits: &[f32], index: usize) -> &[f32] {
    &logits[index * LEN * VOCAB..(index + 1) * LEN * VOCAB]
}

#[test]
fn a_block_sees_itself_and_the_clean_tokens_before_it() {
    let model = trained(&causal(None), 3);
    let clean = text(1, LEN * BLOCKS);
    let logits = |clean: &[u32], xt: &[u32]| ask(&Conditioned::each_block(&model, clean), xt).logits;
    let (xt, base) = (masked(&clean), logits(&clean, &masked(&clean)));
    for changed in 0..LEN * BLOCKS {
        let own = changed / LEN;
        // A token of the clean stream affects all later blocks.
        let mut other = clean.clone();
        other[changed] = (other[changed] + 1) % VOCAB as u32;
        let moved = logits(&other, &xt);
        for index in 0..BLOCKS {
            let difference = largest(block(&base, index), block(&moved, index));
            assert_eq!(difference > 1e-6, index > own, "clean token {changed}, block {index}: {difference}");
        }
        // A token of the masked stream affects its own block only.
        let mut other = xt.clone();
        other[changed] = if other[changed] == MASK { 0 } else { MASK };
        let moved = logits(&clean, &other);
        for index in 0..BLOCKS {
            let difference = largest(block(&base, index), block(&moved, index));
            assert_eq!(
                difference > 1e-6,
                index == own,
                "masked token {changed}, block {index}: {difference}"
            );
        }
    }
}

#[test]
fn what_was_read_before_answers_as_what_is_read_again() {
    for window in [None, Some(2 * LEN)] {
        let model = trained(&causal(window), 3);
        let texts: Vec<u32> = text(1, 2 * LEN * BLOCKS);
        let both: Vec<&[u32]> = texts.chunks_exact(LEN * BLOCKS).collect();
        let xt = masked(&texts);
        let whole = ask(&Conditioned::each_block(&model, &texts), &xt);
        let priors =
            Conditioned::each_block(&model, &texts).priors_given(&[], &[MASK].repeat(texts.len())).unwrap();
        let ones = vec![1; 2 * LEN * BLOCKS];
        let inferred =
            Conditioned::each_block(&model, &texts).posterior(&[], &texts, &ones).unwrap().to_host();
        let mut session = Session::new(&model);
        for index in 0..BLOCKS {
            let of_block = |values: &[u32]| -> Vec<u32> {
                values
                    .chunks_exact(LEN * BLOCKS)
                    .flat_map(|text| &text[index * LEN..][..LEN])
                    .copied()
                    .collect()
            };
            let next = session.next_block();
            let cached = ask(&next, &of_block(&xt));
            for (row, logits) in cached.logits.chunks_exact(LEN * VOCAB).enumerate() {
                let uncached = block(&whole.logits, row * BLOCKS + index);
                // The order of summation differs.
                assert!(largest(logits, uncached) < 2e-5, "block {index} of text {row}");
            }
            let z = [0.0, 1.0, 0.0, 0.0, 1.0, 0.0];
            for (row, prior) in next.priors_given(&[], &[MASK; 2 * LEN]).unwrap().iter().enumerate() {
                let (a, b) = (prior.log_density(&z), priors[row * BLOCKS + index].log_density(&z));
                assert!((a - b).abs() < 1e-4, "{a} and {b}");
            }
            let posterior = next.posterior(&[], &of_block(&texts), &ones[..2 * LEN]).unwrap().to_host();
            for row in 0..2 {
                let (a, b) = (posterior.log_density(row, &z), inferred.log_density(row * BLOCKS + index, &z));
                assert!((a - b).abs() < 1e-4, "posterior of block {index}: {a} and {b}");
            }
            session.append(&of_block(&texts), 2);
        }
        // Several blocks at once, and one text alone.
        let mut prompted = Session::new(&model);
        prompted.append(&both.iter().flat_map(|text| &text[..3 * LEN]).copied().collect::<Vec<_>>(), 2);
        prompted.keep(&[1]);
        let xt = &xt[LEN * BLOCKS..][3 * LEN..4 * LEN];
        assert!(largest(&ask(&prompted.next_block(), xt).logits, block(&whole.logits, BLOCKS + 3)) < 2e-5);
    }
}

#[test]
fn a_window_hides_what_lies_before_it() {
    let mut config = causal(Some(LEN));
    config.denoiser.trunk.layers = 1;
    let model = trained(&config, 3);
    let clean = text(1, LEN * BLOCKS);
    let logits =
        |clean: &[u32]| ask(&Conditioned::each_block(&model, clean), &masked(&text(1, LEN * BLOCKS))).logits;
    let mut other = clean.clone();
    other[0] = (other[0] + 1) % VOCAB as u32;
    let (base, moved) = (logits(&clean), logits(&other));
    let differences: Vec<bool> =
        (0..BLOCKS).map(|index| largest(block(&base, index), block(&moved, index)) > 1e-6).collect();
    // With one layer, only the next block depends on the token. The latent is fixed.
    assert_eq!(differences, [false, true, false, false, false]);
}

#[test]
fn the_loss_of_all_blocks_is_the_sum_of_their_own() {
    // Fully masked, in one step and without a latent, so nothing is random.
    let mut config = causal(None);
    config.latent = None;
    let (model, texts) = (trained(&config, 3), text(1, 2 * LEN * BLOCKS));
    let batch = TrainingBatch::draw(texts.clone(), &model, &steps(1), 1, 0);
    let parts = loss(&model, &batch, LossOptions::BOUND, &Device::flex());
    let mut expected = 0.0;
    for text in texts.chunks_exact(LEN * BLOCKS) {
        let mut session = Session::new(&model);
        for tokens in text.chunks_exact(LEN) {
            let query = Query { xt: &[MASK; LEN], t: &[1.0], z: &[], budget: 1, rows: &[] };
            let logits = session.next_block().predict(query).logits;
            for (logits, &token) in logits.chunks_exact(VOCAB).zip(tokens) {
                expected -= crate::common::log_softmax(logits)[token as usize] / 2.0;
            }
            session.append(tokens, 1);
        }
    }
    let recon = f64::from(parts.recon.into_scalar::<f32>());
    assert!((recon - expected).abs() < 1e-4 * expected, "{recon}, not {expected}");
}

#[test]
fn gradients_reach_the_clean_stream_and_the_prior() {
    use burn::module::{Module, ModuleVisitor, Param};
    struct Missing<'a>(&'a burn::tensor::Gradients, usize);
    impl ModuleVisitor for Missing<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let gradient = param.val().grad(self.0).map(|gradient| gradient.abs().max().into_scalar::<f32>());
            self.1 += usize::from(gradient.is_none_or(|largest| largest == 0.0));
        }
    }
    let device = Device::flex().autodiff();
    let plain = trained(&causal(None), 3);
    let model = VmdModel::new(plain.config(), keyed_rng(1, 0, Purpose::Init), &device).unwrap();
    let model = vmd_nn::load_parameters(model, vmd_nn::named_parameters(&plain)).unwrap();
    let batch = TrainingBatch::draw(text(1, 4 * LEN * BLOCKS), &model, &steps(2), 1, 0);
    let gradients = loss(&model, &batch, LossOptions::BOUND, &device).total.backward();
    let mut missing = Missing(&gradients, 0);
    model.visit(&mut missing);
    assert_eq!(missing.1, 0, "parameters without a gradient");
}

fn sampler(nfe: usize, reveal: RevealRule) -> Sampler {
    Sampler::new(SamplerConfig { nfe, reveal, ..SamplerConfig::default() })
}

/// Counts blocks, and checks that each text has that many.
struct Blocks(usize);

impl Observer for Blocks {
    fn on_block(&mut self, texts: &[Vec<u32>]) {
        self.0 += 1;
        assert!(texts.iter().all(|text| text.len() == self.0 * LEN));
    }
}

#[test]
fn writing_keeps_what_is_given_and_each_text_its_own_stream() {
    let model = trained(&causal(None), 3);
    // Longer than in training, and not a multiple of the block length.
    let length = 2 * LEN * BLOCKS + 1;
    let mut template = vec![MASK; 3 * length];
    template[..4].copy_from_slice(&[1, 2, 3, 4]);
    template[2 * length + 20] = 5;
    for reveal in [RevealRule::Ancestral, RevealRule::TopProb] {
        let writing = Writing { template: &template, texts: 3, stop: None, seed: 5 };
        let mut counter = Blocks(0);
        let output = model.write(&sampler(2, reveal), writing, &mut counter);
        let blocks = counter.0;
        assert_eq!((blocks, output.tokens.len()), (length.div_ceil(LEN), 3 * length));
        assert!(output.tokens.iter().all(|&token| token < MASK));
        assert_eq!((&output.tokens[..4], output.tokens[2 * length + 20]), (&[1, 2, 3, 4][..], 5));
        // The first block of the first text is given.
        assert!(output.nfe[0] <= 2 * (blocks - 1) && output.nfe[1] <= 2 * blocks);
        let (again, alone) = (
            model.write(&sampler(2, reveal), writing, &mut ()),
            model.write(
                &sampler(2, reveal),
                Writing { template: &template[..length], texts: 1, ..writing },
                &mut (),
            ),
        );
        assert_eq!(again, output);
        assert_eq!(alone.tokens, output.tokens[..length]);
    }
}

#[test]
fn a_text_ends_with_its_stop_and_the_others_go_on() {
    let model = trained(&causal(None), 3);
    let length = LEN * BLOCKS;
    let free = Writing { template: &vec![MASK; 6 * length], texts: 6, stop: None, seed: 1 };
    let whole = model.write(&sampler(1, RevealRule::Ancestral), free, &mut ()).tokens;
    let stopped = model.write(&sampler(1, RevealRule::Ancestral), Writing { stop: Some(2), ..free }, &mut ());
    let mut early = 0;
    for ((whole, stopped), nfe) in
        whole.chunks_exact(length).zip(stopped.tokens.chunks_exact(length)).zip(&stopped.nfe)
    {
        let end = whole.iter().position(|&token| token == 2).unwrap_or(length);
        assert_eq!(stopped[..end], whole[..end]);
        assert!(stopped[end..].iter().all(|&token| token == 2));
        assert_eq!(*nfe, (end / LEN + 1).min(BLOCKS));
        early += usize::from(*nfe < BLOCKS);
    }
    assert!((1..6).contains(&early), "{early} of 6 texts end early");
}

#[test]
fn tokens_of_a_block_may_have_parents() {
    let mut config = causal(None);
    config.graph = Some(GraphSpec::Chain { n: LEN });
    config.denoiser.parents = Some(ParentsConfig { order: Default::default(), reach: 2 });
    let model = trained(&config, 3);
    let template = vec![MASK; 2 * LEN * BLOCKS];
    let output = model.write(
        &sampler(1, RevealRule::Ancestral),
        Writing { template: &template, texts: 2, stop: None, seed: 1 },
        &mut (),
    );
    assert!(output.tokens.iter().all(|&token| token < MASK));
    let batch = TrainingBatch::draw(output.tokens, &model, &steps(1), 1, 0);
    assert!(loss(&model, &batch, LossOptions::BOUND, &Device::flex()).total.into_scalar::<f32>().is_finite());
}

#[test]
fn impossible_settings_are_named() {
    let said = |change: fn(&mut ModelConfig)| {
        let mut config = causal(None);
        change(&mut config);
        config.problems(()).iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(said(|_| ()), "");
    for (change, word) in [
        ((|config| config.blocks = 1) as fn(&mut ModelConfig), "blocks to 2 or more"),
        (|config| config.blocks = 4, "does not divide"),
        (|config| config.denoiser.trunk.position = PositionEncoding::Learned, "rotary"),
        (|config| config.window = Some(4), "multiple of the 3 tokens"),
        (|config| config.graph = Some(GraphSpec::Chain { n: 15 }), "blocks have 3 tokens"),
        (|config| config.denoiser.trunk.edge_heads = vec!["next".into()], "edge_heads"),
    ] {
        assert!(said(change).contains(word), "{word}: {}", said(change));
    }
}

#[test]
fn tokens_latents_fit_a_prompt_that_ends_within_a_block() {
    let mut config = causal(None);
    let latent = config.latent.as_mut().unwrap();
    (latent.structure, latent.prior) = (LatentStructure::PerToken, PriorKind::Recurrent { hidden: 4 });
    let model = trained(&config, 3);
    let mut template = text(1, 3 * LEN * BLOCKS);
    // The prompt of the first text ends within a block, that of the second at the end of one; the
    // third has no prompt.
    template[LEN + 1..LEN * BLOCKS].fill(MASK);
    template[LEN * BLOCKS + LEN..].fill(MASK);
    let counted = model.nfe_counter().evaluated();
    let writing = Writing { template: &template, texts: 3, stop: None, seed: 5 };
    let written = model.write(&sampler(1, RevealRule::Ancestral), writing, &mut ());
    assert_eq!(written.nfe, [BLOCKS, BLOCKS - 1, BLOCKS]);
    let counted = model.nfe_counter().evaluated() - counted;
    assert_eq!(counted, written.nfe.iter().sum::<usize>() as u64);
    assert!(template.iter().zip(&written.tokens).all(|(given, token)| *given == MASK || given == token));
}

#[test]
fn of_several_attempts_the_likeliest_is_kept() {
    let mut config = causal(None);
    config.latent = None;
    let model = trained(&config, 3);
    let mut template = text(1, 2 * LEN * BLOCKS);
    // A gap of four tokens in two blocks, with the rest given.
    for text in template.chunks_exact_mut(LEN * BLOCKS) {
        text[4..8].fill(MASK);
    }
    let sampler = sampler(1, RevealRule::Ancestral);
    let writing = Writing { template: &template, texts: 2, stop: None, seed: 5 };
    let nll = |tokens: &[u32]| {
        // One step and no latent, so nothing is random.
        let batch = TrainingBatch::draw(tokens.to_vec(), &model, &steps(1), 1, 0);
        f64::from(loss(&model, &batch, LossOptions::BOUND, &Device::flex()).recon.into_scalar::<f32>())
    };
    let (one, many) =
        (model.write_likeliest(&sampler, writing, 1), model.write_likeliest(&sampler, writing, 16));
    for (given, filled) in template.iter().zip(&many.tokens) {
        assert!(*given == MASK || given == filled);
    }
    for (one, many) in one.tokens.chunks_exact(LEN * BLOCKS).zip(many.tokens.chunks_exact(LEN * BLOCKS)) {
        assert!(nll(many) < nll(one) + 1e-3, "{} after {}", nll(many), nll(one));
    }
    assert_ne!(one.tokens, many.tokens);
    // Two blocks are generated, and all five are evaluated for the comparison.
    assert_eq!((one.nfe[0], many.nfe[0]), (2 + BLOCKS, 16 * (2 + BLOCKS)));
}

#[test]
fn attempts_are_compared_where_the_last_block_is_filled_in_part() {
    let mut whole = config(VOCAB, LEN * BLOCKS, Scope::Block, None);
    whole.denoiser.trunk.position = PositionEncoding::Rotary;
    let mut blocks = causal(None);
    blocks.latent = None;
    for config in [whole, blocks] {
        let model = trained(&config, 3);
        // A gap in the last block, of which the text has two tokens.
        let mut template = text(1, LEN + 2);
        template[LEN] = MASK;
        let writing = Writing { template: &template, texts: 1, stop: None, seed: 5 };
        let sampler = sampler(1, RevealRule::Ancestral);
        let one = model.write_likeliest(&sampler, writing, 1).tokens;
        let many = model.write_likeliest(&sampler, writing, 64).tokens;
        assert_ne!(one, many, "blocks: {}", config.blocks);
        assert!(template.iter().zip(&many).all(|(given, token)| *given == MASK || given == token));
    }
}
