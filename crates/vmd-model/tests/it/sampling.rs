//! Samplers on a real model.

use crate::common::{CATEGORICAL, MASK, SEQ, chain_model, puzzles};
use vmd_sampler::{RevealRule, Sampler, SamplerConfig, Scope};

const RULES: [RevealRule; 4] = [
    RevealRule::Ancestral,
    RevealRule::Margin,
    RevealRule::Threshold { tau: 0.5 },
    RevealRule::IndependentSet,
];

fn sampler(reveal: RevealRule, nfe: usize) -> Sampler {
    Sampler::new(SamplerConfig { nfe, reveal, ..SamplerConfig::default() })
}

#[test]
fn the_count_of_the_network_is_the_sum_over_rows() {
    for (scope, family) in [(Scope::Block, None), (Scope::Step, Some(CATEGORICAL))] {
        let model = chain_model(scope, family);
        for rule in RULES {
            let before = model.nfe_counter().evaluated();
            let output = sampler(rule, 4).sample(&model, &puzzles(150), 7);
            let counted = model.nfe_counter().evaluated() - before;
            assert_eq!(output.nfe.iter().sum::<usize>() as u64, counted, "{rule}");
            assert!((output.mean_nfe() - counted as f64 / 150.0).abs() < 1e-12);
        }
    }
}

#[test]
fn a_row_does_not_depend_on_its_batch() {
    let model = chain_model(Scope::Step, Some(CATEGORICAL));
    // More rows than one forward pass takes.
    let (all, redrawn) = (puzzles(140), vec![MASK; 138 * SEQ]);
    for rule in RULES {
        let sampler = sampler(rule, 3);
        let together = sampler.sample(&model, &all, 7);
        let few = sampler.sample(&model, &all[..2 * SEQ], 7);
        assert_eq!((&few.tokens[..], &few.nfe[..]), (&together.tokens[..2 * SEQ], &together.nfe[..2]));
        let other_company = sampler.sample(&model, &[&all[..2 * SEQ], &redrawn].concat(), 7);
        assert_eq!(other_company.tokens[..2 * SEQ], together.tokens[..2 * SEQ]);
    }
}
