//! Compares one model on the CPU backend `flex` with the device that the program was built for.
//!
//! `VMD_TEST_DEVICE` selects a graphics device: `cpu` (the default, a software implementation) or
//! `gpu`. Without such a device the tests are skipped with a message.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor};
use vmd::core::{DataSource, Purpose, index_below, keyed_rng};
use vmd::model::{Conditioned, LossOptions, ModelConfig, ObjectiveConfig, TrainingBatch, VmdModel, loss};
use vmd::nn::{Activation, PositionEncoding, load_parameters, named_gradients, named_parameters};
use vmd::sampler::{Predictor, Query};
use vmd::train::{MetricRecord, TrainConfig, Trainer, TrainerParts};

/// Relative to the largest magnitude of a tensor: single precision, sums in another order.
const TOLERANCE: f64 = 2e-5;
/// For gradients, which pass through every layer twice.
const GRADIENT_TOLERANCE: f64 = 2e-4;

fn other_device() -> Option<Device> {
    #[cfg(feature = "cuda")]
    let device = Device::cuda(0);
    #[cfg(not(feature = "cuda"))]
    let device = {
        use burn::tensor::DeviceKind;
        let gpu = std::env::var("VMD_TEST_DEVICE").is_ok_and(|name| name == "gpu");
        Device::wgpu(if gpu { DeviceKind::DefaultDevice } else { DeviceKind::Cpu })
    };
    let probe = || Tensor::<1>::from_data([2.0f32], &device).into_data();
    let works = std::panic::catch_unwind(std::panic::AssertUnwindSafe(probe)).is_ok();
    if !works {
        println!("SKIPPED: the device this suite was built for is not on this machine");
    }
    works.then_some(device)
}

/// Models of presets, narrow: heads along edges with a Gaussian latent, dense heads with a
/// categorical one, dense heads with positions, GELU and a Gaussian latent, and a causal one of
/// text.
fn models() -> [ModelConfig; 4] {
    let sudoku = preset(vmd::presets::text("sudoku").unwrap(), 9, 81);
    let mut dense = sudoku.clone();
    dense.graph = None;
    dense.denoiser.trunk.edge_heads.clear();
    dense.denoiser.trunk.position = PositionEncoding::Learned;
    dense.denoiser.trunk.activation = Activation::Gelu;
    let mut text = preset(vmd::presets::text("text-vmd-4").unwrap(), 27, 32);
    text.blocks = 8;
    [sudoku, preset(vmd::presets::text("d2").unwrap(), 10, 4), dense, text]
}

fn preset(text: &str, vocab: i64, seq_len: i64) -> ModelConfig {
    let mut preset = text.parse::<toml::Table>().unwrap();
    let model = preset["model"].as_table_mut().unwrap();
    model.insert("vocab".into(), vocab.into());
    model.insert("seq_len".into(), seq_len.into());
    let mut model: ModelConfig = preset["model"].clone().try_into().unwrap();
    (model.denoiser.trunk.width, model.denoiser.trunk.loops) = (32, 2);
    model
}

/// Random tokens.
struct Tokens {
    seq: usize,
    vocab: usize,
}

impl DataSource for Tokens {
    fn seq_len(&self) -> usize {
        self.seq
    }

    fn vocab(&self) -> usize {
        self.vocab
    }

    fn fill(&self, index: u64, tokens: &mut [u32]) {
        let mut rng = keyed_rng(1, index, Purpose::Data);
        // Few distinct examples, so that there is something to learn.
        tokens.iter_mut().for_each(|token| *token = index_below(&mut rng, self.vocab.min(3)) as u32);
    }
}

/// Values by name.
type Values = BTreeMap<String, Vec<f64>>;

/// Logits, terms of the loss, and gradients.
fn evaluate(config: &ModelConfig, device: &Device) -> [Values; 3] {
    let autodiff = device.clone().autodiff();
    let model = |device: &Device| VmdModel::new(config, keyed_rng(1, 0, Purpose::Init), device).unwrap();
    // Add noise: layers that are initialised to zero would hide most differences.
    let shaken = named_parameters(&model(&Device::flex()))
        .into_iter()
        .enumerate()
        .map(|(index, (name, data))| {
            let mut rng = keyed_rng(2, index as u64, Purpose::Init);
            let values: Vec<f32> =
                data.iter::<f32>().map(|x| x + 0.1 * (vmd::core::uniform(&mut rng) as f32 - 0.5)).collect();
            (name, burn::tensor::TensorData::new(values, data.shape().to_vec()))
        })
        .collect();
    let model = load_parameters(model(&autodiff), shaken).unwrap();
    let tokens = Tokens { seq: config.seq_len, vocab: config.vocab };
    let mut x0 = vec![0; 4 * config.seq_len];
    tokens.fill(0, &mut x0);
    let batch = TrainingBatch::draw(x0, &model, &ObjectiveConfig::default(), 1, 0);
    let parts = loss(&model, &batch, LossOptions::BOUND, &autodiff);
    let host = |x: &Tensor<1>| x.to_data().iter::<f64>().collect::<Vec<f64>>();
    let mut values =
        Values::from([("total".to_string(), host(&parts.total)), ("recon".into(), host(&parts.recon))]);
    let rows = batch.rows();
    let z =
        parts.z.clone().map_or_else(Vec::new, |z| z.narrow(0, 0, rows).into_data().iter::<f32>().collect());
    let answer = Conditioned::each_block(&model, &batch.x0).predict(Query {
        xt: &batch.xt,
        t: &vec![0.3; rows],
        z: &z,
        budget: 2,
        rows: &[],
    });
    let logits =
        Values::from([("logits".to_string(), answer.logits.iter().map(|&x| f64::from(x)).collect())]);
    values.extend(parts.kl.as_ref().map(|kl| ("kl".to_string(), host(kl))));
    let gradients = named_gradients(&model, &parts.total.backward()).into_iter();
    let gradients = gradients.map(|(name, g)| (name, g.into_data().iter::<f64>().collect()));
    [logits, values, gradients.collect()]
}

fn compare(what: &str, ours: &Values, theirs: &Values, tolerance: f64) -> f64 {
    assert!(!ours.is_empty() && ours.keys().eq(theirs.keys()), "{what}: the same names");
    let size = ours.values().flatten().fold(0.0f64, |size, x| size.max(x.abs()));
    let mut worst = 0.0f64;
    for (name, ours) in ours {
        assert_eq!(ours.len(), theirs[name].len(), "{what}: {name}");
        for (a, b) in ours.iter().zip(&theirs[name]) {
            assert!((a - b).abs() <= tolerance * size, "{what}: {name}: {a} against {b} of {size}");
            worst = worst.max((a - b).abs() / size);
        }
    }
    worst
}

#[test]
fn logits_losses_and_gradients_are_the_same() {
    let Some(device) = other_device() else { return };
    for (index, config) in models().iter().enumerate() {
        let (ours, theirs) = (evaluate(config, &Device::flex()), evaluate(config, &device));
        let logits = compare("logits", &ours[0], &theirs[0], TOLERANCE);
        let loss = compare("losses", &ours[1], &theirs[1], TOLERANCE);
        let gradient = compare("gradients", &ours[2], &theirs[2], GRADIENT_TOLERANCE);
        println!(
            "model {index}: logits differ by {logits:.1e}, losses by {loss:.1e}, {} gradients by {gradient:.1e}",
            ours[2].len()
        );
    }
}

#[test]
fn fifty_steps_stay_together() {
    let Some(device) = other_device() else { return };
    let [model, ..] = models();
    let train: TrainConfig =
        toml::from_str("steps = 50\nbatch_size = 8\nwarmup_steps = 5\nlearning_rate = 0.001").unwrap();
    let objective = ObjectiveConfig::default();
    let run = |device: &Device| -> Vec<f64> {
        let parts = TrainerParts { model: &model, objective: &objective, train: &train, seed: 1, device };
        let mut trainer = Trainer::new(parts).unwrap();
        let tokens = Tokens { seq: 81, vocab: 9 };
        (0..train.steps)
            .map(|_| match trainer.train_step(&tokens).unwrap() {
                MetricRecord::Train { recon, .. } => recon,
                other => panic!("{other:?}"),
            })
            .collect()
    };
    let (ours, theirs) = (run(&Device::flex()), run(&device));
    let worst = ours.iter().zip(&theirs).map(|(a, b)| ((a - b) / a).abs()).fold(0.0, f64::max);
    println!("50 steps: from {:.3} to {:.3} nats, apart by {worst:.1e} at most", ours[0], ours[49]);
    assert!(ours[49] < 0.9 * ours[0], "something was learned");
    assert!(worst < 1e-4, "{worst}");
}
