//! Infilling metrics of predictors with known completions.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use rand::rngs::ChaCha8Rng;
use vmd_core::index_below;
use vmd_process::NoiseSchedule;
use vmd_sampler::{Prediction, Predictor, Query, Sampler, SamplerConfig, Scope};
use vmd_tasks::synthetic::SyntheticSet;
use vmd_tasks::synthetic::{InfillScore, InfillTask, evaluate_infill};

/// Completions of a predictor.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Completes {
    /// Uniform over the sequences that agree with the clues.
    Uniformly,
    /// The first sequence that agrees.
    AlwaysTheSame,
    /// Uniform over the set, ignoring the clues.
    Blindly,
}

/// Predicts the sequence whose number is the latent.
struct Oracle {
    set: SyntheticSet,
    support: Vec<Vec<u32>>,
    how: Completes,
}

impl Oracle {
    fn draw(&self, xt: &[u32], rng: &mut ChaCha8Rng) -> usize {
        let agrees = |x: &[u32]| x.iter().zip(xt).all(|(a, b)| a == b || *b == self.vocab() as u32);
        let all: Vec<usize> = (0..self.support.len())
            .filter(|&i| self.how == Completes::Blindly || agrees(&self.support[i]))
            .collect();
        if self.how == Completes::AlwaysTheSame { all[0] } else { all[index_below(rng, all.len())] }
    }
}

impl Predictor for Oracle {
    fn vocab(&self) -> usize {
        self.set.vocab()
    }

    fn seq_len(&self) -> usize {
        self.set.seq_len()
    }

    fn latent_scope(&self) -> Scope {
        Scope::Block
    }

    fn schedule(&self) -> NoiseSchedule {
        NoiseSchedule::default()
    }

    fn draw_latents(&self, _: &[usize], xt: &[u32], rngs: &mut [&mut ChaCha8Rng]) -> Vec<f32> {
        let rows = xt.chunks_exact(self.seq_len()).zip(rngs);
        rows.map(|(xt, rng)| self.draw(xt, rng) as f32).collect()
    }

    fn predict(&self, query: Query<'_>) -> Prediction {
        let of_token =
            |&token: &u32| (0..self.vocab() as u32).map(move |v| if v == token { 50.0 } else { 0.0 });
        let rows = query.z.iter().map(|&i| &self.support[i as usize]);
        rows.flat_map(|row| row.iter().flat_map(of_token)).collect::<Vec<f32>>().into()
    }
}

const TASK: InfillTask = InfillTask { contexts: 200, completions: 100 };

fn score(name: &str, how: Completes) -> InfillScore {
    let set: SyntheticSet = name.parse().unwrap();
    let support = set.support().unwrap().into_iter().map(|(x, _)| x).collect();
    let sampler = Sampler::new(SamplerConfig { nfe: 1, ..SamplerConfig::default() });
    evaluate_infill(&Oracle { set, support, how }, &set, &sampler, TASK, 3)
}

#[test]
fn a_perfect_completion_has_the_entropy_of_true_draws() {
    for name in ["d2", "rules", "grids-4x4"] {
        let score = score(name, Completes::Uniformly);
        assert_eq!(score.accuracy.value, 1.0, "{name}");
        assert_eq!(score.accuracy.n, TASK.contexts);
        let entropy = score.entropy.unwrap();
        let (own, drawn) = (entropy.completions.value, entropy.true_draws.value);
        // Both estimate the same value from equally many draws. An estimate for one context has a
        // standard error of about (s − 1)/M·√½ ≤ 0.1 nats, a mean of 200 of them 0.007; five of a
        // difference are 0.05.
        assert!((own - drawn).abs() < 0.05, "{name}: {entropy:?}");
        // The bias (s − 1)/2M is negative for both.
        assert!(drawn < entropy.exact.value, "{name}: {entropy:?}");
    }
}

#[test]
fn the_conditional_entropy_is_that_of_the_set() {
    // Two of four tokens of D2 determine the sequence unless they are the same pair, a third of the
    // choices: then the entropy is ln 10.
    let exact = score("d2", Completes::Uniformly).entropy.unwrap().exact;
    let expected = 10f64.ln() / 3.0;
    assert!(exact.ci95[0] < expected && expected < exact.ci95[1], "{exact:?}, not around {expected}");
    // Two tokens of a chain determine it.
    assert_eq!(score("d1", Completes::Uniformly).entropy.unwrap().exact.value, 0.0);
}

#[test]
fn a_completion_that_is_always_the_same_is_right_and_has_no_entropy() {
    let score = score("rules", Completes::AlwaysTheSame);
    let entropy = score.entropy.unwrap();
    assert_eq!((score.accuracy.value, entropy.completions.value), (1.0, 0.0));
    assert!(entropy.true_draws.value > 0.5, "{entropy:?}");
}

#[test]
fn a_completion_that_ignores_the_clues_is_right_by_chance() {
    // On D1 one of ten sequences agrees with the clues: 0.1 ± 5·√(0.09/20000).
    let chain = score("d1", Completes::Blindly);
    assert!((chain.accuracy.value - 0.1).abs() < 0.011, "{chain:?}");
    // The other nine are wrong and distinct, while the true entropy is 0.
    let entropy = chain.entropy.unwrap();
    assert!(entropy.completions.value > 2.0 && entropy.true_draws.value == 0.0, "{entropy:?}");
}

#[test]
fn where_the_support_cannot_be_listed_there_is_accuracy_alone() {
    /// Uniform over all values.
    struct Uniform(SyntheticSet);
    impl Predictor for Uniform {
        fn vocab(&self) -> usize {
            self.0.vocab()
        }
        fn seq_len(&self) -> usize {
            self.0.seq_len()
        }
        fn latent_scope(&self) -> Scope {
            Scope::Block
        }
        fn schedule(&self) -> NoiseSchedule {
            NoiseSchedule::default()
        }

        fn draw_latents(&self, _: &[usize], _: &[u32], _: &mut [&mut ChaCha8Rng]) -> Vec<f32> {
            Vec::new()
        }
        fn predict(&self, query: Query<'_>) -> Prediction {
            vec![0.0; query.xt.len() * self.vocab()].into()
        }
    }
    let set: SyntheticSet = "needle-64".parse().unwrap();
    let sampler = Sampler::new(SamplerConfig { nfe: 1, ..SamplerConfig::default() });
    let score = evaluate_infill(&Uniform(set), &set, &sampler, TASK, 3);
    assert_eq!(score.entropy, None);
    // Both ends are given in about a quarter of the contexts (31·32/(63·64)); otherwise they agree
    // with probability 0.1.
    let given = 31.0 * 32.0 / (63.0 * 64.0);
    let expected = given + 0.1 * (1.0 - given);
    assert!(score.accuracy.ci95[0] < expected && expected < score.accuracy.ci95[1], "{score:?}");
}
