//! A judge of text: an interpolated Kneser–Ney model with modified discounts.

mod level;

use std::ops::Range;

use level::{Level, count_runs};
use rayon::prelude::*;
use thiserror::Error;

/// Bits of a packed n-gram.
const KEY_BITS: u32 = u128::BITS;

/// Why a judge cannot be trained.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NgramError {
    /// There is no model of this order over these tokens.
    #[error(
        "order {order} of {vocab} tokens needs {needed} bits; use at least one token and an order of 1 to {max}"
    )]
    Order {
        /// Order asked for.
        order: usize,
        /// Size of the vocabulary.
        vocab: usize,
        /// Bits of an n-gram.
        needed: usize,
        /// Highest order that fits into a packed n-gram.
        max: usize,
    },
    /// The text has no n-gram of the order.
    #[error("{len} tokens have no n-gram of order {order}; give a longer text or a lower order")]
    TooShort {
        /// Tokens of the text.
        len: usize,
        /// Order asked for.
        order: usize,
    },
    /// The text is longer than counts go.
    #[error("{len} tokens are more than {max}; train on a part of the text", max = u32::MAX)]
    TooLong {
        /// Tokens of the text.
        len: usize,
    },
    /// A token is not of the vocabulary.
    #[error(
        "token {token} at {position} is not below {vocab}; give the vocabulary that the text is written in"
    )]
    Token {
        /// The token.
        token: u32,
        /// Where it is.
        position: usize,
        /// Size of the vocabulary.
        vocab: usize,
    },
}

/// An interpolated Kneser–Ney model of the next token, trained by counting, that judges text no network has seen.
///
/// `p_k(w | h) = max(c(hw) − D(c(hw)), 0) / c(h) + γ(h) p_{k−1}(w | h′)` for a context `h` of `k − 1` tokens, of which `h′`
/// lacks the oldest; `p_k = p_{k−1}` after contexts that were not seen, and `p_0` is uniform over the vocabulary, so that no
/// token of it has probability zero. At the highest order `c` counts occurrences, below it the different tokens to the left, of
/// which the start of the text is one. Every order has discounts `D₁`, `D₂` and `D₃₊` of its own, estimated from how many of its
/// n-grams have counts 1 to 4; where that has no answer, as in the few unigrams of a small alphabet, they are ½, 1 and 1½.
/// `γ(h)` is what the discounts took away. Memory: about 12 bytes for every different n-gram and 28 for every different context.
///
/// # Source
///
/// S. F. Chen and J. Goodman, An empirical study of smoothing techniques for language modeling, Comput. Speech Lang. 13 (1999).
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
    /// Counts the n-grams up to `order` of `tokens`, which are below `vocab`.
    ///
    /// # Errors
    ///
    /// [`NgramError`] when a token is outside the vocabulary, the text is shorter than the order, or an n-gram does not fit into
    /// 128 bits: with 27 symbols the order goes to 25, with 50 000 to 8.
    pub fn train(tokens: &[u32], vocab: usize, order: usize) -> Result<Self, NgramError> {
        let bits = usize::BITS - vocab.saturating_sub(1).max(1).leading_zeros();
        check(tokens, vocab, order, bits)?;
        let mut grams = windows(tokens, order, bits);
        grams.par_sort_unstable();
        let mut levels = Vec::with_capacity(order);
        for k in (1..=order).rev() {
            let (keys, counts) = count_runs(&grams);
            levels.push(Level::new(&keys, &counts, bits));
            // Every different n-gram is one token to the left of the rest of it; the text's first n-gram has its start there.
            let mask = mask(bits * (k as u32 - 1));
            grams = keys.into_iter().map(|key| key & mask).collect();
            grams.push(pack(&tokens[..k - 1], bits));
            grams.par_sort_unstable();
        }
        levels.reverse();
        Ok(Self { vocab, bits, levels })
    }

    /// Longest n-gram that is looked at.
    pub fn order(&self) -> usize {
        self.levels.len()
    }

    /// Tokens of the vocabulary.
    pub fn vocab(&self) -> usize {
        self.vocab
    }

    /// `[D₁, D₂, D₃₊]` of the orders from 1 on.
    pub fn discounts(&self) -> Vec<[f64; 3]> {
        self.levels.iter().map(Level::discounts).collect()
    }

    /// `ln p(token | context)` in nats, of which context the last `order − 1` tokens count.
    ///
    /// A token outside the vocabulary, such as a mask, has `−∞`; in a context it hides what is to the left of it. A context shorter
    /// than `order − 1` is judged with the lower order, whose counts are of different tokens to the left.
    pub fn log_prob(&self, context: &[u32], token: u32) -> f64 {
        if token as usize >= self.vocab {
            return f64::NEG_INFINITY;
        }
        let (mut p, mut key) = (1.0 / self.vocab as f64, 0_u128);
        let mut older = context.iter().rev();
        for (k, level) in self.levels.iter().enumerate() {
            // Where a context was not seen, no longer one that ends with it was.
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

    /// `−(1/L) Σ ln p` over a text, in nats per token; NaN of an empty one.
    ///
    /// The first tokens have as much context as there is. Texts are judged apart: a list of samples is the mean over them.
    pub fn nll(&self, tokens: &[u32]) -> f64 {
        self.total(tokens, 0..tokens.len()) / tokens.len() as f64
    }

    /// `−Σ ln p` in nats over the tokens in `range` and the `order − 1` tokens after it, each after what is to the left of it.
    ///
    /// These are all the terms of the text's NLL that the tokens in `range` have a part in: differences between two ways to fill the
    /// range are differences of the whole text, so that a filling is charged for what does not fit behind it, too. It is a sum, not
    /// a mean: compare ranges of one length. What of the range lies behind the text's end does not count.
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

/// The n-gram as one number whose order is that of the tokens; the newest token has the lowest bits.
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
