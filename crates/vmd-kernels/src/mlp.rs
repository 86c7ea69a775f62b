//! Feed-forward layers.

use burn::tensor::Tensor;

use crate::{Activation, Precision, linear};

/// `added + activation(x·W₁ + b₁)·W₂ + b₂` over the last dimension.
///
/// The fused kernel computes the whole layer for one block of tokens at a time, while the block is
/// in the cache. It keeps the hidden layer before the activation, and recomputes the activation in
/// the backward pass.
///
/// # Shapes
///
/// - `x`, `added` and output: `[batch, seq, width]`
/// - `up`: `[width, hidden]` and `[hidden]`; `down`: `[hidden, width]` and `[width]`
pub fn mlp(
    x: Tensor<3>,
    activation: Activation,
    up: (Tensor<2>, Tensor<1>),
    down: (Tensor<2>, Tensor<1>),
    added: Tensor<3>,
    precision: Precision,
) -> Tensor<3> {
    crate::fused_or!(
        {
            use crate::fused::{Input, run};
            let [x, added] = [&x, &added].map(Input::of);
            let [up, down] = [&up, &down].map(|(weight, bias)| [Input::of(weight), Input::of(bias)]);
            let ([up, up_bias], [down, down_bias]) = (up, down);
            let inputs = [x, up, up_bias, down, down_bias, added];
            precision.is_fused().then(|| run(fused::Mlp(activation, precision), inputs)).flatten()
        },
        {
            let hidden = activation.forward(linear(x, up.0, up.1, None, precision));
            linear(hidden, down.0, down.1, Some(added), precision)
        }
    )
}

#[cfg(feature = "flex")]
mod fused {
    use rayon::prelude::*;

    use crate::cpu::activation;
    use crate::cpu::packed::{BLOCK_ROWS, Packed, add_rows, block_rows, parts, shares, total};
    use crate::cpu::product::{Matrix, Start};
    use crate::cpu::scratch::Scratch;
    use crate::fused::{Fused, Kept, View};
    use crate::{Activation, Precision};

    #[derive(Debug, Clone)]
    pub(super) struct Mlp(pub(super) Activation, pub(super) Precision);

    impl Fused<6> for Mlp {
        /// The hidden layer before the activation.
        type Kept = Kept;

        const ADDED: Option<usize> = Some(5);

        fn forward(
            &self,
            [x, up, up_bias, down, down_bias, added]: [View<'_>; 6],
            keep: bool,
        ) -> (Scratch, Vec<usize>, Kept) {
            let [width, hidden] = [up.dims[0], up.dims[1]];
            let d_output = down.dims[1];
            let rows = x.dims[0] * x.dims[1];
            assert_eq!(x.dims[2], width, "channels of the input and rows of the weight");
            let x_matrix = Matrix::new(x.values, rows, width, width);
            let (packed_up, packed_down) =
                (Packed::new(up.matrix(), self.1), Packed::new(down.matrix(), self.1));
            let block = block_rows(rows);
            let mut before = Scratch::take(if keep { rows * hidden } else { 0 });
            let befores = shares(&mut before, block * hidden, rows.div_ceil(block));
            let mut y = Scratch::take(rows * d_output);
            y.par_chunks_mut((block * d_output).max(1)).zip(befores).enumerate().for_each(
                |(index, (y, before))| {
                    let from = index * block;
                    let x = x_matrix.rows(from, block);
                    let mut after = Scratch::take(x.n_rows() * hidden);
                    packed_up.multiply(x, Start::Bias(up_bias.values), &mut after, hidden);
                    if keep {
                        before.copy_from_slice(&after);
                    }
                    activation::in_place(self.0, &mut after);
                    y.copy_from_slice(&added.values[from * d_output..][..y.len()]);
                    let after = Matrix::new(&after, x.n_rows(), hidden, hidden);
                    packed_down.multiply(after, Start::AccumulateBias(down_bias.values), y, d_output);
                },
            );
            (y, vec![x.dims[0], x.dims[1], d_output], Kept::new(before))
        }

        fn backward(
            &self,
            [x, up, _, down, _, _]: [View<'_>; 6],
            _: &[f32],
            before: &Kept,
            grad: &[f32],
            _: [bool; 6],
        ) -> [Option<Scratch>; 6] {
            let layer = Backward {
                activation: self.0,
                rows: x.dims[0] * x.dims[1],
                width: up.dims[0],
                hidden: up.dims[1],
                d_output: down.dims[1],
                x: x.values,
                before: before.values(),
                grad,
                up: Packed::new(up.matrix().transposed(), self.1),
                precision: self.1,
                down: Packed::new(down.matrix().transposed(), self.1),
            };
            let mut dx = Scratch::take(x.values.len());
            let (_, size) = parts(layer.rows);
            let sums: Vec<[Scratch; 4]> = dx
                .par_chunks_mut((size * layer.width).max(1))
                .enumerate()
                .map(|(index, dx)| layer.part(index * size, size, dx))
                .collect();
            let mut sums: [Vec<Scratch>; 4] = sums.into_iter().fold(Default::default(), |mut all, part| {
                all.iter_mut().zip(part).for_each(|(all, part)| all.push(part));
                all
            });
            let (weight, hidden) = (layer.width * layer.hidden, layer.hidden);
            let sizes = [weight, hidden, layer.hidden * layer.d_output, layer.d_output];
            let mut sum = |which: usize| Some(total(std::mem::take(&mut sums[which]), sizes[which]));
            [Some(dx), sum(0), sum(1), sum(2), sum(3), None]
        }
    }

    /// Inputs shared by the parts of the backward pass.
    struct Backward<'a> {
        activation: Activation,
        precision: Precision,
        rows: usize,
        width: usize,
        hidden: usize,
        d_output: usize,
        x: &'a [f32],
        before: &'a [f32],
        grad: &'a [f32],
        /// Transposed, as is `down`.
        up: Packed,
        down: Packed,
    }

    impl Backward<'_> {
        /// The gradient of `n` tokens from token `from` on, and their contributions to the
        /// gradients of the weights and biases.
        fn part(&self, from: usize, n: usize, dx: &mut [f32]) -> [Scratch; 4] {
            let Self { width, hidden, d_output, .. } = *self;
            let mut sums = [width * hidden, hidden, hidden * d_output, d_output].map(Scratch::zeroed);
            let [d_up, d_up_bias, d_down, d_down_bias] = &mut sums;
            let to = (from + n).min(self.rows);
            for row in (from..to).step_by(BLOCK_ROWS) {
                let rows = BLOCK_ROWS.min(to - row);
                let of = |cols: usize| row * cols..(row + rows) * cols;
                let grad = &self.grad[of(d_output)];
                let before = &self.before[of(hidden)];
                let dy = Matrix::new(grad, rows, d_output, d_output);
                let mut after = Scratch::take(rows * hidden);
                after.copy_from_slice(before);
                activation::in_place(self.activation, &mut after);
                let transposed = Matrix::new(&after, rows, hidden, hidden).transposed();
                transposed.multiply(dy, self.precision, Start::Accumulate, d_down, d_output);
                let mut d_hidden = after;
                self.down.multiply(dy, Start::Zero, &mut d_hidden, hidden);
                activation::backward_in_place(self.activation, before, &mut d_hidden);
                let d_before = Matrix::new(&d_hidden, rows, hidden, hidden);
                let x = Matrix::new(&self.x[of(width)], rows, width, width);
                x.transposed().multiply(d_before, self.precision, Start::Accumulate, d_up, hidden);
                self.up.multiply(
                    d_before,
                    Start::Zero,
                    &mut dx[(row - from) * width..][..rows * width],
                    width,
                );
                add_rows(&d_hidden, d_up_bias);
                add_rows(grad, d_down_bias);
            }
            sums
        }
    }
}
