//! What keeps a latent alive: loud posteriors, thermostats, updates of the posterior alone, budgets.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

use burn::tensor::Device;
use vmd_model::{BoundEstimate, ModelConfig, ObjectiveConfig};
use vmd_nn::named_parameters;
use vmd_tasks::synthetic::{SyntheticSet, SyntheticSource};
use vmd_train::{
    Checkpoint, KlTarget, MetricRecord, Observer, Outcome, PosteriorFirst, RunFolder, TrainConfig, Trainer,
    TrainerParts, read_metrics,
};

const SET: SyntheticSet = SyntheticSet::PairsUniform;

fn model(init_scale: f64) -> ModelConfig {
    let trunk = "width = 32\nlayers = 1\nheads = 2\n";
    toml::from_str(&format!(
        "vocab = 10\nseq_len = 2\n[denoiser.trunk]\n{trunk}[latent]\n\
         family = {{ kind = \"categorical\", n_groups = 2, n_classes = 8 }}\n\
         prior = {{ kind = \"autoregressive\", hidden = 16 }}\n\
         [latent.posterior]\nloudness = {init_scale:?}\n[latent.posterior.trunk]\n{trunk}"
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

/// Collects what a run reports.
#[derive(Default)]
struct Records(Vec<MetricRecord>);

impl Observer for Records {
    fn on_record(&mut self, record: &MetricRecord) {
        self.0.push(record.clone());
    }
}

impl Records {
    fn kl(&self) -> Vec<f64> {
        let kl = |record: &MetricRecord| match record {
            MetricRecord::Train { kl, .. } => *kl,
            MetricRecord::Validation { .. } => None,
        };
        self.0.iter().filter_map(kl).collect()
    }

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
fn a_loud_posterior_is_heard_sooner_than_a_quiet_one() {
    let at = |init_scale| run(&model(init_scale), &objective("steps = 1"), &train(80)).validations()[0];
    let (loud, quiet) = (at(5.0), at(0.1));
    assert!(quiet.kl < 0.5 && loud.kl > 1.0, "{loud:?} {quiet:?}");
    // Without a latent it is 2 ln 10 = 4.6.
    assert!(loud.bound < quiet.bound - 0.3, "{loud:?} {quiet:?}");
}

#[test]
fn the_network_without_its_latent_is_the_yardstick() {
    let estimates =
        run(&model(5.0), &objective("steps = [1, 2]\nlatent_free_share = 0.3"), &train(400)).validations();
    assert_eq!(estimates.iter().map(|e| e.steps).collect::<Vec<_>>(), [Some(1), Some(2)]);
    for (estimate, latent_headroom) in estimates.iter().zip([10f64.ln(), 0.5 * 10f64.ln()]) {
        // Two tokens at once cost 2 ln 10 and one after the other ln 10; in two steps half of the pairs come at once.
        let free = estimate.latent_free.unwrap();
        assert!((free.bound - free.continuous - latent_headroom).abs() < 0.3, "{estimate:?}");
        assert!((estimate.latent_savings().unwrap() - latent_headroom).abs() < 0.5, "{estimate:?}");
        assert_eq!(estimate.latent_headroom(), Some(free.bound - free.continuous));
    }
    let plain = run(&model(5.0), &objective("steps = 1"), &train(20)).validations();
    assert!(plain[0].latent_free.is_none() && plain[0].latent_savings().is_none());
}

#[test]
fn a_thermostat_holds_the_kl_at_its_target() {
    for nats in [1.0, 3.0] {
        let mut config = train(400);
        config.kl = toml::from_str::<TrainConfig>(
            "steps = 1\nbatch_size = 1\nlearning_rate = 1.0\nkl = [[0.99, 0.5], [1.0, 1.0]]",
        )
        .unwrap()
        .kl;
        config.kl_target = Some(KlTarget { nats: vec![[0.0, nats]], rate: 0.05 });
        assert!(config.problems().is_empty(), "{:?}", config.problems());
        let kl = run(&model(5.0), &objective("steps = 1"), &config).kl();
        let held = kl[300..390].iter().sum::<f64>() / 90.0;
        assert!((held - nats).abs() < 0.25 * nats, "{held}, not {nats}");
    }
}

#[test]
fn a_posterior_that_goes_first_goes_alone_and_resumes_where_it_was() {
    let (model, objective, device) = (model(5.0), objective("steps = 1"), Device::flex());
    let first = PosteriorFirst { until: 0.5, updates: 3 };
    let mut config = TrainConfig { posterior_first: Some(first), hold_posterior: 0.1, ..train(60) };
    config.kl_target = Some(KlTarget { nats: vec![[0.0, 2.0]], rate: 0.05 });
    let parts =
        TrainerParts { model: &model, objective: &objective, train: &config, seed: 1, device: &device };
    let data = SyntheticSource { set: SET, seed: 1 };
    let (temporary, stop) = (tempfile::tempdir().unwrap(), AtomicBool::new(false));
    let parameters = |trainer: &Trainer<'_>| named_parameters(&trainer.averaged_model());
    let folder = RunFolder::create(&temporary.path().join("run"), "", "{}").unwrap();
    let mut whole = Trainer::new(parts.clone()).unwrap();
    whole.run(&data, &data, &folder, &mut Records::default(), &stop).unwrap();

    // Of the two checkpoints that are kept, the older one.
    std::fs::remove_dir_all(folder.checkpoints().join("step-00000060")).unwrap();
    let mut resumed = Trainer::new(parts).unwrap();
    let (path, checkpoint) = Checkpoint::load_newest(&folder.checkpoints()).unwrap().unwrap();
    // Of 60 steps the first 6 hold the posterior, and of the next 24 it goes first.
    let extra = 3 * (30 - 6);
    assert_eq!((checkpoint.state.step, checkpoint.state.updates), (40, 40 + extra));
    assert_eq!(checkpoint.state.data_position, (40 + extra) * 64);
    resumed.restore(&path, checkpoint).unwrap();
    resumed.run(&data, &data, &folder, &mut Records::default(), &stop).unwrap();
    assert!(parameters(&whole) == parameters(&resumed), "the resumed run ended elsewhere");
    assert_eq!(read_metrics(&folder.metrics()).unwrap().len(), 61);
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
    // 4 of 8 steps are held.
    for _ in 0..4 {
        trainer.train_step(&data).unwrap();
    }
    assert!(parameters(&trainer, "posterior.") == before[0]);
    assert!(parameters(&trainer, "prior.") != before[1] && parameters(&trainer, "denoiser.") != before[2]);
    trainer.train_step(&data).unwrap();
    assert!(parameters(&trainer, "posterior.") != before[0]);
}

#[test]
fn updates_of_the_posterior_alone_leave_the_rest_alone() {
    let (model, objective, device) = (model(5.0), objective("steps = 1"), Device::flex());
    let after = |first: Option<PosteriorFirst>| -> BTreeMap<String, Vec<f32>> {
        let config = TrainConfig { posterior_first: first, hold_posterior: 0.0, ..train(60) };
        let parts =
            TrainerParts { model: &model, objective: &objective, train: &config, seed: 1, device: &device };
        let mut trainer = Trainer::new(parts).unwrap();
        let data = SyntheticSource { set: SET, seed: 1 };
        for _ in 0..2 {
            trainer.train_step(&data).unwrap();
        }
        let values = |data: burn::tensor::TensorData| data.iter::<f32>().collect();
        named_parameters(&trainer.averaged_model()).into_iter().map(|(n, v)| (n, values(v))).collect()
    };
    let (plain, first) = (after(None), after(Some(PosteriorFirst { until: 1.0, updates: 5 })));
    let moved = |prefix: &str| {
        let distance = |name: &String| {
            let pairs = plain[name].iter().zip(&first[name]);
            pairs.map(|(a, b)| f64::from((a - b).abs())).fold(0.0, f64::max)
        };
        plain.keys().filter(|name| name.starts_with(prefix)).map(distance).fold(0.0, f64::max)
    };
    // Two steps each for the rest, at a rate that is still warming up; twelve for the posterior.
    assert!(moved("posterior.") > 2.0 * moved("denoiser."), "{} {}", moved("posterior."), moved("denoiser."));
}
