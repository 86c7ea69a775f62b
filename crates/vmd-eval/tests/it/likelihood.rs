//! Bounds on text.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use burn::tensor::Device;
use vmd_core::{Purpose, index_below, keyed_rng};
use vmd_eval::text::{text_bound, text_importance_bound};
use vmd_model::{ModelConfig, ObjectiveConfig, VmdModel, estimate_bounds};

const SEQ: usize = 12;

fn model(settings: &str, latent: bool) -> VmdModel {
    let trunk = "width = 8\nlayers = 1\nheads = 2\n";
    let latent = match latent {
        true => format!(
            "[latent]\nfamily = {{ kind = \"categorical\", n_groups = 2, n_classes = 3 }}\n\
             prior = {{ kind = \"independent\" }}\n[latent.posterior.trunk]\n{trunk}"
        ),
        false => String::new(),
    };
    let text = format!(
        "vocab = 5\nseq_len = {SEQ}\n{settings}\n[denoiser.trunk]\n{trunk}position = \"rotary\"\n{latent}"
    );
    let config: ModelConfig = toml::from_str(&text).unwrap();
    VmdModel::new(&config, keyed_rng(1, 0, Purpose::Init), &Device::flex()).unwrap()
}

fn texts(n: usize) -> Vec<u32> {
    let mut rng = keyed_rng(7, 0, Purpose::Data);
    (0..n * SEQ).map(|_| index_below(&mut rng, 5) as u32).collect()
}

#[test]
fn a_network_that_knows_nothing_is_worth_its_vocabulary() {
    // The head starts at zero: every value is equally likely, for all numbers of steps and blocks.
    let uniform = 5f64.ln();
    for settings in ["", "blocks = 4", "blocks = 12"] {
        let model = model(settings, false);
        let steps = if settings.contains("12") { Some(1) } else { Some(2) };
        let bound = text_bound(&model, &ObjectiveConfig::default(), steps, &texts(40), 1).bound;
        // With two steps the number of scored tokens is random: only the mean is exact.
        let tolerance = if steps == Some(1) { 1e-5 } else { 3.0 * (bound.ci95[1] - bound.ci95[0]) };
        assert!((bound.value - uniform).abs() < tolerance, "{settings}: {bound:?}");
        assert_eq!(bound.n, 40);
        let exact = text_importance_bound(&model, 2, &texts(40), 1, 1);
        assert!((exact.value - uniform).abs() < 1e-5, "{settings}: {exact:?}");
    }
}

#[test]
fn parts_add_up_and_batches_weigh_what_they_hold() {
    let model = model("blocks = 3", true);
    // A batch has two texts, because there are at least eight batches; the last one has a single
    // text.
    let texts = texts(17);
    let bound = text_bound(&model, &ObjectiveConfig::default(), Some(1), &texts, 1);
    assert!((bound.bound.value - bound.recon.value - bound.kl.value).abs() < 1e-9);
    let part = |texts: &[u32], seed: u64| {
        let objective = ObjectiveConfig { steps: Some(vmd_model::Budgets::One(1)), ..Default::default() };
        estimate_bounds(&model, &objective, texts, 2, seed, &Device::flex())[0].bound
    };
    let batches = texts.chunks(2 * SEQ).zip(0..);
    let expected = batches.map(|(texts, i)| part(texts, 1 + (i << 32)) * texts.len() as f64).sum::<f64>()
        / texts.len() as f64
        / SEQ as f64;
    assert!(bound.bound.ci95[0] < bound.bound.ci95[1], "{:?}", bound.bound);
    assert!((bound.bound.value - expected).abs() < 1e-9, "{} and {expected}", bound.bound.value);
}
