//! Exact figures against closed forms and against samples.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use burn::tensor::{Device, TensorData};
use vmd_core::{Purpose, keyed_rng, uniform};
use vmd_model::{ModelConfig, VmdModel};
use vmd_nn::{load_parameters, named_parameters};
use vmd_process::NoiseSchedule;
use vmd_sampler::{RemaskRule, RevealRule, Sampler, SamplerConfig, Scope, ValueRule};
use vmd_tasks::synthetic::SyntheticSet;
use vmd_tasks::synthetic::{ExactError, StepChain, exact_synthetic};

fn config(set: &SyntheticSet, scope: &str, latent: &str) -> ModelConfig {
    let trunk = "width = 8\nlayers = 1\nheads = 2\n";
    let latent = match latent {
        "" => String::new(),
        _ => format!("[latent]\n{latent}\n[latent.posterior.trunk]\n{trunk}"),
    };
    let (vocab, seq) = (set.vocab(), set.seq_len());
    let text =
        format!("vocab = {vocab}\nseq_len = {seq}\nscope = \"{scope}\"\n[denoiser.trunk]\n{trunk}{latent}");
    toml::from_str(&text).unwrap()
}

/// A new model has a zero head, so its predictions are uniform.
fn uniform_model(set: &SyntheticSet) -> VmdModel {
    VmdModel::new(&config(set, "block", ""), keyed_rng(1, 0, Purpose::Init), &Device::flex()).unwrap()
}

/// A model with random parameters: uniform in `(-0.7, 0.7)`, except for those of the prior.
fn drawn_model(config: &ModelConfig) -> VmdModel {
    let model = VmdModel::new(config, keyed_rng(1, 0, Purpose::Init), &Device::flex()).unwrap();
    let mut rng = keyed_rng(2, 1, Purpose::Init);
    let drawn = named_parameters(&model)
        .into_iter()
        .map(|(name, old)| {
            // A prior with clues has large parameters, so that the clues have a strong effect.
            let size = match name.starts_with("prior") {
                true if config.latent.as_ref().is_some_and(|latent| latent.clues.is_some()) => 4.0,
                true => 0.1,
                false => 0.7,
            };
            let mut values = vec![0.0f32; old.num_elements()];
            values.iter_mut().for_each(|value| *value = (size * (2.0 * uniform(&mut rng) - 1.0)) as f32);
            (name, TensorData::new(values, old.shape().to_vec()))
        })
        .collect();
    load_parameters(model, drawn).unwrap()
}

fn set(name: &str) -> SyntheticSet {
    name.parse().unwrap()
}

fn sampler(reveal: RevealRule, nfe: usize) -> SamplerConfig {
    SamplerConfig { nfe, reveal, ..SamplerConfig::default() }
}

#[test]
fn a_model_that_knows_nothing_is_measured_in_closed_form() {
    for (name, support, seq) in [("pairs-uniform", 10.0f64, 2.0), ("d1", 10.0, 4.0), ("d2", 100.0, 4.0)] {
        let model = uniform_model(&set(name));
        for reveal in [RevealRule::Ancestral, RevealRule::RandomK] {
            for nfe in [1, 2, 3] {
                let result = exact_synthetic(&model, &set(name), &sampler(reveal, nfe), 1).unwrap();
                let (accuracy, kl) = (support / 10f64.powf(seq), seq * 10f64.ln() - support.ln());
                // Probabilities come from f32 logits.
                assert!((result.accuracy / accuracy - 1.0).abs() < 1e-5, "{name} {reveal} {nfe}: {result:?}");
                assert!((result.kl - kl).abs() < 1e-5, "{name} {reveal} {nfe}: {result:?}");
                assert_eq!(result.kl_standard_error, 0.0);
            }
        }
    }
}

#[test]
fn exact_accuracies_are_those_of_samples() {
    const ROWS: usize = 100_000;
    let set = set("pairs-skewed");
    let support: Vec<Vec<u32>> = set.support().unwrap().into_iter().map(|(tokens, _)| tokens).collect();
    let clues = "clues = { width = 8, layers = 1, heads = 2 }";
    // 9 values are enumerated. Of 32,768 values, the likeliest are enumerated, and the rest is
    // sampled if there are too many.
    for (scope, groups, classes, prior, clues) in [
        ("block", 2, 3, "independent", ""),
        ("step", 2, 3, "independent", ""),
        ("block", 2, 3, "autoregressive", ""),
        ("step", 2, 3, "autoregressive", ""),
        ("step", 2, 3, "autoregressive", clues),
        ("block", 5, 8, "autoregressive", ""),
        ("step", 5, 8, "autoregressive", clues),
    ] {
        let family = format!("{{ kind = \"categorical\", n_groups = {groups}, n_classes = {classes} }}");
        let latent = format!("family = {family}\nprior = {{ kind = \"{prior}\" }}\n{clues}");
        let model = drawn_model(&config(&set, scope, &latent));
        for (reveal, nfe) in
            [(RevealRule::Ancestral, 1), (RevealRule::Ancestral, 3), (RevealRule::RandomK, 2)]
        {
            let config = sampler(reveal, nfe);
            let exact = exact_synthetic(&model, &set, &config, 1).unwrap();
            let masked = vec![set.vocab() as u32; ROWS * 2];
            let output = Sampler::new(config).sample(&model, &masked, 5);
            let hits = output.tokens.chunks_exact(2).filter(|row| support.iter().any(|x| x == row)).count();
            let (share, p) = (hits as f64 / ROWS as f64, exact.accuracy);
            // Five standard errors.
            let error = (p * (1.0 - p) / ROWS as f64).sqrt();
            assert!(
                (share - p).abs() < 5.0 * error,
                "{scope} {groups} {prior} {clues} {reveal} {nfe}: {share}, not {p}"
            );
        }
    }
}

#[test]
fn tokens_with_parents_are_measured_as_they_are_sampled() {
    const ROWS: usize = 100_000;
    let set = set("pairs-skewed");
    let support: Vec<Vec<u32>> = set.support().unwrap().into_iter().map(|(tokens, _)| tokens).collect();
    let latent = "family = { kind = \"categorical\", n_groups = 2, n_classes = 3 }";
    for latent in ["", latent] {
        let mut config = config(&set, "block", latent);
        config.graph = Some(vmd_graph::GraphSpec::Chain { n: 2 });
        config.denoiser.parents = Some(Default::default());
        let model = drawn_model(&config);
        for nfe in [1, 2] {
            let sampler_of = |nfe| sampler(RevealRule::Ancestral, nfe);
            let p = exact_synthetic(&model, &set, &sampler_of(nfe), 1).unwrap().accuracy;
            let masked = vec![set.vocab() as u32; ROWS * 2];
            let output = Sampler::new(sampler_of(nfe)).sample(&model, &masked, 5);
            let hits = output.tokens.chunks_exact(2).filter(|row| support.iter().any(|x| x == row)).count();
            let share = hits as f64 / ROWS as f64;
            // Five standard errors.
            assert!(
                (share - p).abs() < 5.0 * (p * (1.0 - p) / ROWS as f64).sqrt(),
                "{nfe}: {share}, not {p}"
            );
            let mut deaf = named_parameters(&model);
            let output = deaf.keys().filter(|name| name.starts_with("denoiser.parents.out")).cloned();
            for name in output.collect::<Vec<_>>() {
                deaf.insert(name.clone(), TensorData::zeros::<f32, _>(deaf[&name].shape().clone()));
            }
            let deaf = load_parameters(model.clone(), deaf).unwrap();
            let without = exact_synthetic(&deaf, &set, &sampler_of(nfe), 1).unwrap().accuracy;
            assert!((p - without).abs() > 1e-3, "parents have no effect: {p}");
        }
    }
}

#[test]
fn integrated_latents_come_with_an_error() {
    let set = set("pairs-uniform");
    for scope in ["block", "step"] {
        let model = drawn_model(&config(&set, scope, "family = { kind = \"gaussian\", dim = 3 }"));
        let of = |seed| exact_synthetic(&model, &set, &sampler(RevealRule::Ancestral, 2), seed).unwrap();
        let (a, b) = (of(1), of(2));
        assert_ne!(a.kl, b.kl, "{scope}");
        assert!(a.kl_standard_error > 0.0 && b.kl_standard_error > 0.0, "{scope}: {a:?}");
        // Five standard errors of a difference.
        let error = a.kl_standard_error.hypot(b.kl_standard_error);
        assert!((a.kl - b.kl).abs() < 5.0 * error, "{scope}: {a:?} and {b:?}");
        assert!(error < 0.05, "{scope}: the error {error} is too large");
    }
}

#[test]
fn what_cannot_be_exact_is_refused_in_words() {
    let of = |name: &str, sampler: &SamplerConfig| {
        exact_synthetic(&uniform_model(&set(name)), &set(name), sampler, 1).unwrap_err()
    };
    assert!(matches!(of("needle-64", &sampler(RevealRule::Ancestral, 1)), ExactError::Support { .. }));
    assert_eq!(of("d1", &sampler(RevealRule::Margin, 2)), ExactError::Steps);
    assert_eq!(of("d1", &sampler(RevealRule::Ancestral, 100)), ExactError::Steps);
    let argmax = SamplerConfig { value: ValueRule::Argmax, ..sampler(RevealRule::Ancestral, 1) };
    assert_eq!(of("d1", &argmax), ExactError::Value);
    let plain = || sampler(RevealRule::Ancestral, 1);
    let remask = RemaskRule::PredictRemask;
    assert_eq!(of("d1", &SamplerConfig { remask, ..plain() }), ExactError::Remask);
    assert_eq!(of("d1", &SamplerConfig { best_of: 2, ..plain() }), ExactError::BestOf);
    let latent = "family = { kind = \"gaussian\", dim = 2 }";
    let model = drawn_model(&config(&set("rules"), "block", latent));
    let error = exact_synthetic(&model, &set("rules"), &sampler(RevealRule::Ancestral, 2), 1).unwrap_err();
    assert!(error.to_string().contains("use fewer steps"), "{error}");
}

#[test]
fn the_scope_decides_how_often_the_latent_is_drawn() {
    let set = set("pairs-uniform");
    let latent = "family = { kind = \"categorical\", n_groups = 1, n_classes = 4 }";
    let of = |scope: &str, nfe| {
        let config = config(&set, scope, latent);
        assert_eq!(config.scope == Scope::Step, scope == "step");
        exact_synthetic(&drawn_model(&config), &set, &sampler(RevealRule::RandomK, nfe), 1).unwrap().kl
    };
    // With the same weights, one step gives the same result; with two, the second draw removes the
    // dependence.
    assert!((of("block", 1) - of("step", 1)).abs() < 1e-3 || of("block", 1) != of("block", 2));
    assert!((of("block", 2) - of("step", 2)).abs() > 1e-6);
}

#[test]
fn orders_are_complete() {
    for (seq, nfe) in (1..=4).flat_map(|seq| (1..=4).map(move |nfe| (seq, nfe))) {
        for reveal in [RevealRule::Ancestral, RevealRule::RandomK] {
            let config = sampler(reveal, nfe);
            let chain = StepChain::enumerate(&config, &NoiseSchedule::default(), seq, 1, 4096).unwrap();
            let total: f64 = chain.chains.iter().map(|chain| chain.weight).sum();
            assert!((total - 1.0).abs() < 1e-12, "{config:?}: {total}");
            assert!(chain.chains.iter().all(|chain| chain.step_of.len() == seq && chain.weight > 0.0));
            assert!(chain.chains.iter().all(|chain| chain.step_of.iter().all(|&step| step < nfe)));
            let mut orders: Vec<_> = chain.chains.iter().map(|chain| chain.step_of.clone()).collect();
            orders.sort();
            orders.dedup();
            assert_eq!(orders.len(), chain.chains.len(), "an order is listed twice");
        }
    }
    let too_many =
        StepChain::enumerate(&sampler(RevealRule::Ancestral, 4), &NoiseSchedule::default(), 4, 1, 255);
    assert_eq!(too_many, None);
    let exactly =
        StepChain::enumerate(&sampler(RevealRule::Ancestral, 4), &NoiseSchedule::default(), 4, 1, 256);
    assert_eq!(exactly.unwrap().chains.len(), 256);
}
