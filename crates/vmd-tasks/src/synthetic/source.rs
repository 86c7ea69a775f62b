//! Examples drawn from a synthetic set.

use std::collections::HashSet;

use rand::Rng;
use vmd_core::{DataSource, Purpose, index_below, keyed_rng};

use super::{SyntheticSet, SyntheticSetError, grids, rules};

/// Independent draws from a synthetic set.
///
/// ```
/// use vmd_core::DataSource;
/// use vmd_tasks::synthetic::{SyntheticSet, SyntheticSource};
/// let source = SyntheticSource { set: SyntheticSet::D2, seed: 7 };
/// let mut tokens = [0; 4];
/// source.fill(123, &mut tokens);
/// assert!(source.set.contains(&tokens));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SyntheticSource {
    /// The set.
    pub set: SyntheticSet,
    /// Seed; different seeds give independent examples.
    pub seed: u64,
}

impl DataSource for SyntheticSource {
    fn seq_len(&self) -> usize {
        self.set.seq_len()
    }

    fn vocab(&self) -> usize {
        self.set.vocab()
    }

    fn fill(&self, index: u64, tokens: &mut [u32]) {
        assert_eq!(tokens.len(), self.seq_len(), "one place per token of an example");
        let rng = &mut keyed_rng(self.seed, index, Purpose::Data);
        match self.set {
            SyntheticSet::PairsUniform | SyntheticSet::D1 | SyntheticSet::Chain(_) => {
                fill_chain(digit(rng), tokens);
            }
            SyntheticSet::PairsSkewed => fill_chain(skewed_digit(rng), tokens),
            SyntheticSet::D2 => tokens.chunks_mut(2).for_each(|pair| fill_chain(digit(rng), pair)),
            SyntheticSet::Needle(_) => {
                tokens.fill_with(|| digit(rng));
                tokens[tokens.len() - 1] = tokens[0];
            }
            SyntheticSet::Parity(_) => {
                tokens.fill_with(|| index_below(rng, 2) as u32);
                let (last, start) = tokens.split_last_mut().expect("a sequence has at least two tokens");
                *last = start.iter().sum::<u32>() % 2;
            }
            SyntheticSet::Grids4x4 => {
                tokens.copy_from_slice(&grids::all()[index_below(rng, grids::all().len())]);
            }
            SyntheticSet::Rules => {
                tokens.copy_from_slice(&rules::solutions()[index_below(rng, rules::solutions().len())]);
            }
        }
    }
}

fn fill_chain(first: u32, tokens: &mut [u32]) {
    for (value, token) in (first..).zip(tokens) {
        *token = value % 10;
    }
}

fn digit(rng: &mut impl Rng) -> u32 {
    index_below(rng, 10) as u32
}

/// A digit `k` with probability `(k+1)/55`.
fn skewed_digit(rng: &mut impl Rng) -> u32 {
    let lot = index_below(rng, 55) as u32;
    (0..9).find(|k| lot < (k + 1) * (k + 2) / 2).unwrap_or(9)
}

/// Examples of a synthetic set without held-out sequences.
///
/// ```
/// use vmd_core::DataSource;
/// use vmd_tasks::synthetic::{SyntheticSet, SyntheticSource, TrainingPart};
/// let source = SyntheticSource { set: SyntheticSet::Grids4x4, seed: 7 };
/// let part = TrainingPart::new(source, 88).expect("there are 288 grids");
/// let mut tokens = [0; 16];
/// part.fill(123, &mut tokens);
/// assert!(!part.held_out().contains(tokens.as_slice()));
/// ```
#[derive(Debug, Clone)]
pub struct TrainingPart {
    source: SyntheticSource,
    held_out: HashSet<Vec<u32>>,
}

impl TrainingPart {
    /// Excludes [`SyntheticSet::held_out`]`(n)`.
    ///
    /// # Errors
    ///
    /// [`SyntheticSetError::HoldOut`] if the set cannot be enumerated or nothing would be left.
    pub fn new(source: SyntheticSource, n: usize) -> Result<Self, SyntheticSetError> {
        Ok(Self { source, held_out: source.set.held_out(n)?.into_iter().collect() })
    }

    /// The excluded sequences.
    #[must_use]
    pub fn held_out(&self) -> &HashSet<Vec<u32>> {
        &self.held_out
    }
}

impl DataSource for TrainingPart {
    fn seq_len(&self) -> usize {
        self.source.seq_len()
    }

    fn vocab(&self) -> usize {
        self.source.vocab()
    }

    fn fill(&self, index: u64, tokens: &mut [u32]) {
        // Redraw, with indices that training never uses, until the example is not held out.
        for attempt in 0.. {
            self.source.fill(index | attempt << 40, tokens);
            if !self.held_out.contains(&*tokens) {
                return;
            }
        }
    }
}
