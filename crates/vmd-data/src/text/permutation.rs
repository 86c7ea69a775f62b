//! A shuffled order in constant memory.

use rand::Rng;
use vmd_core::{Purpose, keyed_rng};

/// Rounds of the Feistel network. Four suffice for large blocks; small blocks need more.
const ROUNDS: usize = 6;

/// Minimum number of bits of half a block: blocks of two or four bits have too few permutations.
const LEAST_HALF: u32 = 3;

/// A keyed bijection of `0..len`: a Feistel network over the next even number of bits, applied
/// repeatedly until its value is below `len`.
///
/// # Source
///
/// Black and Rogaway, *Ciphers with arbitrary finite domains* (2002), for cycle walking.
///
/// ```
/// use vmd_data::text::Permutation;
/// let order = Permutation::new(10, 7, 0);
/// let mut seen: Vec<u64> = (0..10).map(|i| order.at(i)).collect();
/// seen.sort();
/// assert_eq!(seen, Vec::from_iter(0..10));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permutation {
    len: u64,
    half: u32,
    keys: [u64; ROUNDS],
}

impl Permutation {
    /// The permutation of `0..len` for this seed and number, such as the number of an epoch.
    #[must_use]
    pub fn new(len: u64, seed: u64, number: u64) -> Self {
        Self::drawn(len, &mut keyed_rng(seed, number, Purpose::Data))
    }

    /// The image of `index`.
    ///
    /// # Panics
    ///
    /// If `index` is not below the length.
    #[must_use]
    pub fn at(&self, index: u64) -> u64 {
        assert!(index < self.len, "index {index} is out of range for {} items", self.len);
        // Terminates: the network is a bijection of the block, so the walk reaches a value below
        // `len`, at the latest `index`.
        let mut value = self.once(index);
        while value >= self.len {
            value = self.once(value);
        }
        value
    }

    /// A permutation with a key drawn from `rng`.
    pub(crate) fn drawn<R: Rng + ?Sized>(len: u64, rng: &mut R) -> Self {
        let bits = u64::BITS - len.saturating_sub(1).leading_zeros();
        Self { len, half: bits.div_ceil(2).max(LEAST_HALF), keys: std::array::from_fn(|_| rng.next_u64()) }
    }

    fn once(&self, value: u64) -> u64 {
        let mask = (1 << self.half) - 1;
        let (left, right) =
            self.keys.iter().fold((value >> self.half, value & mask), |(left, right), key| {
                (right, left ^ (mixed(right ^ key) & mask))
            });
        left << self.half | right
    }
}

/// The finaliser of `SplitMix64`: every output bit depends on every input bit.
fn mixed(mut value: u64) -> u64 {
    value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ value >> 31
}
