//! Measures against posterior collapse: large initial logits, a posterior that is held at first,
//! few steps.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use std::sync::atomic::AtomicBool;

use burn::tensor::Device;
use vmd_model::{BoundEstimate, ModelConfig, ObjectiveConfig};
use vmd_nn::named_parameters;
use vmd_tasks::synthetic::{SyntheticSet, SyntheticSource};
use vmd_train::{MetricRecord, Observer, Outcome, RunFolder, TrainConfig, Trainer, TrainerParts};

const SET: SyntheticSet = SyntheticSet::PairsUniform;

fn model(init_scale: f64) -> ModelConfig {
    let trunk = "width = 32\nlayers = 1\nheads = 2\n";
    toml::from_str(&format!(
        "vocab = 10\nseq_len = 2\n[denoiser.trunk]\n{trunk}[latent]\n\
         family = {{ kind = \"categorical\", n_groups = 2, n_classes = 8 }}\n\
         prior = {{ kind = \"autoregressive\", hidden = 16 }}\n\
         [latent.posterior]\ninit_scale = {init_scale:?}\n[latent.posterior.trunk]\n{trunk}"
    ))
    .unwrap()
}

fn objective(text: &str) -> ObjectiveConfig {
    toml::from_str(text).unwrap()
}

fn train(steps: u64) -> TrainConfig {
    toml::from_str(&format!(
        "steps = {steps}\nbatch_size = 64\nwarmup_steps = 20\nlearning_rate = 0.003\nema_decay = 0.9\n\
         validate_every = {steps}\nvalidation_examples = 256\ncheckpoint_every = 20"
    ))
    .unwrap()
}

/// Collects the records of a run.
#[derive(Default)]
struct Records(Vec<MetricRecord>);

impl Observer for Records {
    fn on_record(&mut self, record: &MetricRecord) {
        self.0.push(record.clone());
    }
}

impl Records {
    fn validations(&self) -> Vec<BoundEstimate> {
        let of = |record: &MetricRecord| match record {
            MetricRecord::Validation { estimate, .. } => Some(*estimate),
            MetricRecord::Train { .. } => None,
        };
        self.0.iter().filter_map(of).collect()
    }
}

fn run(model: &ModelConfig, objective: &ObjectiveConfig, train: &TrainConfig) -> Records {
    let (device, mut records) = (Device::flex(), Records::default());
    let parts = TrainerParts { model, objective, train, seed: 1, device: &device };
    let folder = tempfile::tempdir().unwrap();
    let folder = RunFolder::create(&folder.path().join("run"), "", "{}").unwrap();
    let data = SyntheticSource { set: SET, seed: 1 };
    let stop = AtomicBool::new(false);
    let outcome = Trainer::new(parts).unwrap().run(&data, &data, &folder, &mut records, &stop).unwrap();
    assert_eq!(outcome, Outcome::Finished);
    records
}

#[test]
fn large_initial_logits_make_the_latent_useful_sooner() {
    let at = |init_scale| run(&model(init_scale), &objective("steps = 1"), &train(80)).validations()[0];
    let (large, small) = (at(5.0), at(0.1));
    assert!(small.kl < 0.5 && large.kl > 1.0, "{large:?} {small:?}");
    // Without a latent the bound is 2 ln 10 = 4.6.
    assert!(large.bound < small.bound - 0.3, "{large:?} {small:?}");
}

#[test]
fn the_network_without_its_latent_is_the_yardstick() {
    let estimates =
        run(&model(5.0), &objective("steps = [1, 2]\nlatent_free_share = 0.3"), &train(400)).validations();
    assert_eq!(estimates.iter().map(|e| e.steps).collect::<Vec<_>>(), [Some(1), Some(2)]);
    for (estimate, latent_headroom) in estimates.iter().zip([10f64.ln(), 0.5 * 10f64.ln()]) {
        // Two tokens cost 2 ln 10 in one step and ln 10 in separate steps. With two steps, half of
        // the pairs are revealed in one step.
        let free = estimate.latent_free.unwrap();
        assert!((free.bound - free.continuous - latent_headroom).abs() < 0.3, "{estimate:?}");
        assert!((estimate.latent_savings().unwrap() - latent_headroom).abs() < 0.5, "{estimate:?}");
        assert_eq!(estimate.latent_headroom(), Some(free.bound - free.continuous));
    }
    let plain = run(&model(5.0), &objective("steps = 1"), &train(20)).validations();
    assert!(plain[0].latent_free.is_none() && plain[0].latent_savings().is_none());
}

#[test]
fn a_held_posterior_stands_still_and_the_rest_learns() {
    let (model, objective, device) = (model(5.0), objective("steps = 1"), Device::flex());
    let config = TrainConfig { hold_posterior: 0.5, ..train(8) };
    let parts =
        TrainerParts { model: &model, objective: &objective, train: &config, seed: 1, device: &device };
    let mut trainer = Trainer::new(parts).unwrap();
    let data = SyntheticSource { set: SET, seed: 1 };
    let parameters = |trainer: &Trainer<'_>, prefix: &str| -> Vec<f32> {
        let all = named_parameters(&trainer.averaged_model());
        let chosen = all.iter().filter(|(name, _)| name.starts_with(prefix));
        chosen.flat_map(|(_, data)| data.iter::<f32>().collect::<Vec<_>>()).collect()
    };
    let before = ["posterior.", "prior.", "denoiser."].map(|prefix| parameters(&trainer, prefix));
    // The posterior is held in 4 of 8 steps.
    for _ in 0..4 {
        trainer.train_step(&data).unwrap();
    }
    assert!(parameters(&trainer, "posterior.") == before[0]);
    assert!(parameters(&trainer, "prior.") != before[1] && parameters(&trainer, "denoiser.") != before[2]);
    trainer.train_step(&data).unwrap();
    assert!(parameters(&trainer, "posterior.") != before[0]);
}
