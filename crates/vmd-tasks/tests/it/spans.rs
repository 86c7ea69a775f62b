//! Infilling of text spans.

use burn::tensor::Device;
use vmd_core::{Purpose, index_below, keyed_rng};
use vmd_eval::text::NgramJudge;
use vmd_model::{ModelConfig, VmdModel};
use vmd_sampler::{Sampler, SamplerConfig};
use vmd_tasks::text::infill_spans;

const SEQ: usize = 12;

fn model() -> VmdModel {
    let trunk = "width = 8\nlayers = 1\nheads = 2\nposition = \"rotary\"\n";
    let config: ModelConfig =
        toml::from_str(&format!("vocab = 5\nseq_len = {SEQ}\n[denoiser.trunk]\n{trunk}"))
            .expect("a valid configuration");
    VmdModel::new(&config, keyed_rng(1, 0, Purpose::Init), &Device::flex()).expect("a valid configuration")
}

fn texts(n: usize) -> Vec<u32> {
    let mut rng = keyed_rng(7, 0, Purpose::Data);
    (0..n * SEQ).map(|_| index_below(&mut rng, 5) as u32).collect()
}

#[test]
fn a_span_is_compared_with_what_stood_there() {
    let model = model();
    let texts = texts(30);
    let judge = NgramJudge::train(&texts, 5, 2).unwrap();
    let sampler = Sampler::new(SamplerConfig { nfe: 2, ..Default::default() });
    let score = infill_spans(&model, &sampler, &judge, (&texts, SEQ), (3, 1), 1);
    // Each token is right with probability 1/5; there are 90 of them.
    assert!((score.tokens.value - 0.2).abs() < 0.15, "{score:?}");
    assert!(score.exact.value < 0.2 && score.bleu.value < 1.0);
    assert!(score.judge_nll_original.value.is_finite() && score.judge_nll.value > 0.0);
    assert_eq!(score, infill_spans(&model, &sampler, &judge, (&texts, SEQ), (3, 1), 1));
}
