//! What a sampler does, in serialisable form.

use serde::{Deserialize, Serialize};

use super::{LatentRule, RemaskRule, RevealRule, ValueRule};

/// A sampler's choices.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SamplerConfig {
    /// Steps that the sampler may take: an upper limit on its network evaluations, for each of `best_of` attempts. The
    /// rules `threshold` and `entropy-bound` set their own pace and ignore it, unless they search (`remask = backtrack`).
    pub nfe: usize,
    /// Which tokens a step reveals.
    #[serde(default)]
    pub reveal: RevealRule,
    /// Temperature `τ ≥ 0` of Gumbel noise `g` on the scores by which tokens are ranked: step `k = 0, …` of `T` ranks by
    /// `ln score + τ·(1 − (k+1)/T)·g`, so the noise falls linearly and the last step has none (`MaskGIT`,
    /// arXiv 2202.04200). `entropy` has the score `exp(−entropy)`.
    #[serde(default)]
    pub reveal_noise: f64,
    /// Which values they get.
    #[serde(default)]
    pub value: ValueRule,
    /// Which revealed tokens are masked again.
    #[serde(default)]
    pub remask: RemaskRule,
    /// Where the latents come from.
    #[serde(default)]
    pub latent: LatentRule,
    /// Attempts at a row until one satisfies the caller's checker.
    #[serde(default = "one")]
    pub best_of: usize,
}

fn one() -> usize {
    1
}

impl Default for SamplerConfig {
    /// Four steps of the ancestral sampler.
    fn default() -> Self {
        Self {
            nfe: 4,
            reveal: RevealRule::default(),
            reveal_noise: 0.0,
            value: ValueRule::default(),
            remask: RemaskRule::default(),
            latent: LatentRule::default(),
            best_of: one(),
        }
    }
}

impl SamplerConfig {
    /// Whether the number of evaluations does not depend on `nfe`.
    pub fn sets_own_pace(&self) -> bool {
        let by_surety = matches!(self.reveal, RevealRule::Threshold { .. } | RevealRule::EntropyBound { .. });
        by_surety && self.remask != RemaskRule::Backtrack
    }

    /// Problems of the configuration, with the name of the key; empty when a sampler can run.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.nfe == 0 {
            problems.push("nfe is 0; set it to 1 or more".into());
        }
        if self.best_of == 0 {
            problems.push("best_of is 0; set it to 1 or more".into());
        }
        if !self.reveal.is_valid() {
            problems.push(format!(
                "reveal = {}; tau must lie in 0..=1, gamma must be 0 or more and finite",
                self.reveal
            ));
        }
        if !self.value.is_valid() {
            problems.push(format!(
                "value = {}; the temperature must be above 0 and finite, top-p in (0, 1]",
                self.value
            ));
        }
        if !(self.reveal_noise >= 0.0 && self.reveal_noise.is_finite()) {
            problems.push(format!("reveal_noise = {}; set it to 0 or more, and finite", self.reveal_noise));
        }
        let ranks = self.reveal.counts_the_surest() || self.reveal == RevealRule::IndependentSet;
        if self.reveal_noise != 0.0 && !ranks {
            problems.push(format!(
                "reveal_noise = {} is for rules that rank tokens by a score, and {} does not; set it to 0 or reveal to \
                 top-prob, margin, entropy or independent-set",
                self.reveal_noise, self.reveal
            ));
        }
        problems.extend(self.remask_problem());
        problems
    }

    /// The [`problems`](Self::problems), and what the rules need of a model that it lacks.
    pub fn problems_on(&self, has_graph: bool, has_posterior: bool) -> Vec<String> {
        let mut problems = self.problems();
        if self.reveal == RevealRule::IndependentSet && !has_graph {
            problems.push(
                "reveal = independent-set asks which positions are tied, and the model has no graph; choose another \
                 rule, or train a model with model.graph"
                    .into(),
            );
        }
        if self.latent == LatentRule::Reinfer && !has_posterior {
            problems.push(
                "latent = reinfer draws from the posterior, and the model has no latent; set it to prior, or train a \
                 model with model.latent"
                    .into(),
            );
        }
        problems
    }

    fn remask_problem(&self) -> Option<String> {
        let (remask, reveal) = (self.remask, self.reveal);
        if !remask.is_valid() {
            return Some(format!("remask = {remask}; eta must lie in 0..=1"));
        }
        if remask.follows_the_clock() && reveal != RevealRule::Ancestral {
            return Some(format!(
                "remask = {remask} masks along the clock of `ancestral`, and {reveal} follows another pace; set \
                 reveal = ancestral, or remask = none"
            ));
        }
        if remask == RemaskRule::Backtrack && !matches!(reveal, RevealRule::Threshold { .. }) {
            return Some(format!(
                "remask = {remask} tells guesses from sure tokens by a threshold, and {reveal} has none; set reveal = \
                 threshold(0.9), or remask = none"
            ));
        }
        if remask == RemaskRule::Backtrack && self.latent == LatentRule::Reinfer {
            return Some(format!(
                "latent = reinfer takes the last answer for the row, and with remask = {remask} it may be about other \
                 tokens; set latent to prior"
            ));
        }
        (remask == RemaskRule::PredictRemask && !reveal.counts_the_surest()).then(|| {
            format!(
                "remask = {remask} keeps a given number of the surest tokens, and {reveal} does not say which are; set \
                 reveal to top-prob, margin or entropy, or remask = none"
            )
        })
    }
}
