//! N-gram judge: an interpolated Kneser–Ney model with modified discounts.

mod level;

use std::ops::Range;

use level::{Level, count_runs};
use rayon::prelude::*;
use thiserror::Error;

/// Bits of a packed n-gram.
const KEY_BITS: u32 = u128::BITS;

/// Error of training a judge.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NgramError {
    /// The order is 0 or too high, or the vocabulary is empty.
    #[error(
        "order {order} of {vocab} tokens needs {needed} bits; use at least one token and an order of 1 to {max}"
    )]
    Order {
        /// Requested order.
        order: usize,
        /// Size of the vocabulary.
        vocab: usize,
        /// Bits of an n-gram.
        needed: usize,
        /// Highest order whose n-grams fit into the packed form.
        max: usize,
    },
    /// The text is shorter than the order.
    #[error("{len} tokens have no n-gram of order {order}; give a longer text or a lower order")]
    TooShort {
        /// Tokens of the text.
        len: usize,
        /// Requested order.
        order: usize,
    },
    /// The text is too long for 32-bit counts.
    #[error("{len} tokens are more than {max}; train on a part of the text", max = u32::MAX)]
    TooLong {
        /// Tokens of the text.
        len: usize,
    },
    /// A token is outside the vocabulary.
    #[error(
        "token {token} at {position} is not below {vocab}; give the vocabulary that the text is written in"
    )]
    Token {
        /// The token.
        token: u32,
        /// Its position, from 0.
        position: usize,
        /// Size of the vocabulary.
        vocab: usize,
    },
}

/// An interpolated Kneser–Ney model of the next token, trained by counting. A judge of text that is
/// independent of any network.
///
/// `p_k(w | h) = max(c(hw) − D(c(hw)), 0) / c(h) + γ(h) p_{k−1}(w | h′)` for a context `h` of
/// `k − 1` tokens, where `h′` is `h` without the oldest token. After unseen contexts
/// `p_k = p_{k−1}`. `p_0` is uniform over the vocabulary, so that no token has probability zero. At
/// the highest order `c` counts occurrences; at lower orders it counts distinct tokens to the left,
/// including the start of the text. Every order has its own discounts `D₁`, `D₂` and `D₃₊`,
/// estimated from the numbers of n-grams with counts 1 to 4; where the estimate is invalid, as for
/// the few unigrams of a small alphabet, they are ½, 1 and 1½. `γ(h)` is the mass removed by the
/// discounts. Memory: about 12 bytes per distinct n-gram and 28 per distinct context.
///
/// # Source
///
/// S. F. Chen and J. Goodman, An empirical study of smoothing techniques for language modeling,
/// Comput. Speech Lang. 13 (1999).
///
/// ```
/// use vmd_eval::text::NgramJudge;
///
/// let judge = NgramJudge::train(&[0, 1, 0, 2, 0, 1, 0, 2], 3, 2)?;
/// assert!(judge.log_prob(&[1], 0) > judge.log_prob(&[1], 2));
/// # Ok::<(), vmd_eval::text::NgramError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct NgramJudge {
    vocab: usize,
    bits: u32,
    /// Orders 1 to n.
    levels: Vec<Level>,
}

impl NgramJudge {
    /// Counts the n-grams of `tokens` up to `order`. Tokens must be below `vocab`.
    ///
    /// # Errors
    ///
    /// [`NgramError`] if a token is outside the vocabulary, the text is shorter than the order, or
    /// an n-gram does not fit into 128 bits: the maximum order is 25 with 27 symbols, and 8 with 50
    /// 000.
    pub fn train(tokens: &[u32], vocab: usize, order: usize) -> Result<Self, NgramError> {
        let bits = usize::BITS - vocab.saturating_sub(1).max(1).leading_zeros();
        check(tokens, vocab, order, bits)?;
        let mut grams = windows(tokens, order, bits);
        grams.par_sort_unstable();
        let mut levels = Vec::with_capacity(order);
        for k in (1..=order).rev() {
            let (keys, counts) = count_runs(&grams);
            levels.push(Level::new(&keys, &counts, bits));
            // Each distinct n-gram adds one left token to its suffix; the first n-gram of the text
            // has the start there.
            let mask = mask(bits * (k as u32 - 1));
            grams = keys.into_iter().map(|key| key & mask).collect();
            grams.push(pack(&tokens[..k - 1], bits));
            grams.par_sort_unstable();
        }
        levels.reverse();
        Ok(Self { vocab, bits, levels })
    }

    /// Order of the model: the longest n-gram.
    pub fn order(&self) -> usize {
        self.levels.len()
    }

    /// Size of the vocabulary.
    pub fn vocab(&self) -> usize {
        self.vocab
    }

    /// Discounts `[D₁, D₂, D₃₊]` of each order from 1.
    pub fn discounts(&self) -> Vec<[f64; 3]> {
        self.levels.iter().map(Level::discounts).collect()
    }

    /// `ln p(token | context)` in nats. Uses the last `order − 1` tokens of the context.
    ///
    /// A token outside the vocabulary, such as a mask, has `−∞`; in a context it cuts off the
    /// tokens to its left. A context shorter than `order − 1` uses the lower order, with its counts
    /// of distinct tokens to the left.
    pub fn log_prob(&self, context: &[u32], token: u32) -> f64 {
        if token as usize >= self.vocab {
            return f64::NEG_INFINITY;
        }
        let (mut p, mut key) = (1.0 / self.vocab as f64, 0_u128);
        let mut older = context.iter().rev();
        for (k, level) in self.levels.iter().enumerate() {
            // If a context was not seen, no longer context with this suffix was.
            let Some(seen) = level.find(key) else { break };
            p = level.interpolate(seen, token, p);
            match older.next() {
                Some(&next) if (next as usize) < self.vocab => {
                    key |= u128::from(next) << (self.bits * k as u32);
                }
                _ => break,
            }
        }
        p.ln()
    }

    /// `−(1/L) Σ ln p` over a text, in nats per token; NaN for an empty one.
    ///
    /// The first tokens have shorter contexts. Texts are scored independently; average the results
    /// for a list of samples.
    pub fn nll(&self, tokens: &[u32]) -> f64 {
        self.total(tokens, 0..tokens.len()) / tokens.len() as f64
    }

    /// `−Σ ln p` in nats over the tokens in `range` and the `order − 1` tokens after it, each given
    /// the tokens to its left.
    ///
    /// These are all the terms of the text's NLL that depend on the tokens in `range`. So
    /// differences between two fillings of the range are differences of the whole text, including
    /// its fit with the text after the range. The result is a sum, not a mean: compare ranges of
    /// one length. Positions of the range beyond the end of the text are ignored.
    pub fn span_nll(&self, tokens: &[u32], range: Range<usize>) -> f64 {
        let end = range.end.min(tokens.len());
        let start = range.start.min(end);
        let after = if start == end { 0 } else { self.order() - 1 };
        self.total(tokens, start..(end + after).min(tokens.len()))
    }

    fn total(&self, tokens: &[u32], range: Range<usize>) -> f64 {
        let terms: Vec<f64> = range
            .into_par_iter()
            .with_min_len(1024)
            .map(|i| -self.log_prob(&tokens[i.saturating_sub(self.order() - 1)..i], tokens[i]))
            .collect();
        terms.into_iter().sum()
    }
}

fn check(tokens: &[u32], vocab: usize, order: usize, bits: u32) -> Result<(), NgramError> {
    let (max, needed) = ((KEY_BITS / bits) as usize, order.saturating_mul(bits as usize));
    if vocab == 0 || order == 0 || order > max {
        return Err(NgramError::Order { order, vocab, needed, max });
    }
    if tokens.len() < order {
        return Err(NgramError::TooShort { len: tokens.len(), order });
    }
    if u32::try_from(tokens.len()).is_err() {
        return Err(NgramError::TooLong { len: tokens.len() });
    }
    match tokens.iter().position(|&token| token as usize >= vocab) {
        Some(position) => Err(NgramError::Token { token: tokens[position], position, vocab }),
        None => Ok(()),
    }
}

/// The n-gram as one number with the same order as the tokens; the newest token has the lowest
/// bits.
fn pack(gram: &[u32], bits: u32) -> u128 {
    gram.iter().fold(0, |key, &token| (key << bits) | u128::from(token))
}

fn mask(bits: u32) -> u128 {
    1_u128.checked_shl(bits).map_or(u128::MAX, |bit| bit - 1)
}

fn windows(tokens: &[u32], order: usize, bits: u32) -> Vec<u128> {
    let (mask, mut key) = (mask(bits * order as u32), pack(&tokens[..order - 1], bits));
    tokens[order - 1..]
        .iter()
        .map(|&token| {
            key = ((key << bits) | u128::from(token)) & mask;
            key
        })
        .collect()
}
