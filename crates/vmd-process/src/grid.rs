//! Time grids of the few-step sampler.

use std::f64::consts::FRAC_PI_2;

use serde::{Deserialize, Serialize};

use crate::{NoiseSchedule, reveal_probability};

/// Where the steps of a `T`-step chain lie, `1 = t_T > … > t_0 = 0`.
///
/// Steps are counted from the sampler's side: the first one starts at `t_T = 1`, where everything is masked. Variants are
/// written `Uniform {}`, because serde cannot reject unknown keys on unit variants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum TimeGrid {
    /// `t_k = k/T`, or equally many tokens per step. The default.
    Uniform {},
    /// `t_k = sin(π/2·k/T)`: short steps first, while little is known, long ones last.
    ///
    /// # Source
    /// `MaskGIT`, arXiv 2202.04200, cosine scheduling: after step `i` of `T` a share `cos(π/2·i/T)` is still masked.
    Cosine {},
}

impl Default for TimeGrid {
    fn default() -> Self {
        Self::Uniform {}
    }
}

impl TimeGrid {
    /// The times `t_T = 1, …, t_0 = 0`, strictly decreasing, `n_steps + 1` of them.
    ///
    /// # Panics
    /// If `n_steps` is 0.
    ///
    /// ```
    /// assert_eq!(vmd_process::TimeGrid::Uniform {}.times(4), [1.0, 0.75, 0.5, 0.25, 0.0]);
    /// ```
    #[must_use]
    pub fn times(&self, n_steps: usize) -> Vec<f64> {
        assert!(n_steps > 0, "a chain has at least one step");
        (0..=n_steps).map(|step| self.share_left(step, n_steps)).collect()
    }

    /// The weights `r_k = r(t_{k−1}, t_k)` of the steps in the order of [`times`](Self::times); the last one is 1.
    ///
    /// # Panics
    /// If `n_steps` is 0.
    ///
    /// # Source
    /// `r_k` weighs the cross-entropy at `t_k` in the bound of the `T`-step ancestral sampler: D3PM, arXiv 2107.03006,
    /// absorbing-state process; MDLM, arXiv 2406.07524, discrete-time NELBO.
    ///
    /// ```
    /// use vmd_process::{NoiseSchedule, TimeGrid};
    /// // Linear schedule, uniform grid: 1/T, …, 1/2, 1.
    /// assert_eq!(TimeGrid::Uniform {}.weights(&NoiseSchedule::default(), 2), [0.5, 1.0]);
    /// ```
    #[must_use]
    pub fn weights(&self, schedule: &NoiseSchedule, n_steps: usize) -> Vec<f64> {
        self.times(n_steps).windows(2).map(|pair| reveal_probability(schedule, pair[1], pair[0])).collect()
    }

    /// How many of `n_masked` tokens each of the next `n_steps` steps reveals; the counts sum to `n_masked`.
    ///
    /// `Uniform` is as even as possible (counts differ by at most one); `Cosine` starts with few and ends with many.
    /// No step is wasted: with `n_masked ≥ n_steps` every step reveals at least one token.
    ///
    /// # Panics
    /// If `n_steps` is 0.
    ///
    /// # Source
    /// `MaskGIT`, arXiv 2202.04200, cosine scheduling.
    ///
    /// ```
    /// assert_eq!(vmd_process::TimeGrid::Uniform {}.reveal_counts(7, 3), [3, 2, 2]);
    /// ```
    #[must_use]
    pub fn reveal_counts(&self, n_masked: usize, n_steps: usize) -> Vec<usize> {
        assert!(n_steps > 0, "a chain has at least one step");
        let mut left = n_masked;
        let reveal_in_step = |step: usize| {
            let wish = self.masked_after(step, n_masked, n_steps);
            let next = if n_masked >= n_steps {
                // One token for this step, and one kept for each step to come.
                wish.clamp(n_steps - step, left - 1)
            } else {
                wish.min(left)
            };
            let count = left - next;
            left = next;
            count
        };
        (1..=n_steps).map(reveal_in_step).collect()
    }

    fn masked_after(&self, step: usize, n_masked: usize, n_steps: usize) -> usize {
        match self {
            // In integers, so that evenness does not hang on rounding; 128 bits cannot overflow.
            Self::Uniform {} => (n_masked as u128 * (n_steps - step) as u128 / n_steps as u128) as usize,
            Self::Cosine {} => (n_masked as f64 * self.share_left(step, n_steps)).round() as usize,
        }
    }

    /// Time after `step` of `n_steps` steps, which is also the share of tokens then masked.
    fn share_left(&self, step: usize, n_steps: usize) -> f64 {
        let share = (n_steps - step) as f64 / n_steps as f64;
        match self {
            Self::Uniform {} => share,
            Self::Cosine {} => (FRAC_PI_2 * share).sin(),
        }
    }
}
