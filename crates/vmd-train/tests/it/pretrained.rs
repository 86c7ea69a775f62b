//! Training a latent on top of a pretrained model without one.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use std::path::Path;

use burn::tensor::Device;
use vmd_model::{ModelConfig, ObjectiveConfig, VmdModel, save_model_dir};
use vmd_nn::named_parameters;
use vmd_tasks::synthetic::{SyntheticSet, SyntheticSource};
use vmd_train::{TrainConfig, TrainError, Trainer, TrainerParts};

const DATA: SyntheticSource = SyntheticSource { set: SyntheticSet::PairsUniform, seed: 3 };
const LATENT: &str = "[latent]\nfamily = { kind = \"categorical\", n_groups = 2, n_classes = 8 }\n\
                      posterior = { trunk = { width = 16, layers = 1, heads = 2 } }\n";

fn model(width: usize, latent: &str) -> ModelConfig {
    let text = format!(
        "vocab = 10\nseq_len = 2\ndenoiser = {{ adaln_on_latent = true, trunk = {{ width = {width}, layers = 1, heads = 2 }} }}\n{latent}"
    );
    toml::from_str(&text).unwrap()
}

fn train(pretrained: Option<(&Path, bool)>) -> TrainConfig {
    let pretrained = pretrained.map_or_else(String::new, |(path, frozen)| {
        format!("pretrained = {{ model = {path:?}, frozen = {frozen} }}\n")
    });
    toml::from_str(&format!(
        "{pretrained}steps = 20\nbatch_size = 16\nwarmup_steps = 1\nlearning_rate = 0.01"
    ))
    .unwrap()
}

/// The averaged model after all steps of `train`.
fn run(model: &ModelConfig, train: &TrainConfig) -> Result<VmdModel, TrainError> {
    let (objective, device) = (ObjectiveConfig::default(), Device::flex());
    let mut trainer =
        Trainer::new(TrainerParts { model, objective: &objective, train, seed: 1, device: &device })?;
    for _ in 0..train.steps {
        trainer.train_step(&DATA)?;
    }
    Ok(trainer.averaged_model())
}

/// A folder with a model without latent, and the model.
fn plain() -> (tempfile::TempDir, VmdModel) {
    let folder = tempfile::tempdir().unwrap();
    let plain = run(&model(8, ""), &train(None)).unwrap();
    save_model_dir(&plain, "", folder.path()).unwrap();
    (folder, plain)
}

#[test]
fn a_frozen_model_gets_a_latent_and_stays_as_it_was() {
    let (folder, plain) = plain();
    let config = model(8, LATENT);
    let with_latent = named_parameters(&run(&config, &train(Some((folder.path(), true)))).unwrap());
    for (name, values) in named_parameters(&plain) {
        assert_eq!(with_latent[&name], values, "{name}");
    }
    let fresh = named_parameters(&run(&config, &TrainConfig { steps: 0, ..train(None) }).unwrap());
    let injected: Vec<&String> =
        with_latent.keys().filter(|name| name.starts_with("denoiser.") && name.contains("latent")).collect();
    assert!(!injected.is_empty());
    let trained = |name: &String| with_latent[name] != fresh[name];
    assert!(injected.iter().all(|name| trained(name)), "the injection learns");
    assert!(with_latent.keys().any(|name| name.starts_with("posterior.") && trained(name)));
    assert!(with_latent.keys().any(|name| name.contains("modulation") && trained(name)));
}

#[test]
fn a_model_that_is_not_frozen_goes_on_from_its_weights() {
    let (folder, plain) = plain();
    let start = TrainConfig { steps: 0, ..train(Some((folder.path(), false))) };
    let (config, start) = (model(8, LATENT), start);
    let begun = named_parameters(&run(&config, &start).unwrap());
    let gone_on = named_parameters(&run(&config, &TrainConfig { steps: 20, ..start }).unwrap());
    for (name, values) in named_parameters(&plain) {
        assert_eq!(begun[&name], values, "{name}");
        assert_ne!(gone_on[&name], values, "{name}");
    }
}

#[test]
fn what_does_not_fit_is_refused_in_words() {
    let (folder, _) = plain();
    let message =
        |config: &ModelConfig, path: &Path| run(config, &train(Some((path, true)))).unwrap_err().to_string();
    let other = message(&model(16, LATENT), folder.path());
    assert!(other.contains("shape") && other.contains("model.safetensors"), "{other}");
    let nothing_left = message(&model(8, ""), folder.path());
    assert!(nothing_left.contains("nothing to train"), "{nothing_left}");
    let absent = message(&model(8, LATENT), &folder.path().join("nowhere"));
    assert!(absent.contains("cannot read"), "{absent}");
}
