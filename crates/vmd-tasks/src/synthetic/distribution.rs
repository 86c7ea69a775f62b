//! Exact distributions of the synthetic sets.

use vmd_core::{Purpose, index_below, keyed_rng};

use super::{SyntheticSet, SyntheticSetError, grids, rules};

/// Largest support that is enumerated.
const MAX_SUPPORT: usize = 1_000_000;

impl SyntheticSet {
    /// Every sequence of the set with its probability; `None` if there are more than a million.
    ///
    /// ```
    /// use vmd_tasks::synthetic::SyntheticSet;
    /// let support = SyntheticSet::PairsSkewed.support().unwrap();
    /// assert_eq!(support[9], (vec![9, 0], 10.0 / 55.0));
    /// ```
    #[must_use]
    pub fn support(&self) -> Option<Vec<(Vec<u32>, f64)>> {
        if let Self::PairsSkewed = self {
            return Some((0..10).map(|k| (chain(k, 2), f64::from(k + 1) / 55.0)).collect());
        }
        let free = match self {
            Self::Needle(length) | Self::Parity(length) => sequences(self.vocab() as u32, length - 1)?,
            _ => Vec::new(),
        };
        let sequences: Vec<Vec<u32>> = match self {
            Self::PairsUniform | Self::PairsSkewed | Self::D1 | Self::Chain(_) => {
                (0..10).map(|k| chain(k, self.seq_len())).collect()
            }
            Self::D2 => (0..100).map(|kl| [chain(kl / 10, 2), chain(kl % 10, 2)].concat()).collect(),
            Self::Needle(_) => closed_by(free, |start| start[0]),
            Self::Parity(_) => closed_by(free, |start| start.iter().sum::<u32>() % 2),
            Self::Grids4x4 => grids::all().iter().map(|grid| grid.to_vec()).collect(),
            Self::Rules => rules::solutions().iter().map(|solution| solution.to_vec()).collect(),
        };
        let probability = 1.0 / sequences.len() as f64;
        Some(sequences.into_iter().map(|sequence| (sequence, probability)).collect())
    }

    /// `n` random sequences of the support, the same for every seed of a run.
    ///
    /// # Errors
    ///
    /// [`SyntheticSetError::HoldOut`] if the support cannot be enumerated or nothing would be left.
    pub fn held_out(&self, n: usize) -> Result<Vec<Vec<u32>>, SyntheticSetError> {
        let refused = || SyntheticSetError::HoldOut { set: self.to_string(), n };
        let mut rest = if n == 0 { Vec::new() } else { self.support().ok_or_else(refused)? };
        if n > 0 && n >= rest.len() {
            return Err(refused());
        }
        let mut rng = keyed_rng(0, 0, Purpose::Data);
        Ok((0..n).map(|_| rest.swap_remove(index_below(&mut rng, rest.len())).0).collect())
    }

    /// Whether a sequence is in the support; `false` for a wrong length or a value outside the
    /// vocabulary.
    #[must_use]
    pub fn contains(&self, tokens: &[u32]) -> bool {
        if tokens.len() != self.seq_len() || tokens.iter().any(|&token| token as usize >= self.vocab()) {
            return false;
        }
        let steps = |part: &[u32]| part.windows(2).all(|pair| pair[1] == (pair[0] + 1) % 10);
        match self {
            Self::PairsUniform | Self::PairsSkewed | Self::D1 | Self::Chain(_) => steps(tokens),
            Self::D2 => tokens.chunks(2).all(steps),
            Self::Needle(_) => tokens.first() == tokens.last(),
            Self::Parity(_) => tokens.iter().sum::<u32>() % 2 == 0,
            Self::Grids4x4 => grids::all().iter().any(|grid| grid == tokens),
            Self::Rules => rules::broken_rules(tokens).is_empty(),
        }
    }

    /// The exact entropy `H` of the data, in nats.
    #[must_use]
    pub fn entropy(&self) -> f64 {
        let ln_10 = 10.0_f64.ln();
        match self {
            Self::PairsUniform | Self::D1 | Self::Chain(_) => ln_10,
            Self::PairsSkewed => entropy_of((1..=10).map(|weight| f64::from(weight) / 55.0)),
            Self::D2 => 2.0 * ln_10,
            Self::Needle(length) => (length - 1) as f64 * ln_10,
            Self::Parity(length) => (length - 1) as f64 * 2.0_f64.ln(),
            Self::Grids4x4 => (grids::all().len() as f64).ln(),
            Self::Rules => (rules::solutions().len() as f64).ln(),
        }
    }

    /// The exact `KL(data ‖ product of the data's marginals) = Σ_i H(x^i) − H`, in nats.
    ///
    /// A lower bound on the KL of any model without a latent at one network evaluation, which draws
    /// all tokens independently. `ln 10` for pairs-uniform, `(L−1)·ln 10` for chains.
    #[must_use]
    pub fn independent_kl_nfe1(&self) -> f64 {
        let marginal_entropies = match self {
            // The second token is a bijective function of the first.
            Self::PairsSkewed => 2.0 * self.entropy(),
            Self::Rules => rules::marginals().map(entropy_of).sum(),
            _ => self.seq_len() as f64 * (self.vocab() as f64).ln(),
        };
        marginal_entropies - self.entropy()
    }
}

/// `k, k+1, … mod 10`.
fn chain(k: u32, length: usize) -> Vec<u32> {
    (k..k + length as u32).map(|value| value % 10).collect()
}

/// All sequences of the given length in lexical order, or `None` if there are more than
/// [`MAX_SUPPORT`].
pub(super) fn sequences(vocab: u32, length: usize) -> Option<Vec<Vec<u32>>> {
    let count = (vocab as usize).checked_pow(length as u32).filter(|&count| count <= MAX_SUPPORT)?;
    let digit = |number: usize, place: usize| (number / (vocab as usize).pow(place as u32)) as u32 % vocab;
    Some((0..count).map(|number| (0..length).rev().map(|place| digit(number, place)).collect()).collect())
}

/// Appends to each sequence the token determined by its prefix.
fn closed_by(starts: Vec<Vec<u32>>, last: impl Fn(&[u32]) -> u32) -> Vec<Vec<u32>> {
    let close = |mut tokens: Vec<u32>| {
        tokens.push(last(&tokens));
        tokens
    };
    starts.into_iter().map(close).collect()
}

/// `−Σ p·ln p` in nats, with `0·ln 0 = 0`.
fn entropy_of(probabilities: impl IntoIterator<Item = f64>) -> f64 {
    probabilities.into_iter().filter(|p| *p > 0.0).map(|p| -p * p.ln()).sum()
}
