//! The terms of the loss.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use crate::common::{CATEGORICAL, config, fresh, log_softmax, steps, trained};
use burn::tensor::{Device, Tensor};
use vmd_core::{Purpose, Validate, keyed_rng};
use vmd_latent::{LatentFamily, PriorKind};
use vmd_model::{
    Budgets, LatentSource, LossOptions, ObjectiveConfig, TrainedLoops, TrainingBatch, VmdModel,
    estimate_bounds, loss,
};
use vmd_nn::{Loops, load_parameters, named_parameters};
use vmd_process::{NoiseSchedule, kl_multiplier};
use vmd_sampler::{Predictor, Query, Scope};

const VOCAB: usize = 5;
const SEQ: usize = 4;

fn n_masked(xt: &[u32]) -> usize {
    xt.iter().filter(|&&token| token == VOCAB as u32).count()
}

fn tokens(rows: usize) -> Vec<u32> {
    (0..rows * SEQ).map(|i| (i * i % VOCAB) as u32).collect()
}

fn scalar(tensor: &Tensor<1>) -> f64 {
    f64::from(tensor.clone().into_scalar::<f32>())
}

#[test]
fn at_one_step_the_loss_is_the_log_likelihood_of_independent_tokens() {
    let model = trained(&config(VOCAB, SEQ, Scope::Block, None), 1);
    let batch = TrainingBatch::draw(tokens(8), &model, &steps(1), 3, 0);
    assert!(batch.xt.iter().all(|&token| token == VOCAB as u32));
    assert!(batch.t.iter().all(|&t| t == 1.0) && batch.recon_weight.iter().all(|&w| w == 1.0));
    let prediction = model.predict(Query { xt: &batch.xt, t: &batch.t, z: &[], budget: 1, rows: &[] });
    let logits = prediction.logits;
    let by_hand: f64 = logits
        .chunks_exact(VOCAB)
        .zip(&batch.x0)
        .map(|(logits, &token)| -log_softmax(logits)[token as usize])
        .sum::<f64>()
        / 8.0;
    let parts = loss(&model, &batch, LossOptions::BOUND, &Device::flex());
    // f32 sums of 32 terms of order 1.
    assert!((scalar(&parts.recon) - by_hand).abs() < 1e-4, "{} {by_hand}", scalar(&parts.recon));
    assert!(parts.kl.is_none() && parts.z.is_none() && parts.posterior.is_none());
    assert_eq!(scalar(&parts.total), scalar(&parts.recon));
    // Differs from the loss of a uniform prediction.
    assert!((by_hand - SEQ as f64 * (VOCAB as f64).ln()).abs() > 0.05);
}

#[test]
fn only_masked_tokens_count_and_rows_are_weighted() {
    let model = trained(&config(VOCAB, SEQ, Scope::Block, None), 1);
    let mut batch = TrainingBatch::draw(tokens(2), &model, &steps(1), 3, 0);
    let mask = VOCAB as u32;
    batch.xt = vec![mask, batch.x0[1], mask, batch.x0[3], batch.x0[4], batch.x0[5], batch.x0[6], mask];
    batch.loss_mask = batch.xt.iter().map(|&token| u32::from(token == mask)).collect();
    batch.recon_weight = vec![0.25, 3.0];
    let prediction = model.predict(Query { xt: &batch.xt, t: &batch.t, z: &[], budget: 1, rows: &[] });
    let logits = prediction.logits;
    let nll = |i: usize| -log_softmax(&logits[i * VOCAB..(i + 1) * VOCAB])[batch.x0[i] as usize];
    let by_hand = (0.25 * (nll(0) + nll(2)) + 3.0 * nll(7)) / 2.0;
    let parts = loss(&model, &batch, LossOptions::BOUND, &Device::flex());
    assert!((scalar(&parts.recon) - by_hand).abs() < 1e-5, "{} {by_hand}", scalar(&parts.recon));
}

#[test]
fn an_untrained_network_owes_the_logarithm_of_the_vocabulary() {
    let expected = SEQ as f64 * (VOCAB as f64).ln();
    for family in [None, Some(CATEGORICAL), Some(LatentFamily::Gaussian { dim: 2 })] {
        let model = fresh(&config(VOCAB, SEQ, Scope::Block, family));
        // Chunks of 3, 3 and 1 rows: all rows have the same weight.
        let estimate = estimate_bounds(&model, &steps(1), &tokens(7), 3, 5, &Device::flex())[0];
        // A few ulps of f32 at 6.
        assert!((estimate.recon - expected).abs() < 5e-6, "{estimate:?}");
        assert_eq!(estimate.bound, estimate.recon + estimate.kl);
        assert_eq!(estimate.latent_gain.is_some(), family.is_some());
        assert_eq!(estimate.health.is_some(), family.is_some());
        // The zero-initialised head ignores the latent. Without a latent there is no collapse.
        assert_eq!(estimate.is_collapsed(), family.is_some());
        assert_eq!(estimate.kl > 0.0, family.is_some());
    }
}

#[test]
fn every_row_counts_the_same_however_the_rows_are_chunked() {
    let model = trained(&config(VOCAB, SEQ, Scope::Block, None), 1);
    // In one step without a latent nothing is random.
    let recon =
        |batch_rows| estimate_bounds(&model, &steps(1), &tokens(7), batch_rows, 5, &Device::flex())[0].recon;
    for batch_rows in [1, 3, 100] {
        // f32 means of values of order 6.
        assert!((recon(batch_rows) - recon(7)).abs() < 1e-5, "{batch_rows}");
    }
}

#[test]
fn the_health_of_a_latent_goes_with_the_bound() {
    let device = Device::flex();
    let mut config = config(VOCAB, SEQ, Scope::Block, Some(CATEGORICAL));
    for kind in [PriorKind::Standard {}, PriorKind::Independent {}, PriorKind::Autoregressive { hidden: 0 }] {
        config.latent.as_mut().unwrap().prior = kind;
        let estimate = estimate_bounds(&trained(&config, 1), &steps(1), &tokens(64), 64, 5, &device)[0];
        let health = estimate.health.unwrap();
        assert!((health.kl - estimate.kl).abs() < 1e-6 && health.kl > 0.01, "{estimate:?}");
        assert_eq!(health.n_units, 2);
        // At most the KL, up to the noise of 64 draws.
        assert!(health.mutual_information < health.kl + 0.2, "{health:?}");
    }
}

#[test]
fn every_step_is_drawn_equally_often() {
    const ROWS: usize = 4000;
    let model = fresh(&config(VOCAB, SEQ, Scope::Block, None));
    let batch = TrainingBatch::draw(tokens(ROWS), &model, &steps(4), 1, 0);
    let full = batch.t.iter().filter(|&&t| t == 1.0).count() as f64 / ROWS as f64;
    // Five standard errors.
    assert!((full - 0.25).abs() < 5.0 * (0.25_f64 * 0.75 / ROWS as f64).sqrt(), "{full}");
}

#[test]
fn the_kl_of_a_sequence_is_paid_once() {
    let model = trained(&config(VOCAB, SEQ, Scope::Block, Some(CATEGORICAL)), 1);
    for objective in [steps(1), steps(4), ObjectiveConfig::default()] {
        let batch = TrainingBatch::draw(tokens(16), &model, &objective, 1, 0);
        assert!(batch.kl_factor.iter().all(|&factor| factor == 1.0));
    }
}

#[test]
fn the_kl_of_a_step_follows_the_multiplier() {
    const T: usize = 4;
    let model = trained(&config(VOCAB, SEQ, Scope::Step, Some(CATEGORICAL)), 1);
    let draw = |steps: Option<usize>| {
        let steps = steps.map(Budgets::One);
        let objective = ObjectiveConfig { steps, ..ObjectiveConfig::default() };
        TrainingBatch::draw(tokens(64), &model, &objective, 1, 0)
    };
    let budget = draw(Some(T));
    let mut above_one = 0;
    for (row, xt) in budget.xt.chunks_exact(SEQ).enumerate() {
        // Linear schedule, uniform grid: t = k/T and r = 1/k, with probability 1/T each.
        let (k, n) = ((budget.t[row] * T as f64).round(), n_masked(xt));
        let weight = T as f64 / k;
        let close = |a: f64, b: f64| (a - b).abs() < 1e-9;
        assert!(close(budget.recon_weight[row], weight));
        assert!(close(budget.kl_factor[row], weight * kl_multiplier(n, 1.0 / k)));
        above_one += usize::from(budget.kl_factor[row] > weight + 1e-9);
    }
    assert!(above_one > 10, "hardly any multiplier is above 1: {above_one}");

    // In continuous time the factor is the weight times the number of masked tokens.
    let continuous = draw(None);
    for (row, xt) in continuous.xt.chunks_exact(SEQ).enumerate() {
        let weight = NoiseSchedule::default().elbo_weight(continuous.t[row]);
        let n = n_masked(xt) as f64;
        assert!((continuous.kl_factor[row] - weight * n).abs() <= 1e-9 * weight);
    }
    // One step reveals everything.
    assert!(draw(Some(1)).kl_factor.iter().all(|&factor| factor == 1.0));
}

#[test]
fn the_kl_weight_enters_the_total_only() {
    let device = Device::flex();
    let model = trained(&config(VOCAB, SEQ, Scope::Block, Some(CATEGORICAL)), 1);
    let mut batch = TrainingBatch::draw(tokens(4), &model, &steps(1), 1, 0);
    let at = |batch: &TrainingBatch, kl_weight| {
        let options = LossOptions { kl_weight, ..LossOptions::BOUND };
        let parts = loss(&model, batch, options, &device);
        (scalar(&parts.total), scalar(&parts.recon), scalar(parts.kl.as_ref().unwrap()))
    };
    let (total, recon, kl) = at(&batch, 1.0);
    assert!(kl > 0.01);
    // f32 rounding of values of order 10.
    let close = |a: f64, b: f64| (a - b).abs() < 1e-5;
    assert!(close(total, recon + kl));
    let (total, same_recon, same_kl) = at(&batch, 0.25);
    assert!(close(total, recon + 0.25 * kl) && same_recon == recon && same_kl == kl);
    batch.kl_factor.iter_mut().for_each(|factor| *factor *= 3.0);
    assert!(close(at(&batch, 1.0).2, 3.0 * kl));
}

#[test]
fn the_latent_comes_from_where_it_is_said_to() {
    let model = trained(&config(VOCAB, SEQ, Scope::Block, Some(LatentFamily::Gaussian { dim: 3 })), 1);
    let device = Device::flex();
    let batch = TrainingBatch::draw(tokens(4), &model, &steps(1), 1, 0);
    let z = |latent_source| {
        let options = LossOptions { latent_source, ..LossOptions::BOUND };
        let z = loss(&model, &batch, options, &device).z.unwrap();
        assert_eq!(z.dims(), [4, 1, 3]);
        z.into_data().iter::<f32>().collect::<Vec<_>>()
    };
    assert_eq!(z(LatentSource::Prior), batch.prior_draws(&model));
    let drawn = z(LatentSource::Posterior);
    assert_ne!(drawn, batch.prior_draws(&model));
    assert_ne!(drawn, batch.latent_noise);
}

#[test]
fn a_batch_is_a_function_of_seed_and_step() {
    let model = fresh(&config(VOCAB, SEQ, Scope::Step, Some(CATEGORICAL)));
    let draw = |seed, step| TrainingBatch::draw(tokens(8), &model, &steps(4), seed, step);
    let batch = draw(1, 2);
    assert_eq!((batch.rows(), batch.seq), (8, SEQ));
    assert_eq!(batch, draw(1, 2));
    assert_ne!(batch.xt, draw(1, 3).xt);
    assert_ne!(batch.latent_noise, draw(2, 2).latent_noise);
    let kept = |(token, x0): (&u32, &u32)| token == x0 || *token == VOCAB as u32;
    assert!(batch.xt.iter().zip(&batch.x0).all(kept));
}

#[test]
fn objectives_with_problems_are_refused_in_words() {
    assert!(ObjectiveConfig::default().problems(()).is_empty());
    let problems = |steps: Option<usize>, clue_share| {
        let steps = steps.map(Budgets::One);
        ObjectiveConfig { steps, clue_share, ..ObjectiveConfig::default() }.problems(())
    };
    assert_eq!(problems(Some(0), 1.5).len(), 2);
    assert_eq!(problems(None, f64::NAN).len(), 1);
    assert!(problems(Some(2), 1.0).is_empty());
}

#[test]
#[should_panic(expected = "clean tokens are below")]
fn clean_tokens_hold_no_mask() {
    let model = fresh(&config(VOCAB, SEQ, Scope::Block, None));
    TrainingBatch::draw(vec![VOCAB as u32; SEQ], &model, &steps(1), 1, 0);
}

#[test]
fn earlier_loops_count_with_their_share() {
    let mut config = config(VOCAB, SEQ, Scope::Block, None);
    config.set_loops(3);
    let device = Device::flex().autodiff();
    let model = VmdModel::new(&config, keyed_rng(1, 0, Purpose::Init), &device).unwrap();
    let model = load_parameters(model, named_parameters(&trained(&config, 1))).unwrap();
    let batch = TrainingBatch::draw(tokens(8), &model, &steps(2), 3, 0);
    let of = |loops| loss(&model, &batch, LossOptions { loops, ..LossOptions::BOUND }, &device);
    let trained = |run, tracked, early_share| {
        let parts = of(Some(TrainedLoops { loops: Loops { run, tracked }, early_share }));
        (scalar(&parts.recon), scalar(&parts.total))
    };
    let whole = scalar(&of(None).recon);
    let after = [1, 2, 3].map(|run| trained(run, 1, 0.5).0);
    assert!((after[2] - whole).abs() < 1e-4 && (after[0] - whole).abs() > 1e-2, "{after:?} {whole}");
    for (tracked, early) in [(1, after[2]), (2, after[1]), (3, (after[0] + after[1]) / 2.0)] {
        let (recon, total) = trained(3, tracked, 0.25);
        assert!(
            (recon - whole).abs() < 1e-4 && (total - (0.75 * whole + 0.25 * early)).abs() < 1e-4,
            "{tracked}"
        );
    }
}
