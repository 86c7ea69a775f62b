//! Scopes and blocks: exact figures, samples and bounds of one model agree.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use burn::tensor::{Device, TensorData};
use vmd_core::{Purpose, keyed_rng, uniform};
use vmd_model::{
    BoundEstimate, Budgets, ModelConfig, ObjectiveConfig, VmdModel, estimate_bounds, importance_bound,
};
use vmd_nn::{load_parameters, named_parameters};
use vmd_sampler::{RevealRule, Sampler, SamplerConfig};
use vmd_tasks::synthetic::SyntheticSet;
use vmd_tasks::synthetic::exact_synthetic;

const SET: SyntheticSet = SyntheticSet::Parity(4);

/// A model with random parameters: uniform in `(-0.7, 0.7)`, except for those of the prior.
fn drawn_model(settings: &str) -> VmdModel {
    drawn(settings, |name| if name.starts_with("prior") { 0.1 } else { 0.7 })
}

/// A model whose parameters are drawn from symmetric intervals of the given half-width.
fn drawn(settings: &str, size: fn(&str) -> f64) -> VmdModel {
    let trunk = "width = 8\nlayers = 1\nheads = 2\n";
    let clues =
        if settings.ends_with("# clues") { "clues = { width = 8, layers = 1, heads = 2 }\n" } else { "" };
    let (turned, sees_past) = match settings.contains("blocks") {
        true => ("position = \"rotary\"\n", "sees_past = true\n"),
        false => ("", ""),
    };
    let text = format!(
        "vocab = 2\nseq_len = 4\n{settings}\n[denoiser]\nsees_budget = true\n[denoiser.trunk]\n{trunk}{turned}\
         [latent]\n{sees_past}\nfamily = {{ kind = \"categorical\", n_groups = 2, n_classes = 3 }}\n\
         prior = {{ kind = \"autoregressive\", hidden = 4 }}\n{clues}[latent.posterior.trunk]\n{trunk}"
    );
    let config: ModelConfig = toml::from_str(&text).unwrap();
    let model = VmdModel::new(&config, keyed_rng(1, 0, Purpose::Init), &Device::flex()).unwrap();
    // One stream per name, so that models that differ in one part have equal parameters elsewhere.
    let seed = |name: &str| name.bytes().fold(2u64, |seed, byte| seed.wrapping_mul(31) + u64::from(byte));
    let drawn = named_parameters(&model)
        .into_iter()
        .map(|(name, old)| {
            let (size, mut rng) = (size(&name), keyed_rng(seed(&name), 1, Purpose::Init));
            let mut values = vec![0.0f32; old.num_elements()];
            values.iter_mut().for_each(|value| *value = (size * (2.0 * uniform(&mut rng) - 1.0)) as f32);
            (name, TensorData::new(values, old.shape().to_vec()))
        })
        .collect();
    load_parameters(model, drawn).unwrap()
}

/// `# clues` enables a prior that conditions on known tokens. The prior of a model of several
/// blocks conditions on the previous blocks.
const SETTINGS: [&str; 6] = [
    "scope = \"block\"",
    "scope = \"step\"",
    "scope = \"step\" # clues",
    "scope = \"block\"\nblocks = 2",
    "scope = \"block\"\nblocks = 2 # clues",
    "scope = \"step\"\nblocks = 2",
];

#[test]
fn exact_accuracies_are_those_of_samples() {
    const SAMPLES: usize = 20_000;
    for settings in SETTINGS {
        let model = drawn_model(settings);
        let blocks = model.config().blocks;
        for (reveal, nfe) in
            [(RevealRule::Ancestral, 2), (RevealRule::Ancestral, 4), (RevealRule::RandomK, 2)]
        {
            let config = SamplerConfig { nfe: nfe * blocks, reveal, ..SamplerConfig::default() };
            let exact = exact_synthetic(&model, &SET, &config, 1).unwrap();
            let sampler = Sampler::new(config);
            let tokens = sampler.sample(&model, &[2; 4 * SAMPLES], 3).tokens;
            let share =
                tokens.chunks_exact(4).filter(|row| SET.contains(row)).count() as f64 / SAMPLES as f64;
            let error = (share * (1.0 - share) / SAMPLES as f64).sqrt();
            // Four standard errors in 30 comparisons; random samples would be right half of the
            // time.
            let exact = exact.accuracy;
            assert!((share - exact).abs() < 4.0 * error, "{settings} {reveal} {nfe}: {share}, not {exact}");
        }
    }
}

/// Mean and standard error of a part of the bound over many draws of the set.
fn estimated(model: &VmdModel, steps: usize, part: fn(&BoundEstimate) -> f64) -> (f64, f64) {
    const SEEDS: u64 = 20;
    let rows: Vec<u32> = SET.support().unwrap().into_iter().flat_map(|(x, _)| x).collect();
    let objective = ObjectiveConfig { steps: Some(Budgets::One(steps)), ..ObjectiveConfig::default() };
    let values: Vec<f64> = (0..SEEDS)
        .map(|seed| {
            part(&estimate_bounds(model, &objective, &rows.repeat(32), 256, seed, &Device::flex())[0])
        })
        .collect();
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let spread = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, (spread / n).sqrt())
}

#[test]
fn every_bound_lies_above_the_cross_entropy_of_its_sampler_and_near_it_where_the_posterior_is_the_prior() {
    // Prior and posterior are nearly uniform: the latent carries no information, and only the loss
    // from independent tokens is left.
    let quiet = |name: &str| match name.split('.').next() {
        Some("posterior") => 0.02,
        Some("prior") => 0.002,
        _ => 0.7,
    };
    for settings in SETTINGS {
        for (model, is_quiet) in [(drawn_model(settings), false), (drawn(settings, quiet), true)] {
            for steps in [1, 3] {
                let nfe = steps * model.config().blocks;
                let sampler = SamplerConfig { nfe, ..SamplerConfig::default() };
                let exact = SET.entropy() + exact_synthetic(&model, &SET, &sampler, 1).unwrap().kl;
                let (mean, error) = estimated(&model, steps, |estimate| estimate.bound);
                let about = format!("{settings}, T={steps}: {mean} ± {error}, exactly {exact}");
                assert!(mean > exact - 4.0 * error, "{about}");
                // A wrong factor for blocks or for the probability of a step would halve or double
                // the bound.
                assert!(!is_quiet || mean < 1.2 * exact, "{about}");
                assert!(error < 0.1, "too few draws: {about}");
            }
        }
    }
}

#[test]
fn importance_weights_tighten_the_bound_of_every_scope() {
    let rows: Vec<u32> = SET.support().unwrap().into_iter().flat_map(|(x, _)| x).collect();
    for settings in SETTINGS {
        let model = drawn_model(settings);
        let sampler = SamplerConfig { nfe: 2 * model.config().blocks, ..SamplerConfig::default() };
        let exact = SET.entropy() + exact_synthetic(&model, &SET, &sampler, 1).unwrap().kl;
        let of = |k| importance_bound(&model, 2, &rows.repeat(100), k, 1);
        let (plain, error) = estimated(&model, 2, |estimate| estimate.bound);
        let ((one, one_error), (many, many_error)) = (of(1), of(32));
        assert!((plain - one).abs() < 4.0 * error.hypot(one_error), "{settings}: {plain} and {one}");
        assert!(many < one && many > exact - 4.0 * many_error, "{settings}: {one}, {many}, exactly {exact}");
        // The reveal order is latent, too. The sampler's likelihood is a mean over it, and that gap
        // remains.
        assert!(many < exact + 0.5 * (one - exact), "{settings}: {one}, {many}, exactly {exact}");
    }
}
