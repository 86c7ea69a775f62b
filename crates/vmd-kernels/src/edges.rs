//! Sums over edges.

use burn::tensor::Tensor;

use crate::Mask;

/// Sums, in each head, the values of the tokens that each token attends to, divided by `√n`, where
/// `n` is the largest number of such tokens in the head.
///
/// The fused kernel visits only the edges. Tokens that attend to the same tokens (such as the cells
/// of a row) share one sum.
///
/// # Shapes
///
/// - `x` and output: `[batch, seq, width]`, the heads' channels side by side
pub fn edge_sum(x: Tensor<3>, heads: usize, mask: Option<Mask<'_>>) -> Tensor<3> {
    crate::fused_or!(
        {
            use crate::fused::{Input, run};
            let edges = mask.map(|mask| mask.edges.clone());
            run(fused::EdgeSum { heads, edges }, [Input::of(&x)])
        },
        composed(x, heads, mask)
    )
}

fn composed(x: Tensor<3>, heads: usize, mask: Option<Mask<'_>>) -> Tensor<3> {
    let [batch, seq, width] = x.dims();
    let Some(mask) = mask else {
        return (x.sum_dim(1) / (seq as f64).sqrt()).repeat_dim(1, seq);
    };
    let weights = mask.bias_on(&x.device()).exp();
    let scale = weights.clone().sum_dim(3).max_dim(2).clamp_min(1.0).sqrt();
    let split = x.reshape([batch, seq, heads, width / heads]).swap_dims(1, 2);
    let weights = (weights / scale).cast(split.dtype());
    weights.matmul(split).swap_dims(1, 2).reshape([batch, seq, width])
}

#[cfg(feature = "flex")]
mod fused {
    use pulp::{Simd, WithSimd};
    use rayon::prelude::*;

    use crate::HeadEdges;
    use crate::cpu::dispatch;
    use crate::cpu::scratch::Scratch;
    use crate::fused::{Fused, View};

    #[derive(Debug, Clone)]
    pub(super) struct EdgeSum {
        pub(super) heads: usize,
        pub(super) edges: Option<HeadEdges>,
    }

    impl EdgeSum {
        /// Sums from keys to queries or, if `backward`, from queries to keys.
        fn run(&self, [_, seq, width]: [usize; 3], x: &[f32], backward: bool) -> Scratch {
            let mut y = Scratch::zeroed(x.len());
            let size = (seq * width).max(1);
            y.par_chunks_mut(size).zip(x.par_chunks(size)).for_each(|(y, x)| {
                dispatch(Sequence { op: self, seq, width, x, y, backward });
            });
            y
        }
    }

    fn dims(x: View<'_>, heads: usize) -> [usize; 3] {
        let dims = [x.dims[0], x.dims[1], x.dims[2]];
        assert!(heads > 0 && dims[2].is_multiple_of(heads), "{heads} heads share {} channels", dims[2]);
        dims
    }

    impl Fused<1> for EdgeSum {
        type Kept = ();

        fn forward(&self, [x]: [View<'_>; 1], _: bool) -> (Scratch, Vec<usize>, ()) {
            (self.run(dims(x, self.heads), x.values, false), x.dims.to_vec(), ())
        }

        fn backward(
            &self,
            [x]: [View<'_>; 1],
            _: &[f32],
            (): &(),
            grad: &[f32],
            _: [bool; 1],
        ) -> [Option<Scratch>; 1] {
            [Some(self.run(dims(x, self.heads), grad, true))]
        }
    }

    /// One sequence.
    struct Sequence<'a> {
        op: &'a EdgeSum,
        seq: usize,
        width: usize,
        x: &'a [f32],
        y: &'a mut [f32],
        backward: bool,
    }

    impl Sequence<'_> {
        /// Adds the sum over the rows `from` to the rows `to`, in the channels from `first` on.
        #[inline(always)]
        fn add(
            &mut self,
            from: impl Iterator<Item = usize>,
            to: impl Iterator<Item = usize>,
            first: usize,
            scale: f32,
            sum: &mut [f32],
        ) {
            sum.fill(0.0);
            for row in from {
                let x = &self.x[row * self.width + first..][..sum.len()];
                for (sum, x) in sum.iter_mut().zip(x) {
                    *sum += *x;
                }
            }
            for row in to {
                let y = &mut self.y[row * self.width + first..][..sum.len()];
                for (y, sum) in y.iter_mut().zip(&*sum) {
                    *y += scale * *sum;
                }
            }
        }
    }

    impl WithSimd for Sequence<'_> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(mut self, _: S) {
            let (heads, seq) = (self.op.heads, self.seq);
            let channels = self.width / heads;
            let mut sum = vec![0.0; channels];
            for head in 0..heads {
                let first = head * channels;
                let Some(groups) = self.op.edges.as_ref().and_then(|edges| edges.head(head)) else {
                    self.add(0..seq, 0..seq, first, (seq as f32).sqrt().recip(), &mut sum);
                    continue;
                };
                let most = groups.iter().map(|group| group.keys.len()).max().unwrap_or(0).max(1);
                let scale = (most as f32).sqrt().recip();
                for group in groups {
                    let (keys, queries) = (group.keys.iter().copied(), group.queries.iter().copied());
                    match self.backward {
                        false => self.add(keys, queries, first, scale, &mut sum),
                        true => self.add(queries, keys, first, scale, &mut sum),
                    }
                }
            }
        }
    }
}
