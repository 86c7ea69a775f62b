//! Priors on the host: exact draws, densities and enumeration.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::sync::Arc;

use rand::Rng;
use vmd_core::uniform;

use super::HostKind;
use super::standard::Standard;
use crate::distribution::LN_TAU;
use crate::{LatentConfig, LatentFamily};

/// Maximum number of open prefixes in the search for the most probable latents.
const MAX_OPEN: usize = 1 << 20;

/// Latents of several sequences on the host, row after row.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LatentRows {
    /// Values, `[rows, row_len]`, row-major.
    pub values: Vec<f32>,
    /// Values per sequence.
    pub row_len: usize,
}

impl LatentRows {
    /// Returns the number of sequences.
    pub fn n_rows(&self) -> usize {
        self.values.len() / self.row_len.max(1)
    }

    /// Iterates over the latents of all sequences.
    pub fn rows(&self) -> impl Iterator<Item = &[f32]> {
        self.values.chunks_exact(self.row_len.max(1))
    }

    /// Returns the latent of one sequence.
    pub fn row(&self, index: usize) -> &[f32] {
        &self.values[index * self.row_len..(index + 1) * self.row_len]
    }
}

/// A prior on the host, in double precision. Clones share its parameters.
#[derive(Debug, Clone)]
pub struct Prior {
    kind: Arc<dyn HostKind>,
    family: LatentFamily,
    n_latents: usize,
    /// Terms that clues add to the parameters; empty for a prior without clues.
    shift: Vec<f64>,
}

impl Prior {
    /// Creates the standard prior of `config`'s family for sequences of `seq` tokens: `N(0, I)`,
    /// or uniform over classes.
    pub fn standard(config: &LatentConfig, seq: usize) -> Self {
        let n_latents = config.n_latents(seq);
        Self::new(Arc::new(Standard::new(config.family, n_latents)), config.family, n_latents, Vec::new())
    }

    pub(super) fn new(
        kind: Arc<dyn HostKind>,
        family: LatentFamily,
        n_latents: usize,
        shift: Vec<f64>,
    ) -> Self {
        Self { kind, family, n_latents, shift }
    }

    /// Returns the same prior for a row whose clues add `shift` (`[n_latents, n_shifts]`, a row of
    /// [`PriorNetwork::shift`](crate::PriorNetwork::shift)) to its parameters.
    #[must_use]
    pub fn given(&self, shift: &[f64]) -> Self {
        Self { shift: shift.to_vec(), ..self.clone() }
    }

    /// Returns `ln p(z)` of one row in nats: a density for a Gaussian latent, a probability for a
    /// categorical one.
    pub fn log_density(&self, z: &[f32]) -> f64 {
        self.kind.log_density(z, &self.shift)
    }

    /// Returns the number of values per sequence.
    pub fn row_len(&self) -> usize {
        self.n_latents * self.family.channels()
    }

    /// Appends one exact draw to `values`.
    pub fn sample_into(&self, rng: &mut impl Rng, values: &mut Vec<f32>) {
        self.kind.sample_into(&self.shift, rng, values);
    }

    /// Appends a row that keeps the (sub-)latents of `z` where `kept` (`[n_latents]`) is true and
    /// draws the others.
    ///
    /// Priors with ordered groups (`autoregressive`, `recurrent`) draw each group given the
    /// preceding groups. Other priors draw independently of the kept values.
    pub fn redraw_into(&self, z: &[f32], kept: &[bool], rng: &mut impl Rng, values: &mut Vec<f32>) {
        let (channels, start) = (self.family.channels(), values.len());
        let LatentFamily::Categorical { n_groups, n_classes, .. } = self.family else {
            return self.overwrite(z, kept, rng, values);
        };
        let mut chosen: Vec<usize> = Vec::with_capacity(kept.len() * n_groups);
        for group in 0..kept.len() * n_groups {
            let first = group * n_classes;
            let own = z[first..first + n_classes].iter().position(|&z| z > 0.5);
            let class = match own.filter(|_| kept[group / n_groups]) {
                Some(class) => class,
                None => match self.kind.next_group(&chosen, &self.shift) {
                    Some(next) => draw_class(&next, rng),
                    None => return self.overwrite(z, kept, rng, values),
                },
            };
            chosen.push(first + class);
        }
        values.resize(start + kept.len() * channels, 0.0);
        chosen.iter().for_each(|&channel| values[start + channel] = 1.0);
    }

    /// Appends a draw in which the `kept` (sub-)latents are replaced by those of `z`.
    fn overwrite(&self, z: &[f32], kept: &[bool], rng: &mut impl Rng, values: &mut Vec<f32>) {
        let (channels, start) = (self.family.channels(), values.len());
        self.sample_into(rng, values);
        for latent in (0..kept.len()).filter(|&latent| kept[latent]) {
            let own = latent * channels..(latent + 1) * channels;
            values[start + own.start..start + own.end].copy_from_slice(&z[own]);
        }
    }

    /// Lists all values of `z`; `None` for a Gaussian or if there are more than `limit`.
    ///
    /// [`log_density`](Self::log_density) gives the probability of each.
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

/// A partial latent: the classes of its first groups.
#[derive(Debug, Clone, PartialEq)]
struct Prefix {
    log_p: f64,
    /// Chosen channels of the row.
    chosen: Vec<usize>,
}

impl Eq for Prefix {}

impl PartialOrd for Prefix {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Prefix {
    fn cmp(&self, other: &Self) -> Ordering {
        self.log_p.total_cmp(&other.log_p).then_with(|| other.chosen.cmp(&self.chosen))
    }
}

impl Prior {
    /// Lists the most probable values of an `autoregressive` or `recurrent` prior, in descending
    /// order, until at most `left_out` of its mass is missing or `limit` values are listed. Stops
    /// early if more than 2^20 prefixes are open.
    ///
    /// Also returns the missing mass. The list is empty for other priors.
    pub fn likeliest(&self, left_out: f64, limit: usize) -> (LatentRows, f64) {
        let row_len = self.row_len();
        let (mut rows, mut left) = (LatentRows { values: Vec::new(), row_len }, 1.0);
        let LatentFamily::Categorical { n_groups, n_classes, .. } = self.family else { return (rows, left) };
        let groups = self.n_latents * n_groups;
        // A continuation is never more probable than its prefix, so the heap yields complete
        // latents in descending order.
        let mut open = BinaryHeap::from([Prefix { log_p: 0.0, chosen: Vec::new() }]);
        while let Some(prefix) = open.pop() {
            if prefix.chosen.len() == groups {
                left -= prefix.log_p.exp();
                let start = rows.values.len();
                rows.values.resize(start + row_len, 0.0);
                prefix.chosen.iter().for_each(|&channel| rows.values[start + channel] = 1.0);
                if left <= left_out || rows.n_rows() == limit {
                    break;
                }
                continue;
            }
            let Some(next) = self.kind.next_group(&prefix.chosen, &self.shift) else { break };
            let first = prefix.chosen.len() * n_classes;
            for (class, log_p) in next.into_iter().enumerate() {
                let chosen = [prefix.chosen.as_slice(), &[first + class]].concat();
                open.push(Prefix { log_p: prefix.log_p + log_p, chosen });
            }
            // A nearly uniform prior has too many prefixes to visit.
            if open.len() > MAX_OPEN {
                break;
            }
        }
        (rows, left.max(0.0))
    }
}

/// Draws an index from log-probabilities.
pub(super) fn draw_class(log_probabilities: &[f64], rng: &mut dyn Rng) -> usize {
    let mut rest = uniform(rng);
    let below = |log_p: &f64| {
        rest -= log_p.exp();
        rest < 0.0
    };
    log_probabilities.iter().position(below).unwrap_or(log_probabilities.len() - 1)
}

/// Appends class `class` of `n_classes` as a one-hot group.
pub(super) fn push_one_hot(class: usize, n_classes: usize, values: &mut Vec<f32>) {
    values.extend((0..n_classes).map(|k| f32::from(u8::from(k == class))));
}

/// Returns `ln N(distance; 0, e^{log_variance})`.
pub(super) fn log_normal(distance: f64, log_variance: f64) -> f64 {
    -0.5 * (distance * distance * (-log_variance).exp() + log_variance + LN_TAU)
}
