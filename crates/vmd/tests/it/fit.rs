//! Training without files.

use burn::tensor::Device;
use vmd::latent::LatentConfig;
use vmd::model::{ModelConfig, ObjectiveConfig};
use vmd::nn::TrunkConfig;
use vmd::sampler::SamplerConfig;
use vmd::train::{MetricRecord, Observer, TrainConfig, TrainerParts};
use vmd::{VariationalMaskedDiffusion, fit, fit_observed};

fn rows() -> Vec<Vec<u32>> {
    (0..40).map(|i| (i..i + 4).map(|token| token % 10).collect()).collect()
}

fn config() -> ModelConfig {
    ModelConfig::new(10, 4)
        .with_denoiser(TrunkConfig::new(8, 1, 1))
        .with_latent(LatentConfig::categorical(2, 3))
}

struct Counted(usize, usize);

impl Observer for Counted {
    fn on_record(&mut self, record: &MetricRecord) {
        match record {
            MetricRecord::Train { .. } => self.0 += 1,
            MetricRecord::Validation { .. } => self.1 += 1,
        }
    }
}

#[test]
fn a_model_is_trained_saved_and_loaded() {
    let device = Device::flex();
    let (model, objective) = (config(), ObjectiveConfig::new([1, 2]));
    let train = TrainConfig::new(3).with_batch_size(4);
    let fitted = fit(&rows(), &model, &objective, &train, 1, &device).unwrap();
    let sampler = SamplerConfig::new(2);
    let samples = fitted.sample(5, &sampler, 7);
    assert!(samples.tokens.iter().all(|&token| token < 10) && samples.tokens.len() == 20);

    let folder = tempfile::tempdir().unwrap();
    fitted.save(folder.path()).unwrap();
    let loaded = VariationalMaskedDiffusion::from_dir(folder.path(), &device).unwrap();
    assert_eq!(loaded.sample(5, &sampler, 7), samples);

    let mut counted = Counted(0, 0);
    let parts =
        TrainerParts { model: &model, objective: &objective, train: &train, seed: 1, device: &device };
    let again = fit_observed(&rows(), parts, &mut counted, &false.into()).unwrap();
    assert_eq!(again.sample(5, &sampler, 7), samples);
    assert_eq!((counted.0, counted.1), (3, 2));
}

#[test]
fn rows_and_configurations_with_problems_are_refused() {
    let device = Device::flex();
    let message = |rows: &[Vec<u32>], model: &ModelConfig, steps: u64| {
        let error =
            fit(rows, model, &ObjectiveConfig::new(1), &TrainConfig::new(steps), 1, &device).unwrap_err();
        assert!(error.is_usage());
        error.to_string()
    };
    assert!(message(&rows(), &config(), 0).contains("train.steps: must be 1 or more"));
    let wide = ModelConfig { seq_len: 5, ..config() };
    assert!(message(&rows(), &wide, 1).contains("rows have 4 tokens"));
    assert!(message(&[vec![10; 4], vec![1; 4]], &config(), 1).contains("the token 10"));
}
