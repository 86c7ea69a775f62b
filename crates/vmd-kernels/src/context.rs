//! Attention to earlier tokens, and among new tokens within limits.

use std::ops::Range;
use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData};

use crate::composed_attention;

/// The keys of each query: a range of the earlier tokens and a range of the new tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRanges {
    past_len: usize,
    queries: Arc<[Keys]>,
}

/// The keys of one query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    /// Range of the earlier tokens.
    pub past: Range<usize>,
    /// Range of the new tokens; never empty.
    pub own: Range<usize>,
}

impl KeyRanges {
    /// One entry of `queries` for each new token, after `past_len` earlier tokens.
    ///
    /// # Panics
    ///
    /// If a range ends after its tokens, or a query has no keys among the new tokens.
    pub fn new(past_len: usize, queries: impl IntoIterator<Item = Keys>) -> Self {
        let queries: Arc<[Keys]> = queries.into_iter().collect();
        for Keys { past, own } in queries.iter() {
            assert!(past.start <= past.end && past.end <= past_len, "keys {past:?} of {past_len}");
            assert!(own.start < own.end && own.end <= queries.len(), "keys {own:?} of {}", queries.len());
        }
        Self { past_len, queries }
    }

    /// Number of earlier tokens.
    pub fn past_len(&self) -> usize {
        self.past_len
    }

    /// Number of queries.
    pub fn seq(&self) -> usize {
        self.queries.len()
    }

    /// The ranges as an additive bias, `[1, 1, seq, past_len + seq]`: 0 where a query attends, −∞
    /// elsewhere.
    pub fn bias(&self, device: &Device) -> Tensor<4> {
        let row = self.past_len + self.seq();
        let mut values = vec![f32::NEG_INFINITY; self.seq() * row];
        for (values, Keys { past, own }) in values.chunks_exact_mut(row.max(1)).zip(self.queries.iter()) {
            values[past.clone()].fill(0.0);
            values[self.past_len..][own.clone()].fill(0.0);
        }
        Tensor::from_data(TensorData::new(values, [1, 1, self.seq(), row]), device)
    }

    #[cfg(feature = "flex")]
    pub(crate) fn queries(&self) -> &[Keys] {
        &self.queries
    }
}

/// `softmax(q·kᵀ/√d)·v` in every head, for new tokens that attend to earlier tokens and to each
/// other.
///
/// # Shapes
///
/// - `qkv`: `[batch, seq, 3·width]`: queries, keys and values, each with its heads side by side
/// - `past`: `[batch, past_len, n ≥ 2·width]`, of which the last channels are keys and values
/// - output: `[batch, seq, width]`
///
/// # Panics
///
/// If the ranges are for other numbers of tokens.
pub fn context_attention(
    qkv: Tensor<3>,
    past: Option<Tensor<3>>,
    heads: usize,
    ranges: &KeyRanges,
) -> Tensor<3> {
    assert_eq!(qkv.dims()[1], ranges.seq(), "the ranges are for another number of new tokens");
    let past_len = past.as_ref().map_or(0, |past| past.dims()[1]);
    assert_eq!(past_len, ranges.past_len, "the ranges are for another number of earlier tokens");
    crate::fused_or!(
        {
            use crate::fused::{Input, run};
            let op = fused::Context { heads, ranges: ranges.clone() };
            match &past {
                None => run(op, [Input::of(&qkv)]),
                Some(past) => run(op, [Input::of(&qkv), Input::of(past)]),
            }
        },
        composed(qkv, past, heads, ranges)
    )
}

fn composed(qkv: Tensor<3>, past: Option<Tensor<3>>, heads: usize, ranges: &KeyRanges) -> Tensor<3> {
    let [batch, seq, width] = qkv.dims();
    let width = width / 3;
    let split = |x: Tensor<3>| {
        let [_, seq, _] = x.dims();
        x.reshape([batch, seq, heads, width / heads]).swap_dims(1, 2)
    };
    let q = split(qkv.clone().narrow(2, 0, width));
    let keys_values = |part: usize| {
        let own = split(qkv.clone().narrow(2, (1 + part) * width, width));
        let Some(past) = &past else { return own };
        let from = past.dims()[2] - (2 - part) * width;
        Tensor::cat(vec![split(past.clone().narrow(2, from, width)), own], 2)
    };
    let bias = ranges.bias(&qkv.device()).cast(qkv.dtype());
    let out = composed_attention(q, keys_values(0), keys_values(1), Some(&bias));
    out.reshape([batch, seq, width])
}

#[cfg(feature = "flex")]
mod fused {
    use super::KeyRanges;
    use crate::cpu::context::{Shape, backward, forward};
    use crate::cpu::scratch::Scratch;
    use crate::fused::{Fused, Kept, View};

    #[derive(Debug, Clone)]
    pub(super) struct Context {
        pub(super) heads: usize,
        pub(super) ranges: KeyRanges,
    }

    impl Context {
        fn shape(&self, qkv: View<'_>, past: Option<View<'_>>) -> Shape<'_> {
            let width = qkv.dims[2] / 3;
            assert!(
                self.heads > 0 && qkv.dims[2] == 3 * width && width.is_multiple_of(self.heads),
                "the width is a multiple of the number of heads"
            );
            let past_channels = past.map_or(2 * width, |past| past.dims[2]);
            assert!(past_channels >= 2 * width, "the past holds keys and values");
            assert!(past.is_none_or(|past| past.dims[0] == qkv.dims[0]), "one past per sequence");
            Shape { width, heads: self.heads, past_channels, ranges: &self.ranges }
        }

        fn run(&self, qkv: View<'_>, past: Option<View<'_>>) -> (Scratch, Vec<usize>, Kept) {
            let past_values = past.map_or(&[][..], |past| past.values);
            let (out, log_sum) = forward(self.shape(qkv, past), qkv.values, past_values);
            (out, vec![qkv.dims[0], qkv.dims[1], qkv.dims[2] / 3], Kept::new(log_sum))
        }
    }

    impl Fused<1> for Context {
        /// `ln Σ exp` of every query's scores.
        type Kept = Kept;

        const READS_OUTPUT: bool = true;

        fn forward(&self, [qkv]: [View<'_>; 1], _: bool) -> (Scratch, Vec<usize>, Kept) {
            self.run(qkv, None)
        }

        fn backward(
            &self,
            [qkv]: [View<'_>; 1],
            output: &[f32],
            log_sum: &Kept,
            grad: &[f32],
            _: [bool; 1],
        ) -> [Option<Scratch>; 1] {
            let shape = self.shape(qkv, None);
            [Some(backward(shape, qkv.values, &[], [output, log_sum.values(), grad]).0)]
        }
    }

    impl Fused<2> for Context {
        type Kept = Kept;

        const READS_OUTPUT: bool = true;

        fn forward(&self, [qkv, past]: [View<'_>; 2], _: bool) -> (Scratch, Vec<usize>, Kept) {
            self.run(qkv, Some(past))
        }

        fn backward(
            &self,
            [qkv, past]: [View<'_>; 2],
            output: &[f32],
            log_sum: &Kept,
            grad: &[f32],
            _: [bool; 2],
        ) -> [Option<Scratch>; 2] {
            let shape = self.shape(qkv, Some(past));
            let (qkv, past) = backward(shape, qkv.values, past.values, [output, log_sum.values(), grad]);
            [Some(qkv), Some(past)]
        }
    }
}
