//! The rules of a sampler as text, and which go together.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use proptest::prelude::*;
use vmd_model::{LatentRule, RemaskRule, RevealRule, SamplerConfig, ValueRule};

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
        ("first_hitting", RevealRule::FirstHitting),
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
    let remask = [
        ("none", RemaskRule::None),
        ("cap(0.1)", RemaskRule::Cap { eta: 0.1 }),
        ("rescale( 1 )", RemaskRule::Rescale { eta: 1.0 }),
        ("confidence", RemaskRule::Confidence { eta: 1.0 }),
        ("confidence(0.5)", RemaskRule::Confidence { eta: 0.5 }),
        (" predict_remask", RemaskRule::PredictRemask),
    ];
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
            RevealRule::FirstHitting,
        ] {
            prop_assert_eq!(rule.to_string().parse(), Ok(rule));
        }
        for rule in [
            RemaskRule::None,
            RemaskRule::Cap { eta: tau },
            RemaskRule::Rescale { eta: tau },
            RemaskRule::Confidence { eta: tau },
            RemaskRule::Confidence { eta: 1.0 },
            RemaskRule::PredictRemask,
        ] {
            prop_assert_eq!(rule.to_string().parse(), Ok(rule));
        }
        for rule in [
            LatentRule::Prior,
            LatentRule::PriorOnce,
            LatentRule::PriorEachStep,
            LatentRule::Reinfer,
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
        let _ = text.parse::<LatentRule>();
        let _ = text.parse::<RemaskRule>();
        for name in ["cap", "rescale", "confidence"] {
            let eta = match format!("{name}({inner})").parse() {
                Ok(RemaskRule::Cap { eta } | RemaskRule::Rescale { eta } | RemaskRule::Confidence { eta }) => eta,
                _ => 0.0,
            };
            prop_assert!((0.0..=1.0).contains(&eta));
        }
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
    for text in ["", "Cap(0.1)", "cap", "cap()", "cap(1.1)", "rescale(-0.1)", "confidence(NaN)", "none(1)"] {
        let error = text.parse::<RemaskRule>().unwrap_err().to_string();
        assert!(error.contains(&format!("`{text}`")) && error.contains("rescale(0.1)"), "{error}");
    }
    let error = "posterior".parse::<LatentRule>().unwrap_err().to_string();
    assert!(error.contains("`posterior`") && error.contains("reinfer"), "{error}");
    assert!("categorical(1,1,1)".parse::<ValueRule>().is_err());
    assert!("categorical(1,1.1)".parse::<ValueRule>().is_err());
}

#[test]
fn a_sampler_is_read_from_toml() {
    let sampler: SamplerConfig =
        toml::from_str("nfe = 4\nreveal = \"threshold(0.75)\"\nvalue = \"categorical(0.8,0.95)\"").unwrap();
    assert_eq!(sampler.reveal, RevealRule::Threshold { tau: 0.75 });
    assert_eq!(sampler.value, ValueRule::Categorical { temperature: 0.8, top_p: 0.95 });
    assert!(sampler.problems().is_empty());
    assert_eq!(toml::from_str::<SamplerConfig>(&toml::to_string(&sampler).unwrap()).unwrap(), sampler);

    let plain: SamplerConfig = toml::from_str("nfe = 1").unwrap();
    assert_eq!(plain, SamplerConfig { nfe: 1, ..SamplerConfig::default() });
    assert_eq!((plain.reveal, plain.value), (RevealRule::Ancestral, ValueRule::default()));
    assert_eq!((plain.remask, plain.latent), (RemaskRule::None, LatentRule::Prior));
    assert_eq!((plain.reveal_noise, plain.best_of), (0.0, 1));
    let all: SamplerConfig = toml::from_str(
        "nfe = 4\nreveal = \"margin\"\nremask = \"predict-remask\"\nlatent = \"prior-once\"\nreveal_noise = 0.5\nbest_of = 3",
    )
    .unwrap();
    assert_eq!((all.remask, all.latent), (RemaskRule::PredictRemask, LatentRule::PriorOnce));
    assert_eq!((all.reveal_noise, all.best_of), (0.5, 3));
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
    assert_eq!(bad.problems().len(), 3, "{:?}", bad.problems());
}

/// The one problem of a sampler, which names `key`.
fn problem(config: &SamplerConfig) -> String {
    let problems = config.problems();
    assert_eq!(problems.len(), 1, "{config:?}: {problems:?}");
    problems[0].clone()
}

#[test]
fn rules_that_do_not_go_together_are_refused_in_words() {
    let all = "ancestral random-k top-prob margin entropy threshold(0.5) entropy-bound(0.5) independent-set first-hitting";
    let rules = || all.split(' ').map(|text| text.parse::<RevealRule>().unwrap());
    let plain = |reveal| SamplerConfig { reveal, ..SamplerConfig::default() };
    let counts = |rule| matches!(rule, RevealRule::TopProb | RevealRule::Margin | RevealRule::Entropy);
    for reveal in rules() {
        assert!(plain(reveal).problems().is_empty());
        for remask in ["cap(0)", "cap(0.1)", "rescale(0.1)", "confidence"] {
            let config = SamplerConfig { remask: remask.parse().unwrap(), ..plain(reveal) };
            if reveal == RevealRule::Ancestral {
                assert!(config.problems().is_empty());
            } else {
                let text = problem(&config);
                let parts = [remask, &reveal.to_string(), "set reveal = ancestral"];
                assert!(parts.iter().all(|part| text.contains(part)), "{text}");
            }
        }
        let config = SamplerConfig { remask: RemaskRule::PredictRemask, ..plain(reveal) };
        if counts(reveal) {
            assert!(config.problems().is_empty());
        } else {
            assert!(problem(&config).contains("set reveal to top-prob, margin or entropy"));
        }
        let config = SamplerConfig { remask: RemaskRule::Backtrack, ..plain(reveal) };
        if matches!(reveal, RevealRule::Threshold { .. }) {
            assert!(config.problems().is_empty() && !config.sets_own_pace());
        } else {
            assert!(problem(&config).contains("set reveal = threshold"));
        }
        let config = SamplerConfig { reveal_noise: 0.5, ..plain(reveal) };
        if counts(reveal) || reveal == RevealRule::IndependentSet {
            assert!(config.problems().is_empty());
        } else {
            let text = problem(&config);
            assert!(text.starts_with("reveal_noise = 0.5") && text.contains("independent-set"), "{text}");
        }
    }
    let margin = plain(RevealRule::Margin);
    for noise in [-1.0, f64::NAN, f64::INFINITY] {
        assert!(
            problem(&SamplerConfig { reveal_noise: noise, ..margin.clone() }).starts_with("reveal_noise =")
        );
    }
    assert!(problem(&SamplerConfig { best_of: 0, ..margin }).starts_with("best_of is 0"));
    let remask = RemaskRule::Cap { eta: f64::NAN };
    assert!(problem(&SamplerConfig { remask, ..SamplerConfig::default() }).contains("eta must lie in 0..=1"));
}
