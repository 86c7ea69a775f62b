//! Text form of the rules, and valid combinations.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use proptest::prelude::*;
use vmd_core::Validate;
use vmd_sampler::{RemaskRule, RevealRule, SamplerConfig, ValueRule};

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
        ("entropy_bound(2.5)", RevealRule::EntropyBound { gamma: 2.5 }),
        ("independent-set", RevealRule::IndependentSet),
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
    let remask = [("none", RemaskRule::None), (" predict_remask", RemaskRule::PredictRemask)];
    for (text, rule) in remask {
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
            RevealRule::EntropyBound { gamma: temperature },
            RevealRule::IndependentSet,
        ] {
            prop_assert_eq!(rule.to_string().parse(), Ok(rule));
        }
        for rule in [RemaskRule::None, RemaskRule::PredictRemask] {
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
        let _ = text.parse::<RemaskRule>();
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
    for text in ["", "cap(0.1)", "None", "none(1)"] {
        let error = text.parse::<RemaskRule>().unwrap_err().to_string();
        assert!(error.contains(&format!("`{text}`")) && error.contains("predict-remask"), "{error}");
    }
    let error = "backtrack".parse::<RemaskRule>().unwrap_err().to_string();
    assert!(error.contains("--search"), "{error}");
    assert!("categorical(1,1,1)".parse::<ValueRule>().is_err());
    assert!("categorical(1,1.1)".parse::<ValueRule>().is_err());
}

#[test]
fn a_sampler_is_read_from_toml() {
    let sampler: SamplerConfig =
        toml::from_str("nfe = 4\nreveal = \"threshold(0.75)\"\nvalue = \"categorical(0.8,0.95)\"").unwrap();
    assert_eq!(sampler.reveal, RevealRule::Threshold { tau: 0.75 });
    assert_eq!(sampler.value, ValueRule::Categorical { temperature: 0.8, top_p: 0.95 });
    assert!(sampler.problems(()).is_empty());
    assert_eq!(toml::from_str::<SamplerConfig>(&toml::to_string(&sampler).unwrap()).unwrap(), sampler);

    let plain: SamplerConfig = toml::from_str("nfe = 1").unwrap();
    assert_eq!(plain, SamplerConfig { nfe: 1, ..SamplerConfig::default() });
    assert_eq!((plain.reveal, plain.value), (RevealRule::Ancestral, ValueRule::default()));
    assert_eq!((plain.remask, plain.best_of), (RemaskRule::None, 1));
    let all: SamplerConfig =
        toml::from_str("nfe = 4\nreveal = \"margin\"\nremask = \"predict-remask\"\nbest_of = 3").unwrap();
    assert_eq!((all.remask, all.best_of), (RemaskRule::PredictRemask, 3));
    assert_eq!(toml::from_str::<SamplerConfig>(&toml::to_string(&all).unwrap()).unwrap(), all);
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
    assert_eq!(bad.problems(()).len(), 3, "{:?}", bad.problems(()));
}

/// The only problem of a sampler, whose message contains `key`.
fn problem(config: &SamplerConfig) -> String {
    let problems = config.problems(());
    assert_eq!(problems.len(), 1, "{config:?}: {problems:?}");
    problems[0].to_string()
}

#[test]
fn rules_that_do_not_go_together_are_refused_in_words() {
    let all = "ancestral random-k top-prob margin entropy threshold(0.5) entropy-bound(0.5) independent-set";
    let rules = || all.split(' ').map(|text| text.parse::<RevealRule>().unwrap());
    let plain = |reveal| SamplerConfig { reveal, ..SamplerConfig::default() };
    let counts = |rule| matches!(rule, RevealRule::TopProb | RevealRule::Margin | RevealRule::Entropy);
    for reveal in rules() {
        assert!(plain(reveal).problems(()).is_empty());
        let config = SamplerConfig { remask: RemaskRule::PredictRemask, ..plain(reveal) };
        if counts(reveal) {
            assert!(config.problems(()).is_empty());
        } else {
            assert!(problem(&config).contains("set reveal to top-prob, margin or entropy"));
        }
    }
    assert!(
        problem(&SamplerConfig { best_of: 0, ..plain(RevealRule::Margin) })
            .starts_with("best_of: must be 1 or more")
    );
}
