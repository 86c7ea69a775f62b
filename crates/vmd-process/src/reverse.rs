//! The reverse process over tokens, given a prediction of the clean ones.

use crate::{NoiseSchedule, reveal_probability};

/// `p(x_s | x_t) = Σ_{x0} q(x_s | x_t, x0)·p(x0 | x_t)` for one token and `s ≤ t`.
///
/// A masked token stays masked with probability `1 − r` and takes the value `v` with probability `r·p(v)`; a revealed
/// token stays as it is.
///
/// # Source
/// MDLM, arXiv 2406.07524, posterior of the absorbing state.
///
/// ```
/// use vmd_process::{NoiseSchedule, ReversePosterior};
/// let step = ReversePosterior::between(&NoiseSchedule::default(), 0.25, 0.5, 2);
/// assert_eq!(step.probabilities(2, &[0.25, 0.75]), [0.125, 0.375, 0.5]); // values 0 and 1, then the mask
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReversePosterior {
    reveal_probability: f64,
    mask_token: u32,
}

impl ReversePosterior {
    /// The step from `t` to `s`; the mask token is the size of the vocabulary.
    ///
    /// # Panics
    /// If `s > t`.
    #[must_use]
    pub fn between(schedule: &NoiseSchedule, s: f64, t: f64, mask_token: u32) -> Self {
        Self { reveal_probability: reveal_probability(schedule, s, t), mask_token }
    }

    /// The chance `r(s, t)` that a masked token is revealed.
    #[must_use]
    pub fn reveal_probability(&self) -> f64 {
        self.reveal_probability
    }

    /// Probabilities of the values `0..vocab` and, last, of the mask, for a token that is `xt` now.
    ///
    /// # Shapes
    /// `x0_probabilities` is `[vocab]` and sums to one; the result is `[vocab + 1]`.
    ///
    /// # Panics
    /// If `x0_probabilities` has not one entry per value, or `xt` is no token.
    #[must_use]
    pub fn probabilities(&self, xt: u32, x0_probabilities: &[f64]) -> Vec<f64> {
        let vocab = self.mask_token as usize;
        assert_eq!(x0_probabilities.len(), vocab, "one probability per value of the vocabulary");
        if xt != self.mask_token {
            let mut stays = vec![0.0; vocab + 1];
            stays[xt as usize] = 1.0;
            return stays;
        }
        let r = self.reveal_probability;
        x0_probabilities.iter().map(|p| r * p).chain([1.0 - r]).collect()
    }
}
