//! Rotary position embeddings.

use burn::tensor::Tensor;

use crate::RotaryTable;

/// Rotates pairs of channels of queries and keys by the angles of their positions.
///
/// In each head, channel `i` of the first half is paired with channel `i` of the second half.
///
/// # Shapes
///
/// - `qkv` and output: `[batch, seq, 3·width]`: queries, keys and values, each with its heads side
///   by side
///
/// # Panics
///
/// If `table` is for another number of positions or for heads of another size.
///
/// # Source
///
/// arXiv 2104.09864.
pub fn rotary(qkv: Tensor<3>, heads: usize, table: &RotaryTable) -> Tensor<3> {
    let [_, seq, width] = qkv.dims();
    assert_eq!(seq, table.seq(), "one angle per position");
    assert_eq!(width / 3, heads * table.channels(), "the table is for another head size");
    crate::fused_or!(
        {
            use crate::fused::{Input, run};
            run(fused::Rotary { heads, table: table.clone() }, [Input::of(&qkv)])
        },
        composed(qkv, heads, table)
    )
}

fn composed(qkv: Tensor<3>, heads: usize, table: &RotaryTable) -> Tensor<3> {
    let [batch, seq, width] = qkv.dims();
    let (shape, half) = ([batch, seq, heads, table.channels()], table.channels() / 2);
    let [cos, sin] = table.tensors(&qkv.device()).map(|table| table.cast(qkv.dtype()));
    let parts = qkv.chunk(3, 2);
    let turned = |part: usize| {
        let x = parts[part].clone().reshape(shape);
        let (a, b) = (x.clone().narrow(3, 0, half), x.narrow(3, half, half));
        let first = a.clone() * cos.clone() - b.clone() * sin.clone();
        Tensor::cat(vec![first, a * sin.clone() + b * cos.clone()], 3).reshape([batch, seq, width / 3])
    };
    Tensor::cat(vec![turned(0), turned(1), parts[2].clone()], 2)
}

#[cfg(feature = "flex")]
mod fused {
    use rayon::prelude::*;

    use crate::RotaryTable;
    use crate::cpu::TASK;
    use crate::cpu::scratch::Scratch;
    use crate::fused::{Fused, View};

    #[derive(Debug, Clone)]
    pub(super) struct Rotary {
        pub(super) heads: usize,
        pub(super) table: RotaryTable,
    }

    impl Rotary {
        /// Rotates by the angles, or by their negatives if `back`.
        fn turn(&self, values: &[f32], back: bool) -> Scratch {
            let (seq, channels) = (self.table.seq(), self.table.channels());
            let half = channels / 2;
            let token = 3 * self.heads * channels;
            let mut out = Scratch::copy(values);
            let tokens = (TASK / token.max(1)).max(1);
            out.par_chunks_mut((tokens * token).max(1)).enumerate().for_each(|(task, out)| {
                for (i, row) in out.chunks_exact_mut(token).enumerate() {
                    let (cos, sin) = self.table.at((task * tokens + i) % seq);
                    for head in row[..token / 3 * 2].chunks_exact_mut(channels) {
                        let (a, b) = head.split_at_mut(half);
                        for (((a, b), cos), sin) in a.iter_mut().zip(b).zip(cos).zip(sin) {
                            let sin = if back { -sin } else { *sin };
                            (*a, *b) = (*a * cos - *b * sin, *a * sin + *b * cos);
                        }
                    }
                }
            });
            out
        }
    }

    impl Fused<1> for Rotary {
        type Kept = ();

        fn forward(&self, [qkv]: [View<'_>; 1], _: bool) -> (Scratch, Vec<usize>, ()) {
            (self.turn(qkv.values, false), qkv.dims.to_vec(), ())
        }

        fn backward(
            &self,
            _: [View<'_>; 1],
            _: &[f32],
            (): &(),
            grad: &[f32],
            _: [bool; 1],
        ) -> [Option<Scratch>; 1] {
            [Some(self.turn(grad, true))]
        }
    }
}
