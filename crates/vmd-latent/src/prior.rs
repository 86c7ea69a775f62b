//! The standard prior, drawn and enumerated on the host.

use rand::{Rng, RngExt};

use crate::{LatentConfig, LatentFamily};

/// Latents of several sequences on the host, row after row.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LatentRows {
    /// Values, `[rows, row_len]`, row-major.
    pub values: Vec<f32>,
    /// Values per sequence.
    pub row_len: usize,
}

impl LatentRows {
    /// Number of sequences.
    pub fn n_rows(&self) -> usize {
        self.values.len() / self.row_len.max(1)
    }

    /// The latent of one sequence.
    pub fn row(&self, index: usize) -> &[f32] {
        &self.values[index * self.row_len..(index + 1) * self.row_len]
    }
}

/// `N(0, I)` for a Gaussian latent, uniform over classes for a categorical one.
#[derive(Debug, Clone, Copy)]
pub struct StandardPrior {
    family: LatentFamily,
    n_latents: usize,
}

impl StandardPrior {
    /// The prior of `config` for sequences of `seq` tokens.
    pub fn new(config: &LatentConfig, seq: usize) -> Self {
        Self { family: config.family, n_latents: config.n_latents(seq) }
    }

    /// Values per sequence.
    pub fn row_len(&self) -> usize {
        self.n_latents * self.family.channels()
    }

    /// Appends one exact draw to `values`.
    pub fn sample_into(&self, rng: &mut impl Rng, values: &mut Vec<f32>) {
        match self.family {
            LatentFamily::Gaussian { dim } => {
                values.extend((0..self.n_latents * dim).map(|_| standard_normal(rng) as f32));
            }
            LatentFamily::Categorical { n_groups, n_classes, .. } => {
                for _ in 0..self.n_latents * n_groups {
                    let class = rng.random_range(0..n_classes);
                    values.extend((0..n_classes).map(|k| if k == class { 1.0 } else { 0.0 }));
                }
            }
        }
    }

    /// Appends the noise that [`LatentDistribution::sample`](crate::LatentDistribution::sample) turns into a
    /// draw: standard normal for a Gaussian, Gumbel for a categorical.
    pub fn noise_into(&self, rng: &mut impl Rng, values: &mut Vec<f32>) {
        let n = self.row_len();
        match self.family {
            LatentFamily::Gaussian { .. } => values.extend((0..n).map(|_| standard_normal(rng) as f32)),
            LatentFamily::Categorical { .. } => {
                values.extend((0..n).map(|_| -(-open_unit(rng).ln()).ln() as f32));
            }
        }
    }

    /// Every value of `z`, all equally likely, if there are at most `limit`; `None` for a Gaussian.
    pub fn enumerate(&self, limit: usize) -> Option<LatentRows> {
        let LatentFamily::Categorical { n_groups, n_classes, .. } = self.family else { return None };
        let digits = self.n_latents * n_groups;
        let count = n_classes.checked_pow(u32::try_from(digits).ok()?).filter(|&n| n <= limit)?;
        let row_len = self.row_len();
        let mut values = vec![0.0; count * row_len];
        for (code, row) in values.chunks_exact_mut(row_len).enumerate() {
            let mut rest = code;
            for group in row.chunks_exact_mut(n_classes) {
                group[rest % n_classes] = 1.0;
                rest /= n_classes;
            }
        }
        Some(LatentRows { values, row_len })
    }
}

/// A draw from the open interval `(0, 1)`.
fn open_unit(rng: &mut impl Rng) -> f64 {
    rng.random::<f64>().max(f64::MIN_POSITIVE)
}

/// Box–Muller, one of the pair.
fn standard_normal(rng: &mut impl Rng) -> f64 {
    let radius = (-2.0 * open_unit(rng).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.random::<f64>()).cos()
}
