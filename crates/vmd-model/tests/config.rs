//! Configurations as text.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

mod common;

use burn::tensor::Device;
use common::{CATEGORICAL, config};
use proptest::prelude::*;
use vmd_graph::GraphSpec;
use vmd_model::{ModelConfig, ObjectiveConfig, RevealRule, SamplerConfig, Scope, ValueRule, VmdModel};
use vmd_process::{NoiseSchedule, Purpose, keyed_rng};

#[test]
fn rules_are_read_as_they_are_written() {
    let reveal = [
        ("ancestral", RevealRule::Ancestral),
        ("random-k", RevealRule::RandomK),
        ("top_prob", RevealRule::TopProb),
        (" margin ", RevealRule::Margin),
        ("entropy", RevealRule::Entropy),
        ("threshold(0.9)", RevealRule::Threshold { tau: 0.9 }),
        ("threshold( 1e-3 )", RevealRule::Threshold { tau: 1e-3 }),
    ];
    for (text, rule) in reveal {
        assert_eq!(text.parse(), Ok(rule));
    }
    let value = [
        ("argmax", ValueRule::Argmax),
        ("categorical", ValueRule::default()),
        ("categorical(0.5)", ValueRule::Categorical { temperature: 0.5, top_p: 1.0 }),
        ("categorical(2, 0.9)", ValueRule::Categorical { temperature: 2.0, top_p: 0.9 }),
    ];
    for (text, rule) in value {
        assert_eq!(text.parse(), Ok(rule));
    }
}

proptest! {
    #[test]
    fn rules_survive_a_round_trip(tau in 0.0..=1.0f64, temperature in 1e-6..1e6f64, top_p in 1e-6..=1.0f64) {
        for rule in [
            RevealRule::Ancestral,
            RevealRule::RandomK,
            RevealRule::TopProb,
            RevealRule::Margin,
            RevealRule::Entropy,
            RevealRule::Threshold { tau },
        ] {
            prop_assert_eq!(rule.to_string().parse(), Ok(rule));
        }
        for rule in [
            ValueRule::Argmax,
            ValueRule::default(),
            ValueRule::Categorical { temperature, top_p },
            ValueRule::Categorical { temperature, top_p: 1.0 },
        ] {
            prop_assert_eq!(rule.to_string().parse(), Ok(rule));
        }
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,40}", inner in "[0-9.eE,infNa -]{0,12}") {
        let _ = text.parse::<RevealRule>();
        let _ = text.parse::<ValueRule>();
        if let Ok(RevealRule::Threshold { tau }) = format!("threshold({inner})").parse() {
            prop_assert!((0.0..=1.0).contains(&tau));
        }
        if let Ok(ValueRule::Categorical { temperature, top_p }) = format!("categorical({inner})").parse() {
            prop_assert!(temperature > 0.0 && temperature.is_finite() && top_p > 0.0 && top_p <= 1.0);
        }
    }
}

#[test]
fn rules_that_make_no_sense_are_refused_in_words() {
    for text in ["", "Margin", "threshold", "threshold()", "threshold(2)", "threshold(NaN)", "threshold(0.5"]
    {
        let error = text.parse::<RevealRule>().unwrap_err().to_string();
        assert!(error.contains(&format!("`{text}`")) && error.contains("threshold(0.9)"), "{error}");
    }
    for text in [
        "",
        "argmin",
        "categorical()",
        "categorical(0)",
        "categorical(inf)",
        "categorical(NaN)",
        "categorical(1,0)",
    ] {
        let error = text.parse::<ValueRule>().unwrap_err().to_string();
        assert!(error.contains(&format!("`{text}`")) && error.contains("argmax"), "{error}");
    }
    assert!("categorical(1,1,1)".parse::<ValueRule>().is_err());
    assert!("categorical(1,1.1)".parse::<ValueRule>().is_err());
}

#[test]
fn a_sampler_is_read_from_toml() {
    let sampler: SamplerConfig = toml::from_str(
        "nfe = 4\nreveal = \"threshold(0.75)\"\nvalue = \"categorical(0.8,0.95)\"\ngrid = { kind = \"cosine\" }",
    )
    .unwrap();
    assert_eq!(sampler.reveal, RevealRule::Threshold { tau: 0.75 });
    assert_eq!(sampler.value, ValueRule::Categorical { temperature: 0.8, top_p: 0.95 });
    assert!(sampler.problems().is_empty());
    assert_eq!(toml::from_str::<SamplerConfig>(&toml::to_string(&sampler).unwrap()).unwrap(), sampler);

    let plain: SamplerConfig = toml::from_str("nfe = 1").unwrap();
    assert_eq!((plain.reveal, plain.value), (RevealRule::Ancestral, ValueRule::default()));
    for bad in ["", "nfe = 1\nsteps = 2", "nfe = 1\nreveal = \"best\"", "nfe = 1\nvalue = \"categorical(0)\""]
    {
        assert!(toml::from_str::<SamplerConfig>(bad).is_err(), "{bad}");
    }
    let bad = SamplerConfig {
        nfe: 0,
        reveal: RevealRule::Threshold { tau: f64::NAN },
        value: ValueRule::Categorical { temperature: 0.0, top_p: 1.0 },
        ..plain
    };
    assert_eq!(bad.problems().len(), 3, "{:?}", bad.problems());
}

const MODEL: &str = r#"
vocab = 4
seq_len = 16
scope = "step"
schedule = { kind = "cosine" }
graph = { kind = "sudoku", box_rows = 2, box_cols = 2 }

[denoiser]
adaln_on_latent = true
trunk = { width = 8, layers = 1, heads = 4, position = "none", edge_heads = ["row", "column", "box", "all"] }

[latent]
family = { kind = "categorical", n_groups = 2, n_classes = 4 }
structure = "per_token"
posterior = { pooling = "mean", trunk = { width = 8, layers = 1, heads = 1, activation = "silu" } }
"#;

#[test]
fn a_model_is_read_from_toml_and_built() {
    let config: ModelConfig = toml::from_str(MODEL).unwrap();
    assert_eq!(config.scope, Scope::Step);
    assert_eq!((config.denoiser.trunk.loops, config.denoiser.trunk.mlp_ratio), (1, 4));
    assert_eq!(config.mask_token(), 4);
    assert!(config.problems().is_empty());
    let model = VmdModel::new(&config, keyed_rng(1, 0, Purpose::Init), &Device::flex()).unwrap();
    assert_eq!(model.config(), &config);
    assert_eq!(model.prior().unwrap().row_len(), 16 * 8);
    let written = toml::to_string(&config).unwrap();
    assert_eq!(toml::from_str::<ModelConfig>(&written).unwrap(), config);
}

#[test]
fn unknown_keys_are_refused_wherever_they_stand() {
    for (line, with) in [
        ("vocab = 4", "vocab = 4\nvocabulary = 4"),
        ("adaln_on_latent = true", "adaln_on_latent = true\nadaln = true"),
        ("width = 8, layers = 1, heads = 4", "width = 8, layers = 1, heads = 4, head = 1"),
        ("n_classes = 4", "n_classes = 4, dim = 2"),
        ("pooling = \"mean\"", "pooling = \"mean\", pool = 1"),
        ("structure = \"per_token\"", "structure = \"per_token\"\nfree_nat = 1.0"),
        ("kind = \"cosine\"", "kind = \"cosine\", epsilon = 0.1"),
        ("box_cols = 2", "box_cols = 2, n = 3"),
    ] {
        let text = MODEL.replacen(line, with, 1);
        assert_ne!(text, MODEL);
        let error = toml::from_str::<ModelConfig>(&text).unwrap_err().to_string();
        assert!(error.contains("unknown field"), "{with}: {error}");
    }
    assert!(toml::from_str::<ObjectiveConfig>("steps = 4\nstep = 3").is_err());
    let objective: ObjectiveConfig = toml::from_str("steps = 4\nkl_multiplier = \"joint\"").unwrap();
    assert_eq!(objective.budgets(), [Some(4)]);
}

/// The problems' texts, after checking that a model is refused exactly when there are any.
fn problems(config: &ModelConfig) -> Vec<String> {
    let problems = config.problems();
    let built = VmdModel::new(config, keyed_rng(1, 0, Purpose::Init), &Device::flex());
    assert_eq!(built.err(), problems.first().cloned());
    problems.into_iter().map(|problem| problem.to_string()).collect()
}

#[test]
fn all_problems_are_reported_at_once() {
    let mut bad: ModelConfig = toml::from_str(MODEL).unwrap();
    bad.vocab = 0;
    bad.schedule = NoiseSchedule::Polynomial { exponent: -1.0 };
    bad.denoiser.trunk.layers = 0;
    bad.denoiser.trunk.edge_heads = vec!["row".into(), "diagonal".into()];
    let latent = bad.latent.as_mut().unwrap();
    latent.free_nats = f64::INFINITY;
    latent.posterior.trunk.heads = 3;
    let found = problems(&bad);
    for part in [
        "vocab is 0",
        "schedule: polynomial",
        "denoiser.trunk.layers is 0",
        "`diagonal`",
        "latent.posterior.trunk.width = 8",
        "latent.free_nats = inf",
    ] {
        assert_eq!(found.iter().filter(|text| text.contains(part)).count(), 1, "{part}: {found:#?}");
    }
    assert_eq!(found.len(), 6, "{found:#?}");
}

#[test]
fn a_graph_must_fit_and_is_not_called_absent_when_it_does_not() {
    let mut config: ModelConfig = toml::from_str(MODEL).unwrap();
    config.graph = Some(GraphSpec::Chain { n: 9 });
    let found = problems(&config);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].contains("9 nodes") && found[0].contains("16 tokens"), "{found:#?}");
    config.graph = Some(GraphSpec::Chain { n: 0 });
    let found = problems(&config);
    assert!(found.len() == 1 && found[0].starts_with("graph: "), "{found:#?}");
    config.graph = None;
    let found = problems(&config);
    assert!(found.len() == 1 && found[0].contains("denoiser.trunk.edge_heads"), "{found:#?}");
}

#[test]
fn a_sound_configuration_has_no_problems() {
    for scope in [Scope::Sequence, Scope::Step] {
        for family in [None, Some(CATEGORICAL)] {
            assert!(problems(&config(3, 4, scope, family)).is_empty());
        }
    }
}
