//! Configurations in TOML.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use crate::common::{CATEGORICAL, config};
use burn::tensor::Device;
use vmd_core::{Purpose, Validate, keyed_rng};
use vmd_graph::GraphSpec;
use vmd_model::{ModelConfig, ObjectiveConfig, VmdModel};
use vmd_sampler::Scope;

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
posterior = { init_scale = 1.0, trunk = { width = 8, layers = 1, heads = 1, activation = "silu" } }
"#;

#[test]
fn a_model_is_read_from_toml_and_built() {
    let config: ModelConfig = toml::from_str(MODEL).unwrap();
    assert_eq!(config.scope, Scope::Step);
    assert_eq!((config.denoiser.trunk.loops, config.denoiser.trunk.mlp_ratio), (1, 4));
    assert_eq!(config.mask_token(), 4);
    assert!(config.problems(()).is_empty());
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
        ("init_scale = 1.0", "init_scale = 1.0, pool = 1"),
        ("structure = \"per_token\"", "structure = \"per_token\"\nfree_nats = 1.0"),
        ("kind = \"cosine\"", "kind = \"cosine\", epsilon = 0.1"),
        ("box_cols = 2", "box_cols = 2, n = 3"),
    ] {
        let text = MODEL.replacen(line, with, 1);
        assert_ne!(text, MODEL);
        let error = toml::from_str::<ModelConfig>(&text).unwrap_err().to_string();
        assert!(error.contains("unknown field"), "{with}: {error}");
    }
    assert!(toml::from_str::<ObjectiveConfig>("steps = 4\nstep = 3").is_err());
    let objective: ObjectiveConfig = toml::from_str("steps = 4\nclue_share = 0.5").unwrap();
    assert_eq!(objective.budgets(), [Some(4)]);
}

/// The messages of all problems. Checks that a model is refused exactly if there are any.
fn problems(config: &ModelConfig) -> Vec<String> {
    let problems = config.problems(());
    let built = VmdModel::new(config, keyed_rng(1, 0, Purpose::Init), &Device::flex());
    assert_eq!(built.err(), problems.first().cloned());
    problems.into_iter().map(|problem| problem.to_string()).collect()
}

#[test]
fn all_problems_are_reported_at_once() {
    let mut bad: ModelConfig = toml::from_str(MODEL).unwrap();
    bad.vocab = 0;
    bad.denoiser.trunk.layers = 0;
    bad.denoiser.trunk.edge_heads = vec!["row".into(), "diagonal".into()];
    let latent = bad.latent.as_mut().unwrap();
    latent.posterior.init_scale = f64::INFINITY;
    latent.posterior.trunk.heads = 3;
    let found = problems(&bad);
    for part in [
        "vocab: must be 1 or more",
        "denoiser.trunk.layers: must be 1 or more",
        "`diagonal`",
        "latent.posterior.trunk.width: 8 is not a multiple",
        "latent.posterior.init_scale: must be 0 or more and finite, not inf",
    ] {
        assert_eq!(found.iter().filter(|text| text.contains(part)).count(), 1, "{part}: {found:#?}");
    }
    assert_eq!(found.len(), 5, "{found:#?}");
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
fn the_scope_sequence_of_earlier_versions_is_block() {
    let text = MODEL.replace("scope = \"step\"", "scope = \"sequence\"");
    assert_ne!(text, MODEL);
    assert_eq!(toml::from_str::<ModelConfig>(&text).unwrap().scope, Scope::Block);
}

#[test]
fn a_sound_configuration_has_no_problems() {
    for scope in [Scope::Block, Scope::Step] {
        for family in [None, Some(CATEGORICAL)] {
            assert!(problems(&config(3, 4, scope, family)).is_empty());
        }
    }
}
