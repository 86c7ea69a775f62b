//! Random numbers that are a pure function of `(seed, step, purpose)`.

use std::f64::consts::TAU;

use rand::rngs::ChaCha8Rng;
use rand::{Rng, SeedableRng};

/// The use of a random stream. Each purpose has its own stream.
///
/// The discriminants are part of the key, so recorded results depend on them. Never renumber; only
/// add.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u64)]
pub enum Purpose {
    /// Drawing or shuffling examples.
    Data = 0,
    /// The times `t` of a training batch.
    Time = 1,
    /// Which tokens are masked.
    Mask = 2,
    /// Noise of latent draws.
    Latent = 3,
    /// Initial weights.
    Init = 5,
    /// Sampling from a trained model.
    Sample = 6,
    /// Resampling for confidence intervals.
    Bootstrap = 7,
    /// Random symmetries applied to examples.
    Augment = 8,
    /// The step budget `T` of each sequence of a batch, and whether its latent is left out.
    Budget = 9,
    /// Draws made during evaluation.
    Evaluate = 11,
    /// Which tokens a step reveals as input for their children, and in which order.
    Parents = 12,
    /// Noise of the gates of learned edges.
    Gates = 13,
    /// Sampling from a teacher model.
    Teacher = 14,
    /// Which tokens of an example are clues.
    Clues = 15,
    /// How many loops a network runs.
    Loops = 16,
    /// Sampling the blocks of a text, one stream per block.
    Block = 17,
}

/// Returns a `ChaCha8` generator for one purpose in one step. Equal arguments give equal bits on
/// every platform.
///
/// The 32-byte key holds `seed`, `step`, `purpose` and zero as little-endian 64-bit words.
/// Different arguments give different keys, not different positions in one stream, so streams do
/// not overlap.
///
/// ```
/// use vmd_core::{Purpose, keyed_rng, uniform};
/// let draw = |step| uniform(&mut keyed_rng(1, step, Purpose::Time));
/// assert_eq!(draw(5), draw(5));
/// assert_ne!(draw(5), draw(6));
/// ```
#[must_use]
pub fn keyed_rng(seed: u64, step: u64, purpose: Purpose) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&step.to_le_bytes());
    key[16..24].copy_from_slice(&(purpose as u64).to_le_bytes());
    ChaCha8Rng::from_seed(key)
}

/// Draws uniformly from `[0, 1)` with 53 random bits.
pub fn uniform<R: Rng + ?Sized>(rng: &mut R) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

/// Draws uniformly from `0..n` by multiply and shift. Consumes one 64-bit word; the bias is below
/// `n/2^64`.
///
/// # Panics
/// If `n` is 0.
pub fn index_below<R: Rng + ?Sized>(rng: &mut R, n: usize) -> usize {
    assert!(n > 0, "n must be at least 1");
    ((u128::from(rng.next_u64()) * n as u128) >> 64) as usize
}

/// Draws uniformly from `(0, 1)`: the midpoint of one of `2^52` equal cells.
pub fn open_uniform<R: Rng + ?Sized>(rng: &mut R) -> f64 {
    // With 53 bits the last midpoint would round to 1.
    ((rng.next_u64() >> 12) as f64 + 0.5) / (1_u64 << 52) as f64
}

/// Draws from `N(0, 1)` by the Box–Muller transform.
///
/// Every draw consumes two 64-bit words, without rejection, so the position in the stream is
/// predictable.
pub fn standard_normal<R: Rng + ?Sized>(rng: &mut R) -> f64 {
    let radius = (-2.0 * uniform(rng).max(f64::MIN_POSITIVE).ln()).sqrt();
    radius * (TAU * uniform(rng)).cos()
}

/// Evaluates the quantile function of the standard Gumbel distribution at `u` in `[0, 1)`:
/// `−ln(−ln u)`, always finite.
#[must_use]
pub fn gumbel(u: f64) -> f64 {
    -(-u.max(f64::MIN_POSITIVE).ln()).ln()
}
